"""Work that is done ahead of those who want its results."""

from __future__ import annotations

import collections
import contextlib
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int = 1,
    begin: Callable[[], object] | None = None,
) -> Iterator[Result]:
    """Yield the result of each item, in order, while threads are at work on the next ones.

    Of `threads` of them each takes every so manieth item, so that what a thread keeps from one to the next does not hang on
    how fast the others are. One thread is one item ahead. An error of `work` is raised where its result would be. Leaving off
    early waits for the items that are under way.

    Parameters
    ----------
    work, items
        What is done, and with what.
    threads
        How many items are worked on at once.
    begin
        Called by each thread before its first item.

    Examples
    --------
    >>> list(ahead(len, ["a", "bc", ""], threads=2))
    [1, 2, 0]
    """
    waiting: collections.deque[Future[Result]] = collections.deque()
    with contextlib.ExitStack() as stack:
        pools = [
            stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="embedreg-ahead", initializer=begin))
            for _ in range(threads)
        ]
        try:
            for item, pool in zip(items, itertools.cycle(pools)):
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * threads:  # a thread that is done before an earlier one has more to do
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def lagging(items: Iterable[Item], lag: int) -> Iterator[Item]:
    """Yield the items in order, each once `lag` more of them are made: a GPU is given work before the last is read.

    Where the next one fails, those that are made come before its error.

    Examples
    --------
    >>> list(lagging("abc", 1))
    ['a', 'b', 'c']
    """
    made: collections.deque[Item] = collections.deque()
    try:
        for item in items:
            made.append(item)
            if len(made) > lag:
                yield made.popleft()
    except GeneratorExit:  # nobody wants them
        raise
    except BaseException:
        yield from made
        raise
    yield from made
