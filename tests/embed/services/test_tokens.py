"""Estimates of tokens: rather too high than too low, of whatever kind a text is."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from embedreg.embed.services._tokens import estimate_tokens, shortened

random = np.random.default_rng(0)
KINDS = {
    "words": "The learning rate was lowered as soon as the validation error no longer fell.",
    "protein": "".join(random.choice(list("ACDEFGHIKLMNPQRSTVWY"), 200)),
    "DNA": "".join(random.choice(list("ACGT"), 200)),
    "base64": base64.b64encode(random.bytes(150)).decode(),
    "compounds": "Geschwindigkeitsbegrenzung Donaudampfschifffahrtsgesellschaft Versicherungsvertreter",
    "code": "def f(x):\n    if x:\n        return [y for y in x]\n    return None\n",
    "lines": "\n" * 300,
}


OF_SMOLLM2 = {
    "words": 15,
    "protein": 122,
    "DNA": 107,
    "base64": 157,
    "compounds": 30,
    "code": 22,
    "lines": 75,
}
"""Tokens by the tokenizer of SmolLM2, which was trained on words and code."""


@pytest.mark.parametrize("kind", KINDS)
def test_hardly_less_than_a_real_tokenizer(kind):
    assert 0.85 * OF_SMOLLM2[kind] <= estimate_tokens(KINDS[kind]) <= 1.5 * OF_SMOLLM2[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_beginning_is_as_long_as_it_may_be(kind):
    text = KINDS[kind]
    part = shortened(text, 20)

    assert text.startswith(part)
    assert estimate_tokens(part) <= 20
    assert part == text or estimate_tokens(text[: len(part) + 1]) > 20
