"""One thread for linear algebra, where more would wait for each other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep products and decompositions of numpy and scipy to one thread within this, in the whole process.

    numpy and scipy bring a pool of threads each, and those of one wait busily for a while after their work is done: small
    decompositions that call both in turn, as scikit-learn's randomised ones do, are faster with one.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     np.linalg.eigvalsh(np.eye(2))
    array([1., 1.])
    """
    limited: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return limited


@functools.cache
def _pools() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401, PLC0415 (so that its pool is there to be found)

    return ThreadpoolController()
