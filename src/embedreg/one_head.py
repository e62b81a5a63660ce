"""One representation and one head for each target: the composition that a user has named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from embedreg.core.errors import DataError, UsageError
from embedreg.core.protocols import SavedState
from embedreg.features import TabularFeatures
from embedreg.heads import Head, Problem, fit_many, head_from_state, make_head
from embedreg.heads._base import draw_seed
from embedreg.heads._registry import check_rebuilt_by_name
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.embed import EmbeddingPlan

MIN_ROWS: Final = 2
_FEATURES = "features"


class OneHead:
    """A representation, fitted once, and a head for each target.

    Parameters
    ----------
    representation
        The unfitted way from a record to a vector.
    head
        The unfitted way from a vector to a number.

    Attributes
    ----------
    heads_ : list of Head
        One a target.
    """

    heads_: list[Head]

    def __init__(self, representation: TextEmbedder | TabularFeatures, head: Head) -> None:
        self.representation = representation
        self.head = head

    def fit(
        self, records: Sequence[Record], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> Self:
        """Represent the records and fit the heads to y (n, targets).

        Raises
        ------
        UsageError
            If the head takes no weights and some are given.
        DataError
            If there are fewer than 2 records.
        """
        self._refuse_weights_in_vain(weight)
        if len(records) < MIN_ROWS:
            raise DataError(
                f"{len(records)} records (Found array with {len(records)} sample(s))",
                expected=f"at least {MIN_ROWS} records to learn from",
                mend="give more data",
            )
        vectors: Array = self.representation.fit(list(records)).transform(list(records))
        head = make_head(self.head)
        seed = draw_seed(getattr(head, "random_state", 0))
        problems = [Problem(vectors, target, random_state=seed, weight=weight) for target in y.T]
        self.heads_ = fit_many(head, problems, description="fitting")
        return self

    def plan(self, records: Sequence[Record]) -> EmbeddingPlan | None:
        """Return what `fit` would have to embed, or None if that is nothing."""
        if isinstance(self.representation, TabularFeatures):
            return None
        return self.representation.plan(list(records))

    def predict(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Return predictions, shape (n, targets)."""
        vectors: Array = self.representation.transform(list(records))
        return np.column_stack([head.predict(vectors) for head in self.heads_])

    def _refuse_weights_in_vain(self, weight: NDArray[np.float64] | None) -> None:
        """Say so before anything is embedded, if the head takes no weights."""
        if weight is not None and not has_fit_parameter(self.head, "sample_weight"):
            raise UsageError(
                f"sample_weight for the head {self.head.name!r}",
                expected="a head that takes weights",
                mend="use head='ridge' or head='xgboost', or leave the weights out",
            )

    def state(self) -> dict[str, SavedState]:
        """Return what it has learnt, part by part.

        Raises
        ------
        UsageError
            If the class of the head is not among those that `from_state` finds.
        """
        check_rebuilt_by_name(self.heads_[0])
        if isinstance(self.representation, TabularFeatures):
            represented = {_FEATURES: self.representation.state()}
        else:
            represented = {"embedder": SavedState(self.representation.identity())}
        return represented | {f"head-{i}": head.state() for i, head in enumerate(self.heads_)}

    @classmethod
    def from_state(
        cls, parts: Mapping[str, SavedState], representation: TextEmbedder | TabularFeatures
    ) -> Self:
        """Return what was saved.

        Raises
        ------
        SavedModelError
            If the language model is another one.
        """
        if isinstance(representation, TextEmbedder):
            restored: TextEmbedder | TabularFeatures = representation.restore_as(parts["embedder"].config)
        else:
            restored = TabularFeatures.from_state(parts[_FEATURES])
        names = sorted((name for name in parts if name.startswith("head-")), key=lambda name: int(name[5:]))
        heads = [head_from_state(parts[name]) for name in names]
        one = cls(restored, heads[0])
        one.heads_ = heads
        return one
