"""Records as traditional features: as they are, as ranks, as smooth curves, as products of two, pooled over fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer
from sklearn.utils import gen_batches

from embedreg.core.protocols import SavedState
from embedreg.features import TabularFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.ensemble._context import Context

_QUANTILES: Final = 1000
_KNOTS: Final = np.linspace(0, 1, 5)
_SPLINES: Final = 7  # cubic, with so many knots
_CURVED_AT_ONCE: Final = 2**18  # ranks whose splines are held at once, 56 bytes each
_FEWEST_POOLED: Final = 8  # fields; fewer are as well looked at one by one


@dataclass(frozen=True, eq=False)
class Features:
    """Traditional features."""

    features: TabularFeatures

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        return cls(context.features(records))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the features, shape (n, d)."""
        return self.features.transform(records)

    def lacking(self, records: Sequence[Record], *, held_out: bool = False) -> NDArray[np.bool_]:
        """Return which records lack what nearly each training record had, shape (n,); see `TabularFeatures.lacking`."""
        return self.features.lacking(records, held_out=held_out)

    def state(self) -> SavedState:
        """Return what it has learnt."""
        return self.features.state()

    @classmethod
    def from_state(cls, state: SavedState, _context: Context) -> Self:
        """Return what was saved."""
        return cls(TabularFeatures.from_state(state))


@dataclass(frozen=True, eq=False)
class FeatureRanks:
    """Traditional features, each as the share of training rows below it: scales and outliers are gone.

    Attributes
    ----------
    features
        Fitted to training records.
    quantiles
        Of the training rows, ascending in each column, shape (q, d).
    """

    features: TabularFeatures
    quantiles: NDArray[np.float64]

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        features = context.features(records)
        count = min(_QUANTILES, len(records))
        learnt = np.asarray(features.transform(records), dtype=np.float64)
        return cls(features, np.quantile(learnt, np.linspace(0, 1, count), axis=0))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the ranks between 0 and 1, shape (n, d); what lies beyond the training rows is at an end."""
        features = np.asarray(self.features.transform(records), dtype=np.float64)
        return np.column_stack([_ranks(x, q) for x, q in zip(features.T, self.quantiles.T, strict=True)])

    def state(self) -> SavedState:
        """Return what it has learnt."""
        own = self.features.state()
        return SavedState(own.config, own.arrays | {"quantiles": self.quantiles}, own.blobs)

    @classmethod
    def from_state(cls, state: SavedState, _context: Context) -> Self:
        """Return what was saved."""
        return cls(TabularFeatures.from_state(state), state.arrays["quantiles"])


def _ranks(x: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of quantiles below x, the middle of it where several are equal to x."""
    below = np.linspace(0, 1, len(quantiles))
    from_left = np.interp(x, quantiles, below)
    from_right = 1 - np.interp(-x, -quantiles[::-1], below)
    return np.asarray((from_left + from_right) / 2)


@dataclass(frozen=True, eq=False)
class Splines:
    """Feature ranks, and smooth curves of each: a linear model of them is additive in the features.

    Attributes
    ----------
    ranks
        Of the features.
    curved
        Which features have more than two values in training, shape (d,).
    """

    ranks: FeatureRanks
    curved: NDArray[np.bool_]

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        ranks = FeatureRanks.learn(records, context)
        learnt = ranks.transform(records)
        return cls(ranks, np.array([len(np.unique(column)) > 2 for column in learnt.T], dtype=bool))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return ranks and B-splines of them, shape (n, d + 7 curved)."""
        return self._expanded(self.ranks.transform(records))

    def _expanded(self, ranks: Array) -> Array:
        if not self.curved.any():
            return ranks
        return np.hstack([ranks, _curves(ranks[:, self.curved])])

    def state(self) -> SavedState:
        """Return what it has learnt."""
        own = self.ranks.state()
        return SavedState(own.config, own.arrays | {"curved": self.curved}, own.blobs)

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        return cls(FeatureRanks.from_state(state, context), state.arrays["curved"])


def _curves(ranks: Array) -> Array:
    """Return 7 B-splines of each column's ranks, shape (n, 7 d), a column's side by side."""
    knots = np.repeat(_KNOTS[:, None], ranks.shape[1], axis=1)
    fitted = SplineTransformer(knots=knots).fit(knots)  # the knots are all that there is to it
    return np.asarray(fitted.transform(ranks))


def _mean_curves(ranks: Array) -> Array:
    """Return the mean over columns of each of their 7 B-splines, shape (n, 7); those of some rows are held at once."""
    n, fields = ranks.shape
    rows = max(1, _CURVED_AT_ONCE // fields)
    means = np.empty((n, _SPLINES))
    for some in gen_batches(n, rows):
        means[some] = _curves(ranks[some]).reshape(-1, fields, _SPLINES).mean(axis=1)
    return means


class SplinesAndProducts(Splines):
    """Splines, and the products of every two feature ranks: a linear model of them has all interactions of two."""

    def _expanded(self, ranks: Array) -> Array:
        products = PolynomialFeatures(2, include_bias=False).fit_transform(ranks - 0.5)
        return np.hstack([super()._expanded(ranks), products[:, ranks.shape[1] :]])


class PooledFields(Splines):
    """What features that say the same of many fields are on average, whichever field it is of.

    Average pooling does this to the tokens of a text. What depends on all fields alike (a norm, a count) is a few numbers
    here, however many fields there are; learnt field by field it takes several numbers of each. A linear model of such
    means is a sum over fields of one curve, the simplest function of a set (Zaheer et al., 2017, "Deep Sets").
    """

    def _expanded(self, ranks: Array) -> Array:
        """Return means over fields, shape (n, k): of 7 B-splines for features with more than two values, else of the ranks."""
        parts: list[Array] = [np.zeros((len(ranks), 0))]
        for positions in pooled_positions(self.ranks.features):
            curved = self.curved[positions]
            if curved.any():
                parts.append(_mean_curves(ranks[:, positions[curved]]))
            if not curved.all():
                parts.append(ranks[:, positions[~curved]].mean(axis=1, keepdims=True))
        return np.hstack(parts)


def pooled_positions(features: TabularFeatures) -> list[NDArray[np.intp]]:
    """Return the positions of features that say the same of eight fields or more."""
    return [positions for positions in features.alike() if len(positions) >= _FEWEST_POOLED]


class RanksAndPooledFields(PooledFields):
    """Feature ranks beside the pooled fields: each field by itself, and what they have in common."""

    def _expanded(self, ranks: Array) -> Array:
        return np.hstack([ranks, super()._expanded(ranks)])
