"""Fits side by side, each on one thread: whole fits share the cores, not the steps within one.

Two threads that meet at every small matrix product wait for each other most of the time, and for ever so long
where another process has one of the cores. Numbers do not hang on how many cores there are either.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from embedreg.core.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAKE_SECONDS = 0.2  # how long Ctrl-C may go unheard on a platform where waiting for a lock defers it


def worker_count() -> int:
    """Return how many fits to run at once: the processors this process may use, or OMP_NUM_THREADS if fewer."""
    import joblib  # noqa: PLC0415 (predicting with a saved head asks for no workers)

    asked = os.environ.get("OMP_NUM_THREADS", "")
    available = int(joblib.cpu_count())
    return max(1, min(available, int(asked))) if asked.isdigit() else available


def run_side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], stop: Callable[[], object]
) -> Iterator[tuple[int, Result]]:
    """Call `work` on each item, as many at once as there are processors, and yield (position, result) as they end.

    Parameters
    ----------
    work
        Has to keep to one thread and let go of Python's lock for most of its time. BLAS is kept to one.
    items
        Started in this order.
    stop
        Called once where a call fails or the caller leaves off (Ctrl-C), so that calls under way may end early;
        those not begun are dropped.
    """
    workers = min(worker_count(), len(items))
    if workers <= 1:
        yield from ((position, work(item)) for position, item in enumerate(items))
        return
    with (
        one_blas_thread(),
        ThreadPoolExecutor(workers, thread_name_prefix="embedreg-fit") as pool,
    ):
        pending = {pool.submit(work, item): position for position, item in enumerate(items)}
        try:
            while pending:
                done, _ = wait(pending, timeout=_WAKE_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
