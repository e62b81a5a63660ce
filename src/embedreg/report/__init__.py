"""What a comparison found, for people: plain-text tables and self-contained HTML pages.

`rugged_surface_figure` and `distance_profile_figure` draw with matplotlib, so they are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names
from embedreg.report._downloads import COMPARISON_FILES, comparison_json
from embedreg.report._html import require_report_packages
from embedreg.report._page import save_comparison, write_comparison_report
from embedreg.report._smoothness_files import SMOOTHNESS_FILES, SmoothnessFacts, smoothness_json
from embedreg.report._smoothness_page import save_smoothness
from embedreg.report._smoothness_table import smoothness_table
from embedreg.report._study_page import write_study_report
from embedreg.report._text_table import comparison_table

if TYPE_CHECKING:
    from embedreg.report._smoothness_figures import distance_profile_figure, rugged_surface_figure
    from embedreg.report._style import to_svg

__all__ = [
    "COMPARISON_FILES",
    "SMOOTHNESS_FILES",
    "SmoothnessFacts",
    "comparison_json",
    "comparison_table",
    "distance_profile_figure",
    "require_report_packages",
    "rugged_surface_figure",
    "save_comparison",
    "save_smoothness",
    "smoothness_json",
    "smoothness_table",
    "to_svg",
    "write_comparison_report",
    "write_study_report",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {
        "_smoothness_figures": ["distance_profile_figure", "rugged_surface_figure"],
        "_style": ["to_svg"],
    },
    require=require_report_packages,
)
