"""vector -> number: the paper's MLP sweep, ridge regression, XGBoost, Gaussian processes, trees, and the mean of y.

Importing this package loads none of them: each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names
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

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {
        "_base": ["Head", "Problem", "fit_many"],
        "_extra_trees": ["ExtraTreesHead"],
        "_gp": ["GaussianProcessHead"],
        "_mean": ["MeanHead"],
        "_mlp": ["MLPHead"],
        "_ridge": ["RidgeHead"],
        "_xgboost": ["XGBoostHead"],
    },
)
