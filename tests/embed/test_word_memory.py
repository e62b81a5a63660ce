"""Words that are remembered give the ids that the tokenizer gives to whole texts."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from embedreg.embed import _word_memory
from embedreg.embed._windows import WindowTokenizer
from embedreg.embed._word_memory import WordMemory, reads_word_by_word

PIECES = [
    "lr",
    "Lr",
    "ad",
    "##am",
    "1",
    "##2",
    "0",
    "##5",
    ".",
    "{",
    '"',
    ":",
    "}",
    ",",
    "-",
    "e",
    "##0",
    "\u00fc",
    "\u8272",
]
WORDS = [
    "lr",
    "Lr",
    "LR",
    "adam",
    "12",
    "0.5",
    "1e-05",
    '{"lr": 0.05}',
    "x" * 101,
    "\u00fcber",
    "\u8272",
    "[SEP]",
    "[sep]",
]
BLANKS = ["", " ", "\t", "\n", "\r\n", "\x0b", "\x1c", "\0", "\x7f", "\u00a0", "\u200b"]
TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, *BLANKS]) | st.text(st.characters(codec="ascii"), max_size=4)).map(
        "".join
    )
)


def word_tokenizer(*, lowercase=True, begin="[CLS]"):
    special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *PIECES])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    if begin is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A [SEP]",
            special_tokens=[(begin, vocabulary[begin]), ("[SEP]", vocabulary["[SEP]"])],
        )
    return tokenizer


def windows_by_tokenizer(tokenizer, texts, window=10**6):
    found = []
    for whole, alone in zip(
        tokenizer.encode_batch(texts), tokenizer.encode_batch(texts, add_special_tokens=False), strict=True
    ):
        before = len(whole.special_tokens_mask) and next(
            (i for i, special in enumerate(whole.special_tokens_mask) if not special), 1
        )
        first, last = whole.ids[:before], whole.ids[before + len(alone.ids) :]
        step = window - len(first) - len(last)
        parts = [alone.ids[start : start + step] for start in range(0, len(alone.ids), step)] or [[]]
        found += [[*first, *part, *last] or [0] for part in parts]
    return found


@pytest.fixture
def always(monkeypatch):
    """Remember the words of few and short texts too."""
    monkeypatch.setattr(_word_memory, "_LEAST_LETTERS", 0)


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("begin", ["[CLS]", "[SEP]", None])
@pytest.mark.parametrize("window", [4, 64])
def test_ids_are_those_of_the_tokenizer(lowercase, begin, window, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_word_memory, "_LEAST_LETTERS", 0)
        tokenizer = word_tokenizer(lowercase=lowercase, begin=begin)
        cut = WindowTokenizer(tokenizer, window, 0)

        @settings(max_examples=25, deadline=None)
        @given(texts=TEXTS)
        def check(texts):
            found = cut(texts)

            assert [ids.tolist() for ids in found.ids] == windows_by_tokenizer(tokenizer, texts, window)
            assert {ids.dtype for ids in found.ids} <= {np.dtype(np.int32)}

        check()


@pytest.mark.usefixtures("always")
def test_texts_of_ascii_alone_are_read_by_their_words():
    memory = WordMemory(word_tokenizer())

    found = memory.ids(["lr 12", "\u00fc", "adam\n", "a\x07b", "say [SEP]", "say [sep] too", ""])

    assert sorted(found) == [0, 2, 6]
    assert found[2].tolist() == [1, *(4 + PIECES.index(piece) for piece in ("ad", "##am")), 2]


def test_short_and_few_texts_are_left_to_the_tokenizer():
    assert WordMemory(word_tokenizer()).ids(["lr", "adam"]) == {}


@pytest.mark.usefixtures("always")
def test_words_are_forgotten_when_they_are_too_many(monkeypatch):
    monkeypatch.setattr(_word_memory, "_MOST_LETTERS", 12)
    tokenizer = word_tokenizer()
    memory = WordMemory(tokenizer)

    for texts in (["lr 1", "adam"], ["1 2 3 4 5 6 7 8 lr"], ["adam 12 lr"], ["lr lr", "9 10"]):
        assert [memory.ids(texts)[i].tolist() for i in range(len(texts))] == windows_by_tokenizer(
            tokenizer, texts
        )
        assert memory._letters <= 12


@pytest.mark.usefixtures("always")
def test_threads_share_it():
    tokenizer = word_tokenizer()
    memory = WordMemory(tokenizer)
    texts = [[f"lr {i * j}" for i in range(60)] for j in range(12)]
    found = {}

    def read(number):
        found[number] = memory.ids(texts[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, own in enumerate(texts):
        assert [found[number][i].tolist() for i in range(len(own))] == windows_by_tokenizer(tokenizer, own)


def test_other_rules_are_not_taken_for_these(tiny_bert, tiny_llama):
    of_bert, of_llama = (
        AutoTokenizer.from_pretrained(path).backend_tokenizer for path in (tiny_bert, tiny_llama)
    )
    unmarked = word_tokenizer()
    plain = Tokenizer(unmarked.model)
    plain.normalizer, plain.pre_tokenizer = unmarked.normalizer, unmarked.pre_tokenizer

    assert reads_word_by_word(of_bert)
    assert not reads_word_by_word(of_llama)
    assert not reads_word_by_word(plain), "nothing tells words apart"
