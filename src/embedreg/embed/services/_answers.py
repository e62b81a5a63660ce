"""From what a service answered to vectors, or to what is wrong with it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from embedreg.embed.services._service import WrongAnswerError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedreg.embed.services._service import Answer


def vectors_of(answer: Answer, count: int, dimension: int | None) -> NDArray[np.float32]:
    """Return the vectors of `count` texts in the order of the request, shape (count, d).

    Parameters
    ----------
    answer
        Of the service.
    count
        How many texts were sent.
    dimension
        Length d that vectors must have; None if that is still to be found out.

    Raises
    ------
    WrongAnswerError
        If vectors are missing, too many, of another length, or hold what is no finite number.
    """
    if len(answer.items) != count:
        raise WrongAnswerError(f"{len(answer.items)} vectors for {count} texts")
    try:
        numbered = sorted(((int(index), values) for index, values in answer.items), key=lambda item: item[0])
    except (TypeError, ValueError, OverflowError):
        raise WrongAnswerError("vectors without an index") from None
    if [index for index, _ in numbered] != list(range(count)):
        raise WrongAnswerError("vectors whose indices are not those of the texts")
    vectors = [_vector(values) for _, values in numbered]
    expected = len(vectors[0]) if dimension is None else dimension
    for vector in vectors:
        if len(vector) != expected or not expected:
            raise WrongAnswerError(f"a vector of {len(vector)} numbers instead of {expected or 'some'}")
    matrix = np.stack(vectors)
    if not np.isfinite(matrix).all():
        raise WrongAnswerError("a vector with NaN or infinity")
    return matrix


def _vector(values: Any) -> NDArray[np.float32]:
    try:
        if isinstance(values, str):
            return np.frombuffer(base64.b64decode(values, validate=True), dtype="<f4").astype(np.float32)
        with np.errstate(over="ignore"):  # what becomes infinite is found by the caller
            vector = np.asarray(values, dtype=np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError, binascii.Error):
        raise WrongAnswerError("a vector that is neither numbers nor base64 of float32") from None
    if vector.ndim != 1:
        raise WrongAnswerError("a vector that is no list of numbers")
    return vector
