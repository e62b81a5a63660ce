"""What is compared, by name. A new method is one file, or one entry of a file, and a line here."""

from __future__ import annotations

from benchmarks.quality.methods._base import DTYPE, Fitted, Method, Parts, require
from benchmarks.quality.methods._catboost import CATBOOST
from benchmarks.quality.methods._ours import OURS
from benchmarks.quality.methods._paper import PAPER
from benchmarks.quality.methods._sentence_transformers import SENTENCE_TRANSFORMERS
from benchmarks.quality.methods._skrub import SKRUB
from benchmarks.quality.methods._xgboost import XGBOOST

METHODS: dict[str, Method] = {
    method.name: method for method in (*OURS, PAPER, XGBOOST, CATBOOST, SKRUB, SENTENCE_TRANSFORMERS)
}

__all__ = ["DTYPE", "METHODS", "Fitted", "Method", "Parts", "require"]
