"""record -> vector by traditional means: scaled numbers, one-hot categories, dates, character n-grams."""

from __future__ import annotations

from embedreg.features._tabular_features import TabularFeatures

__all__ = ["TabularFeatures"]
