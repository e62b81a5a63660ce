"""How many threads linear algebra takes, and what else is one setting for all threads of the process."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _SharedLimit:
    """A limit on the pools of the whole process, set by the first thread that asks for it and lifted by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limit: Any = None

    def take(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._limit = _pools(per_thread=False).limit(limits=1)

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                _let_any_thread_set_limits()
                self._limit.restore_original_limits()
                _let_any_thread_set_limits()


_limit = _SharedLimit()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep products and decompositions of numpy and scipy to one thread within this, in the whole process.

    numpy and scipy bring a pool of threads each, and those of one wait busily for a while after their work is done: small
    decompositions that call both in turn, as scikit-learn's randomised ones do, are faster with one. Where several threads
    are within this at once, what was before comes back when the last of them leaves.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     np.linalg.eigvalsh(np.eye(2))
    array([1., 1.])
    """
    with _pools(per_thread=True).limit(limits=1):
        _limit.take()
        try:
            yield
        finally:
            _limit.release()


@dataclass
class SharedSetting:
    """A setting of the process that several threads may want at once, and what it was before the first of them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    before: Any = None


_torch_threads = SharedSetting()


@contextlib.contextmanager
def torch_threads_kept() -> Iterator[None]:
    """Put back, at the end, how many threads torch takes: within this, threads may set one each for themselves.

    Threads that begin meanwhile find torch at what was set last; of several within this, the first knows what was before.

    Examples
    --------
    >>> import torch
    >>> before = torch.get_num_threads()
    >>> with torch_threads_kept():
    ...     torch.set_num_threads(1)
    >>> torch.get_num_threads() == before
    True
    """
    import torch

    shared = _torch_threads
    with shared.lock:
        if not shared.users:
            shared.before = torch.get_num_threads()
        shared.users += 1
    try:
        yield
    finally:
        with shared.lock:
            shared.users -= 1
            torch.set_num_threads(shared.before)


@functools.cache
def one_torch_thread_after_fork() -> None:
    """Let processes that are forked from here on take one thread of torch's, where they would wait forever for this one's.

    GNU's OpenMP keeps its threads for the next product, and a fork has none of them.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_take_one_torch_thread)


def _take_one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)


_starting = threading.Lock()


@contextlib.contextmanager
def torch_threads_for_others(count: int) -> Iterator[Callable[[], None]]:
    """Give what a thread that begins within this calls to take so many threads of torch's; all others have what they had.

    torch keeps a number for each thread and a default for those that begin, and sets both at once.

    Examples
    --------
    >>> import threading, torch
    >>> before, found = torch.get_num_threads(), []
    >>> with torch_threads_for_others(1) as begin:
    ...     thread = threading.Thread(target=lambda: found.extend([begin(), torch.get_num_threads()]))
    ...     thread.start()
    ...     thread.join()
    >>> found, torch.get_num_threads() == before
    ([None, 1], True)
    """
    import torch

    def begin() -> None:
        torch.set_num_threads(count)
        torch.get_num_threads()  # at its first question a thread takes the default in the place of what it has set

    with _starting:
        own = torch.get_num_threads()
        try:
            yield begin
        finally:
            torch.set_num_threads(own)


def torch_threads() -> int:
    """Return how many threads torch takes for this one, which is not asked while the default is another for a moment."""
    import torch

    with _starting:
        return int(torch.get_num_threads())


@functools.cache
def _pools(*, per_thread: bool) -> ThreadpoolController:
    """Return the pools for linear algebra of which each thread has its own (OpenMP's), or those of the whole process."""
    import scipy.linalg  # noqa: F401, PLC0415 (so that its pool is there to be found)

    every = ThreadpoolController()
    blas = [pool for pool in every.lib_controllers if pool.user_api == "blas"]
    own = [pool.filepath for pool in blas if (getattr(pool, "threading_layer", "") == "openmp") == per_thread]
    return every.select(filepath=own)


def _let_any_thread_set_limits() -> None:
    """Free the limits from the thread that set them: since 3.8, threadpoolctl ignores all other threads while that one lives."""
    for pool in _pools(per_thread=False).lib_controllers:
        if hasattr(pool, "clear_controlling_thread"):
            pool.clear_controlling_thread(force=True)
