"""What a comparison found, for people: a plain-text table and one self-contained HTML page."""

from embedreg.report._downloads import comparison_json
from embedreg.report._page import require_report_packages, save_comparison, write_comparison_report
from embedreg.report._study_page import write_study_report
from embedreg.report._text_table import comparison_table

__all__ = [
    "comparison_json",
    "comparison_table",
    "require_report_packages",
    "save_comparison",
    "write_comparison_report",
    "write_study_report",
]
