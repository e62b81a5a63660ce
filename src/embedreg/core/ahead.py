"""Work that is done ahead of those who want its results."""

from __future__ import annotations

import collections
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the result of each item, in order, while a thread is at work on the next one.

    An error of `work` is raised where its result would be. Leaving off early waits for the item that is under way.

    Examples
    --------
    >>> list(one_ahead(len, ["a", "bc", ""]))
    [1, 2, 0]
    """
    with ThreadPoolExecutor(1, thread_name_prefix="embedreg-ahead") as pool:
        waiting: Future[Result] | None = None
        for item in items:
            following = pool.submit(work, item)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


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
