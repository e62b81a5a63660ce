from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from embedreg.core.errors import DataError
from embedreg.embed._windows import WindowTokenizer, chunks, even_batches, plan_batches, plan_packed_batches


def tokenizer_of(path, window, begin=None):
    return WindowTokenizer(AutoTokenizer.from_pretrained(path).backend_tokenizer, window, begin)


@pytest.mark.parametrize(("model", "special"), [("tiny_bert", 2), ("tiny_llama", 0)])
def test_every_token_is_in_exactly_one_window(model, special, request):
    path = request.getfixturevalue(model)
    plain = AutoTokenizer.from_pretrained(path)
    cut = tokenizer_of(path, 16, begin=0)
    texts = ["adam", "learning rate " * 40, '{"lr": 0.5} ' * 7, "dropout"]

    windows = cut(texts)

    assert windows.lengths.max() <= 16
    for position, text in enumerate(texts):
        own = windows.ids[windows.starts[position] : windows.starts[position + 1]]
        inner = [ids[1:-1] if special else ids for ids in own]
        assert np.concatenate(inner).tolist() == plain(text, add_special_tokens=False)["input_ids"]
        assert all(len(ids) == 16 for ids in own[:-1]), "only the last window may be shorter"
        if special:
            assert {(ids[0], ids[-1]) for ids in own} == {(plain.cls_token_id, plain.sep_token_id)}


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=5))
def test_windows_lose_nothing_of_any_text(tiny_llama_windows, texts):
    cut, plain = tiny_llama_windows

    windows = cut(texts)

    assert len(windows.starts) == len(texts) + 1
    for position, text in enumerate(texts):
        own = windows.ids[windows.starts[position] : windows.starts[position + 1]]
        expected = plain(text, add_special_tokens=False)["input_ids"] or [0]
        assert np.concatenate(own).tolist() == expected
        assert {windows.text[i] for i in range(windows.starts[position], windows.starts[position + 1])} == {
            position
        }


@pytest.fixture(scope="module")
def tiny_llama_windows(tiny_llama):
    return tokenizer_of(tiny_llama, 5, begin=0), AutoTokenizer.from_pretrained(tiny_llama)


def test_limits_stored_with_the_tokenizer_are_replaced(tiny_bert, tmp_path):
    """The published all-MiniLM-L6-v2 says to cut at 128 and to pad to 128."""
    backend = AutoTokenizer.from_pretrained(tiny_bert).backend_tokenizer
    backend.enable_truncation(4)
    backend.enable_padding(length=40)

    windows = WindowTokenizer(backend, 64, None)(["learning rate of the model"])

    assert backend.truncation is None, "releases of tokenizers lose what overflows"
    assert windows.lengths.tolist() == [
        len(AutoTokenizer.from_pretrained(tiny_bert)("learning rate of the model")["input_ids"])
    ]


def test_a_text_without_tokens_is_refused_where_nothing_stands_for_it(tiny_llama):
    with pytest.raises(DataError, match="without tokens at position 11"):
        tokenizer_of(tiny_llama, 8)(["adam", ""], first=10)


def test_what_is_no_text_is_refused_by_its_position(tiny_llama):
    with pytest.raises(DataError, match="NoneType at position 1"):
        tokenizer_of(tiny_llama, 8)(["adam", None])


@given(
    st.lists(st.integers(1, 50), max_size=40).map(lambda values: np.array(values, dtype=np.int64)),
    st.integers(1, 120),
)
def test_batches_hold_every_window_once_within_the_budget(lengths, budget):
    batches = [batch.tolist() for batch in plan_batches(lengths, budget)]

    assert sorted(window for batch in batches for window in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


def test_equal_windows_fill_the_budget():
    assert [len(batch) for batch in plan_batches(np.full(10, 8, dtype=np.int64), 32)] == [4, 4, 2]


def test_large_batches_hold_little_padding_and_small_ones_may_hold_more():
    lengths = np.array([100] * 5 + [95] * 5 + [50] * 5 + [10], dtype=np.int64)

    batches = [lengths[batch].tolist() for batch in plan_batches(lengths, 4000)]

    assert batches == [[100] * 5 + [95] * 5, [50] * 5 + [10]]


def test_batches_without_padding_are_full():
    lengths = np.array([5, 1, 3, 9, 4, 2, 30])
    batches = list(plan_packed_batches(lengths, 10))
    assert sorted(np.concatenate(batches).tolist()) == list(range(7))
    assert [int(lengths[b].sum()) for b in batches] == [30, 9, 9, 6]


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=60), budget=st.integers(1, 100))
def test_batches_without_padding_hold_little_padding_where_they_are_pooled(lengths, budget):
    lengths = np.array(lengths)
    batches = list(plan_packed_batches(lengths, budget))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        own = lengths[batch]
        assert len(batch) == 1 or (own.sum() <= budget and own.max() * len(batch) <= 2 * budget)


@given(
    texts=st.lists(st.text("ab", max_size=9), max_size=12),
    most=st.integers(1, 5),
    letters=st.integers(1, 12),
)
def test_chunks_are_all_texts_in_order_within_their_limits(texts, most, letters):
    cut = [texts[chunk] for chunk in chunks(texts, most, letters)]

    assert [text for chunk in cut for text in chunk] == texts
    assert all(1 <= len(chunk) <= most for chunk in cut)
    assert all(sum(map(len, chunk[:-1])) < letters for chunk in cut)


@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=200),
    budget=st.integers(256, 3000),
    threads=st.integers(1, 5),
    padding=st.booleans(),
)
@settings(deadline=None)
def test_even_batches_hold_every_window_once_and_are_alike(lengths, budget, threads, padding):
    lengths = np.array(lengths)
    plan = functools.partial(plan_batches, padding=padding)
    batches = even_batches(plan, lengths, budget, threads)
    if not batches:
        return
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) % threads == 0
    planned = [*plan(lengths, budget)]
    assert len(batches) - threads < len(planned) <= len(batches)  # none more a thread
    sizes, before = ([len(batch) * lengths[batch].max() for batch in some] for some in (batches, planned))
    assert max(sizes) <= max(budget, *lengths)
    assert max(sizes) <= 1.2 * sum(before) / len(batches)


@pytest.mark.parametrize(
    ("windows", "length", "threads"),
    [(40, 50, 1), (10, 50, 2), (3, 500, 2), (1, 900, 2), (1000, 50, 2)],
    ids=["one thread", "few tokens", "too few windows", "one window", "many batches"],
)
def test_where_even_batches_are_not_worth_it(windows, length, threads):
    assert even_batches(plan_batches, np.full(windows, length), 1000, threads) == []
