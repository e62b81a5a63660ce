"""Comparisons on the same splits: what is measured, how sure it is, and what it says.

Names are loaded when first used: reading a stored result needs neither scipy nor scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names

if TYPE_CHECKING:
    from embedreg.study._bootstrap import bootstrap_intervals
    from embedreg.study._compare import CompareSettings, compare_representations, plan_comparison
    from embedreg.study._metrics import LOWER_IS_BETTER, METRICS, evaluate
    from embedreg.study._splits import Split, group_split
    from embedreg.study._statistics import bootstrap_p, corrected_resampled_t_test, holm
    from embedreg.study._summary import MethodRuns, Summary, summarise
    from embedreg.study._verdict import verdict
    from embedreg.study.result import Comparison, Difference, Interval, MethodResult, SmoothnessResult

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "CompareSettings",
    "Comparison",
    "Difference",
    "Interval",
    "MethodResult",
    "MethodRuns",
    "SmoothnessResult",
    "Split",
    "Summary",
    "bootstrap_intervals",
    "bootstrap_p",
    "compare_representations",
    "corrected_resampled_t_test",
    "evaluate",
    "group_split",
    "holm",
    "plan_comparison",
    "summarise",
    "verdict",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {
        "_bootstrap": ["bootstrap_intervals"],
        "_compare": ["CompareSettings", "compare_representations", "plan_comparison"],
        "_metrics": ["LOWER_IS_BETTER", "METRICS", "evaluate"],
        "_splits": ["Split", "group_split"],
        "_statistics": ["bootstrap_p", "corrected_resampled_t_test", "holm"],
        "_summary": ["MethodRuns", "Summary", "summarise"],
        "_verdict": ["verdict"],
        "result": ["Comparison", "Difference", "Interval", "MethodResult", "SmoothnessResult"],
    },
)
