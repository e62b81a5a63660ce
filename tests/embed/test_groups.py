"""Attention of texts without padding on a processor, held to that of each text alone."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.embed import TransformerEmbedder, embed_texts
from embedreg.embed._attention import attention
from embedreg.embed._groups import groups_of, read_by_groups


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=12),
    ordered=st.booleans(),
    shared=st.integers(1, 3),
    causal=st.booleans(),
    has_bias=st.booleans(),
    scale=st.sampled_from([None, 0.3]),
)
def test_each_text_reads_what_it_reads_alone(lengths, ordered, shared, causal, has_bias, scale):
    lengths = sorted(lengths, reverse=True) if ordered else lengths
    generator = torch.Generator().manual_seed(0)
    heads = [2 * shared, 2, 2]
    parts = [torch.randn(1, sum(lengths), h, 8, generator=generator).transpose(1, 2) for h in heads]

    has_bias &= shared == 1
    whole = torch.randn(1, 2, 120, 120, generator=generator)

    def between(tokens):
        return whole[..., :tokens, :tokens] if has_bias else None

    given_ = {"causal": causal, "scale": scale}
    found = read_by_groups(
        groups_of(lengths), *parts, bias=SimpleNamespace(between=between) if has_bias else None, **given_
    )

    texts = zip(*(part.split(lengths, dim=2) for part in parts), strict=True)
    alone = torch.cat([attention(*t, bias=between(t[0].shape[2]), **given_) for t in texts], dim=1)
    torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-5)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60))
def test_groups_hold_every_token_once_and_long_texts_are_not_padded(lengths):
    groups = groups_of(lengths)

    assert [group.tokens.start for group in groups] == [0, *(group.tokens.stop for group in groups[:-1])]
    assert groups[-1].tokens.stop == sum(lengths)
    assert sum(group.texts for group in groups) == len(lengths)
    starts = itertools.accumulate((group.texts for group in groups), initial=0)
    for start, group in zip(starts, groups, strict=False):
        own = lengths[start : start + group.texts]
        assert (group.seen is None) == (len(set(own)) == 1)
        assert len(set(own)) == 1 or max(own) <= 96
        assert max(own) * group.texts <= 1.25 * sum(own)


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_vectors_in_bfloat16_are_those_of_one_text_after_the_other(tiny_bert, side_by_side):
    texts = ["adam " * (1 + i % 37) + str(i) for i in range(150)]
    together, alone = (
        TransformerEmbedder(tiny_bert, device="cpu", dtype="bfloat16", batch_tokens=tokens)
        for tokens in (2048, 1)
    )
    assert together._loaded.network.packs

    before = torch.get_num_threads()
    torch.set_num_threads(side_by_side)
    try:
        found = torch.from_numpy(embed_texts(together, texts, progress=False))
    finally:
        torch.set_num_threads(before)

    wanted = torch.from_numpy(embed_texts(alone, texts, progress=False))
    assert torch.cosine_similarity(found, wanted).min() > 0.999
