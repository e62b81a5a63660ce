"""record -> vector by traditional means: scaled numbers, one-hot categories, dates, character n-grams."""

from __future__ import annotations

from embedreg.features._kinds import are_words
from embedreg.features._tabular_features import TabularFeatures
from embedreg.features._values import is_missing, numeric_value, written

__all__ = ["TabularFeatures", "are_words", "is_missing", "numeric_value", "written"]
