"""Token ids of words that were met before: texts made from records say the same words over and over.

A WordPiece tokenizer with BERT's rules (arXiv 1810.04805) reads each word by itself: letters and digits in a row, or one
punctuation mark. Words of ASCII are found by splitting, and each of them is tokenised once.
"""

from __future__ import annotations

import itertools
import string
import threading
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

_RULES: Final = ["WordPiece", "BertNormalizer", "BertPreTokenizer"]
"""Kinds of the model, the normalizer and the pre-tokenizer."""
_READ: Final = bytes(range(ord(" "), 127)) + b"\t\n\r"
"""All of ASCII but control characters: these are no blanks, and are left out."""
_END: Final = "\0"  # of a text; no text that is read here has it
_LEAST_LETTERS: Final = 4096  # of fewer the tokenizer makes no more work
_MOST_LETTERS: Final = 2**19  # of the words that are kept
_WORDS_AT_ONCE: Final = 256  # so that several threads get some


class WordMemory:
    r"""Token ids of texts by those of their words, the same that the tokenizer gives.

    Threads may share it.

    Parameters
    ----------
    tokenizer
        For which `reads_word_by_word` is true, and which truncates nothing.

    Attributes
    ----------
    special
        How many special tokens are before and after each text.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    >>> tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "[SEP]": 1, "lr": 2, "=": 3, "1": 4}, unk_token="[UNK]"))
    >>> tokenizer.normalizer = normalizers.BertNormalizer()
    >>> tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    >>> _ = tokenizer.add_special_tokens(["[SEP]"])
    >>> reads_word_by_word(tokenizer)
    True
    >>> WordMemory(tokenizer).ids(["LR = 1", "\xfc", "1=lr"] * 1000)[2].tolist()
    [4, 3, 2]
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._lowers = bool(tokenizer.normalizer.lowercase)
        self._added = [token.content.lower() for token in tokenizer.get_added_tokens_decoder().values()]
        self._mark, self._mark_id = next(_marks(tokenizer))
        self._before, self._after = _special_ids(tokenizer)
        self.special = len(self._before), len(self._after)
        self._lock = threading.Lock()
        self._forget()

    def ids(self, texts: Sequence[str]) -> dict[int, NDArray[np.int32]]:
        """Return the token ids of texts by their positions, special tokens included and nothing truncated.

        Those are left out that the tokenizer itself has to read: with other letters than ASCII's, with control characters, or
        with one of its added tokens; all where they are short and few.
        """
        joined = _joined(texts)
        if len(joined) < _LEAST_LETTERS:
            return {}
        chosen = [*range(len(texts))]
        if not self._reads(joined, len(texts)):
            chosen = [i for i, text in enumerate(texts) if self._reads(text)]
            joined = _joined([texts[i] for i in chosen])
        words = self._words(joined)
        with self._lock:
            try:
                numbers = [*map(self._numbers.__getitem__, words)]
            except KeyError:
                self._learn(words)
                numbers = [*map(self._numbers.__getitem__, words)]
            flat, starts = np.array(self._flat), np.array(self._starts)
        return dict(zip(chosen, self._texts(np.array(numbers, dtype=np.int64), flat, starts), strict=True))

    def _reads(self, text: str, ends: int = 0) -> bool:
        """Return whether words can be found in a text, or in several with so many ends."""
        if not text.isascii() or len(text.encode("ascii").translate(None, _READ)) > ends:
            return False
        lowered = text.lower()
        return not any(token in lowered for token in self._added)

    def _words(self, text: str) -> list[str]:
        if self._lowers:
            text = text.lower()
        for mark in string.punctuation:
            if mark in text:
                text = text.replace(mark, f" {mark} ")
        return text.split()

    def _forget(self) -> None:
        """Know the number of `_END` alone, which stands for what comes after a text and before the next one."""
        self._numbers = {_END: 0}
        self._letters = 0
        self._flat = array("i", self._after + self._before)
        self._starts = array("q", [0, len(self._flat)])  # of each word's ids, and the end of the last one's

    def _learn(self, words: Iterable[str]) -> None:
        distinct = dict.fromkeys(words)
        new = [word for word in distinct if word not in self._numbers]
        if self._letters + sum(map(len, new)) > _MOST_LETTERS:
            self._forget()
            new = [word for word in distinct if word != _END]
        parts = [new[start : start + _WORDS_AT_ONCE] for start in range(0, len(new), _WORDS_AT_ONCE)]
        marked = [f" {self._mark} ".join([*part, ""]) for part in parts]
        for encoding in self._tokenizer.encode_batch_fast(marked, add_special_tokens=False):
            for token in encoding.ids:
                if token == self._mark_id:
                    self._starts.append(len(self._flat))
                else:
                    self._flat.append(token)
        self._letters += sum(map(len, new))
        self._numbers.update(zip(new, range(len(self._numbers), len(self._starts) - 1), strict=True))

    def _texts(
        self, numbers: NDArray[np.int64], flat: NDArray[np.int32], starts: NDArray[np.int64]
    ) -> list[NDArray[np.int32]]:
        """Return the ids of texts whose words have these numbers; number n's ids are flat[starts[n] : starts[n + 1]]."""
        lengths = np.diff(starts)[numbers]
        ends = np.cumsum(lengths)  # of each word's ids, among those of all words
        places = np.repeat(starts[numbers] - (ends - lengths), lengths) + np.arange(lengths.sum())
        ids: NDArray[np.int32] = np.concatenate([np.array(self._before, dtype=np.int32), flat[places]])
        bounds = [0, *ends[numbers == 0].tolist()]
        return [ids[start:stop] for start, stop in itertools.pairwise(bounds)]


def _joined(texts: Sequence[str]) -> str:
    """Return texts as one, `_END` after each."""
    return f" {_END} ".join([*texts, ""])


def reads_word_by_word(tokenizer: Tokenizer) -> bool:
    """Return whether a tokenizer has the rules of BERT's, by which a word's ids do not hang on its neighbours."""
    parts = (tokenizer.model, tokenizer.normalizer, tokenizer.pre_tokenizer)
    return [type(part).__name__ for part in parts] == _RULES and any(_marks(tokenizer))


def _marks(tokenizer: Tokenizer) -> Iterator[tuple[str, int]]:
    """Yield (text, id) of tokens that tell words apart: always found, and never a word's."""
    for number, token in tokenizer.get_added_tokens_decoder().items():
        whole = token.special and not token.normalized and not token.single_word
        if whole and token.content != tokenizer.model.unk_token:
            yield token.content, number


def _special_ids(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids that a tokenizer puts before and after a text."""
    [encoding] = tokenizer.encode_batch_fast([string.ascii_lowercase])
    before, after = special_tokens(encoding)
    return encoding.ids[:before], encoding.ids[len(encoding.ids) - after :]


def special_tokens(encoding: Encoding) -> tuple[int, int]:
    """Return how many special tokens a tokenizer put before and after a text."""
    of_text = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    return of_text[0], len(encoding) - 1 - of_text[-1]
