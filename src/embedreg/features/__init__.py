"""record -> vector by traditional means: scaled numbers, one-hot categories, dates, character n-grams."""

from __future__ import annotations

from embedreg.features._tabular_features import TabularFeatures
from embedreg.features._values import numeric_value

__all__ = ["TabularFeatures", "numeric_value"]
