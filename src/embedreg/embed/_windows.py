"""Texts as windows of token ids, and windows as batches."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.errors import DataError
from embedreg.embed._word_memory import WordMemory, reads_word_by_word, special_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer


_LEAST_FILLED: Final = 0.9
_FEW: Final = 8  # batches a thread, of which one more or less matters
_LEAST_TOKENS: Final = 256  # in a batch of a thread's own
_UNEVEN: Final = 1.2  # times the mean, the most that a batch may have
_BUDGETS_TRIED: Final = 8


@dataclass(frozen=True)
class Windows:
    """Texts cut into windows; the windows of one text follow one another.

    Attributes
    ----------
    ids
        Token ids of each window, special tokens included.
    text
        Position of each window's text.
    starts
        Text i has the windows starts[i] up to, not including, starts[i + 1]; one more value than texts.
    """

    ids: list[NDArray[np.int32]]
    text: list[int]
    starts: list[int]

    @functools.cached_property
    def lengths(self) -> NDArray[np.int64]:  # (windows,)
        """Tokens in each window, once there are all."""
        return np.array([len(ids) for ids in self.ids], dtype=np.int64)


class WindowTokenizer:
    """Cuts texts into windows of at most `window` tokens, each with the special tokens the model expects.

    Parameters
    ----------
    tokenizer
        Of the model; its own limits and padding are replaced.
    window
        Tokens in a window at most, special tokens included.
    begin
        Id that stands for a text of no tokens, or None to refuse such a text.
    prompt
        Put before each text, once: of a long text, the first window has it.
    """

    def __init__(self, tokenizer: Tokenizer, window: int, begin: int | None, prompt: str = "") -> None:
        self._tokenizer = tokenizer
        self._begin = begin
        self._prompt = prompt
        tokenizer.no_padding()
        tokenizer.no_truncation()  # in releases 0.23.1 and 0.23.2 what overflows is lost
        self._window = window
        self._memory = WordMemory(tokenizer) if reads_word_by_word(tokenizer) else None

    def __call__(self, texts: Sequence[str], first: int = 0) -> Windows:
        """Tokenise; every token of every text is in exactly one window.

        Parameters
        ----------
        texts
            To tokenise.
        first
            Position of the first one, for messages.

        Raises
        ------
        DataError
            If something is no text, holds no valid Unicode, or has no tokens in a model without a begin
            token.
        """
        _check_texts(texts, first)
        given = [self._prompt + text for text in texts] if self._prompt else texts
        remembered = self._memory.ids(given) if self._memory else {}
        windows = self._whole(remembered) if len(remembered) == len(texts) else None
        if windows is None:
            windows = Windows([], [], [0])
            for position, parts in enumerate(self._parts(given, remembered)):
                for ids in parts:
                    windows.ids.append(ids if len(ids) else self._begin_of(first + position))
                    windows.text.append(position)
                windows.starts.append(len(windows.ids))
        return windows

    def _whole(self, remembered: Mapping[int, NDArray[np.int32]]) -> Windows | None:
        """Return texts as a window each, None if one of them has no token or too many."""
        windows = Windows([*remembered.values()], [*remembered], [*range(len(remembered) + 1)])
        lengths = windows.lengths
        whole = not len(lengths) or (lengths.min() > 0 and lengths.max() <= self._window)
        return windows if whole else None

    def _parts(
        self, texts: Sequence[str], remembered: Mapping[int, NDArray[np.int32]]
    ) -> Iterator[list[NDArray[np.int32]]]:
        """Yield the windows of each text, whose ids may be known."""
        special = self._memory.special if self._memory else (0, 0)
        others = [text for position, text in enumerate(texts) if position not in remembered]
        read = iter(self._tokenizer.encode_batch_fast(others))
        for position in range(len(texts)):
            if position in remembered:
                yield _cut(remembered[position], self._window, special)
            else:
                encoding = next(read)
                ids = np.array(encoding.ids, dtype=np.int32)
                fits = len(ids) <= self._window
                yield [ids] if fits else _cut(ids, self._window, special_tokens(encoding))

    def _begin_of(self, position: int) -> NDArray[np.int32]:
        if self._begin is None:
            raise DataError(
                f"a text without tokens at position {position}",
                expected="at least one token, as this model has no special tokens",
                mend="leave the record out, or give it some text",
            )
        return np.array([self._begin], dtype=np.int32)


def _cut(ids: NDArray[np.int32], window: int, special: tuple[int, int]) -> list[NDArray[np.int32]]:
    """Return a text's ids in windows, each with the special tokens, so many of which are before and after the text."""
    if len(ids) <= window:
        return [ids]
    before, after = special
    stop = len(ids) - after
    step = window - before - after
    return [
        np.concatenate([ids[:before], ids[start : min(start + step, stop)], ids[stop:]])
        for start in range(before, stop, step)
    ]


def chunks(texts: Sequence[object], most: int, letters: int) -> Iterator[slice]:
    """Cut texts into runs of so many at most, and of so many letters or one text more.

    Examples
    --------
    >>> list(chunks(["abc", "d", "ef", "g"], 3, 4))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    start = held = 0
    for position, text in enumerate(texts):
        held += len(text) if isinstance(text, str) else 0
        stop = position + 1
        if stop - start == most or held >= letters:
            yield slice(start, stop)
            start, held = stop, 0
    if start < len(texts):
        yield slice(start, len(texts))


def plan_packed_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Group windows so that a batch without padding has at most `budget` tokens, the longest first.

    With padding, which pooling has, it has at most twice as many, or is a single window.

    Examples
    --------
    >>> [batch.tolist() for batch in plan_packed_batches(np.array([2, 9, 3, 2]), 6)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    ends = np.cumsum(lengths[order])
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        full = int(np.searchsorted(ends, ends[start] - longest + budget, side="right"))
        stop = max(start + 1, min(full, start + 2 * budget // longest))
        yield order[start:stop]
        start = stop


def plan_batches(
    lengths: NDArray[np.int64], budget: int, *, padding: bool = True
) -> Iterator[NDArray[np.int64]]:
    """Group windows of like length so that a padded batch has at most `budget` tokens, the longest first.

    A batch that has a quarter of the budget takes no window that would be padding for more than a tenth. A
    window that is longer than the budget is a batch of its own. Without `padding`, all windows of a batch
    have one length.

    Examples
    --------
    >>> [batch.tolist() for batch in plan_batches(np.array([2, 9, 3, 2]), 6)]
    [[1], [2], [0, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        fitting = order[start : start + max(1, budget // longest)]
        least = _LEAST_FILLED * longest if padding else longest
        alike = int((lengths[fitting] >= least).sum())
        batch = fitting[: max(alike, budget // 4 // longest if padding else 1)]
        yield batch
        start += len(batch)


def even_batches(
    plan: Callable[[NDArray[np.int64], int], Iterable[NDArray[np.int64]]],
    lengths: NDArray[np.int64],
    budget: int,
    threads: int,
) -> list[NDArray[np.int64]]:
    """Return batches of like size within a budget, as many for each thread; none where that is not worth it.

    It is not for many batches, of which a thread may have one more than another, nor for a few tokens, which take longer to
    give to threads; nor where it takes another batch a thread, or windows are too few to make batches alike.

    Examples
    --------
    >>> [len(batch) for batch in even_batches(plan_batches, np.full(40, 50), 1000, 2)]
    [20, 20]
    >>> [len(batch) for batch in even_batches(plan_batches, np.full(50, 50), 1000, 2)]
    [13, 13, 13, 11]
    >>> even_batches(plan_batches, np.full(3, 500), 1000, 2)
    []
    """
    sizes = _sizes(plan(lengths, budget), lengths)
    wanted = -(-len(sizes) // threads) * threads
    if threads == 1 or len(sizes) > _FEW * threads or sum(sizes) < wanted * _LEAST_TOKENS:
        return []
    mean = sum(sizes) / wanted
    for some in np.linspace(min(budget, mean), min(budget, _UNEVEN * mean), _BUDGETS_TRIED):
        batches = [*plan(lengths, math.ceil(some))]
        if len(batches) == wanted and max(_sizes(batches, lengths)) <= _UNEVEN * mean:
            return batches
    return []


def _sizes(batches: Iterable[NDArray[np.int64]], lengths: NDArray[np.int64]) -> list[int]:
    """Return the tokens of batches of windows of such lengths."""
    return [int(lengths[batch].sum()) for batch in batches]


def _check_texts(texts: Sequence[object], first: int) -> None:
    """Refuse what no tokenizer can read, with its position, `first` for the first one."""
    try:
        "".join(texts).encode()  # type: ignore[arg-type]  # what is no text is refused here
    except (TypeError, UnicodeEncodeError):
        for position, text in enumerate(texts):
            check_text(text, first + position)


def check_text(text: object, position: int) -> None:
    """Refuse what no tokenizer can read.

    Raises
    ------
    DataError
        If something is no text or no valid Unicode, with its position.
    """
    if not isinstance(text, str):
        raise DataError(
            f"a {type(text).__name__} at position {position}",
            expected="a text",
            mend="serialise records first",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"half of a surrogate pair in the text at position {position}",
            expected="valid Unicode",
            mend="read the file with the right encoding, or text.encode('utf-8', 'replace').decode()",
        ) from error
