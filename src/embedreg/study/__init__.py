"""Comparisons on the same splits: what is measured, how sure it is, and what it says.

Names are loaded when first used: reading a stored result needs neither scipy nor scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedreg.study._bootstrap import bootstrap_intervals
    from embedreg.study._compare import CompareSettings, compare_representations
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
    "summarise",
    "verdict",
]

_NAMES_BY_MODULE = {
    "_bootstrap": ["bootstrap_intervals"],
    "_compare": ["CompareSettings", "compare_representations"],
    "_metrics": ["LOWER_IS_BETTER", "METRICS", "evaluate"],
    "_splits": ["Split", "group_split"],
    "_statistics": ["bootstrap_p", "corrected_resampled_t_test", "holm"],
    "_summary": ["MethodRuns", "Summary", "summarise"],
    "_verdict": ["verdict"],
    "result": ["Comparison", "Difference", "Interval", "MethodResult", "SmoothnessResult"],
}
_HOME = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
