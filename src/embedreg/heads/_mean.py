"""The baseline that every head has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from embedreg.heads._base import Head

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array


class MeanHead(Head):
    """The mean of the training targets, whatever the input.

    Attributes
    ----------
    chosen_ : dict
        Empty: there is nothing to choose.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> MeanHead().fit([[0.0], [1.0], [2.0]], [1.0, 2.0, 6.0]).predict([[9.0]])
    array([3.])
    """

    name: ClassVar[str] = "mean"
    seconds: ClassVar[float] = 0.01

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Array, Array] | None = None,
    ) -> Self:
        """Take the (weighted) mean of `y`, shape (n,); validation rows are checked and not used."""
        train = self._read(X, y, sample_weight)
        self._read_validation(validation)
        self._learn_scales(train)
        self.chosen_: dict[str, Any] = {}
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # scikit-learn's checks would have it learn something
        return tags

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.zeros(len(Z))  # the standardised mean
