"""vector -> number: the paper's MLP sweep, ridge regression, XGBoost, Gaussian processes, trees, and the mean of y.

Importing this package loads none of them: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedreg.heads._registry import HEADS, head_from_state, make_head

if TYPE_CHECKING:
    from embedreg.heads._base import Head, Problem, fit_many
    from embedreg.heads._extra_trees import ExtraTreesHead
    from embedreg.heads._gp import GaussianProcessHead
    from embedreg.heads._mean import MeanHead
    from embedreg.heads._mlp import MLPHead
    from embedreg.heads._ridge import RidgeHead
    from embedreg.heads._xgboost import XGBoostHead

__all__ = [
    "HEADS",
    "ExtraTreesHead",
    "GaussianProcessHead",
    "Head",
    "MLPHead",
    "MeanHead",
    "Problem",
    "RidgeHead",
    "XGBoostHead",
    "fit_many",
    "head_from_state",
    "make_head",
]

_HOME = {
    "Head": "_base",
    "Problem": "_base",
    "fit_many": "_base",
    "ExtraTreesHead": "_extra_trees",
    "GaussianProcessHead": "_gp",
    "MLPHead": "_mlp",
    "MeanHead": "_mean",
    "RidgeHead": "_ridge",
    "XGBoostHead": "_xgboost",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package stays fast."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
