"""Work that is done ahead of those who want its results."""

from __future__ import annotations

import collections
import contextlib
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int = 1,
    starting: AbstractContextManager[Callable[[], object]] | None = None,
) -> Iterator[Result]:
    """Yield the result of each item, in order, while threads are at work on the next ones.

    Of `threads` of them each takes every so manieth item, so that what a thread keeps from one to the next does not hang on
    how fast the others are. One thread is one item ahead. An error of `work` is raised where its result would be. Leaving off
    early waits for the items that are under way. Where no thread may begin any more, as the process is ending, the work is
    done here.

    Parameters
    ----------
    work, items
        What is done, and with what.
    threads
        How many items are worked on at once.
    starting
        What the threads begin within. They call what it gives before their first item.

    Examples
    --------
    >>> list(ahead(len, ["a", "bc", ""], threads=2))
    [1, 2, 0]
    """
    waiting: collections.deque[Future[Result]] = collections.deque()
    with contextlib.ExitStack() as stack:
        with starting or contextlib.nullcontext(_nothing) as begin:
            pools = [
                stack.enter_context(
                    ThreadPoolExecutor(1, thread_name_prefix="embedreg-ahead", initializer=begin)
                )
                for _ in range(threads)
            ]
            for begun in [_submit(pool, lambda _: None, None) for pool in pools]:
                begun.result()
        try:
            for item, pool in zip(items, itertools.cycle(pools)):
                waiting.append(_submit(pool, work, item))
                if len(waiting) >= 2 * threads:  # a thread that is done before an earlier one has more to do
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def begun(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin work on a thread of its own, and return what waits for its result, or raises its error.

    Examples
    --------
    >>> three = begun(lambda: 1 + 2)
    >>> three()
    3
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="embedreg-begun")
    future = _submit(pool, lambda _: work(), None)
    pool.shutdown(wait=False)
    return future.result


def _submit(pool: ThreadPoolExecutor, work: Callable[[Item], Result], item: Item) -> Future[Result]:
    try:
        return pool.submit(work, item)
    except RuntimeError:  # the main thread has come to its end
        done: Future[Result] = Future()
        try:
            done.set_result(work(item))
        except Exception as error:  # whatever it is, it is raised where the result would be
            done.set_exception(error)
        return done


def _nothing() -> None:
    pass


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
