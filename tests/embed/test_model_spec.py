"""A model with its settings in one string."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import UsageError
from embedreg.embed import make_embedder
from embedreg.embed._model_spec import parse_model_spec
from embedreg.text_embedder import TextEmbedder

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(WORDS, WORDS))
def test_settings_come_back_as_they_were_written(options: dict[str, str]) -> None:
    query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in options.items())
    spec = parse_model_spec(f"name?{query}" if options else "name")
    assert spec == ("name", options)


def test_what_needs_no_encoding_is_taken_as_it_is() -> None:
    spec = parse_model_spec("openai:a/b+c?base_url=http://localhost:80/v1&tag=8+1")
    assert spec == ("openai:a/b+c", {"base_url": "http://localhost:80/v1", "tag": "8+1"})


@pytest.fixture
def tiny(tiny_entry):
    """A model of the catalogue that needs no network."""
    return tiny_entry()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("tiny?layers", "settings after the question mark"),
        ("tiny?layers=1&layers=2", "'layers' twice"),
        ("tiny?layer=1", r"setting in model .* did you mean 'layers'\?"),
        ("tinny?layers=1", r"did you mean 'tiny'\?"),
        ("tiny?layers=99", "layers=99"),
        ("tiny?batch_tokens=many", "a whole number"),
    ],
)
def test_a_string_that_cannot_be_read_is_refused(tiny, model: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_embedder(model)


def test_settings_decide_like_arguments(tiny) -> None:
    written = make_embedder("tiny?layers=all&pooling=max&dtype=bfloat16&batch_tokens=64")
    given_ = make_embedder("tiny", layers="all", pooling="max", dtype="bfloat16", batch_tokens=64)
    assert written.fingerprint() == given_.fingerprint()
    assert make_embedder("tiny?layers=1").fingerprint() == make_embedder("tiny", layers=1).fingerprint()


def test_a_setting_in_two_places_that_differ_is_refused(tiny) -> None:
    with pytest.raises(UsageError, match="layers in one place"):
        make_embedder("tiny?layers=all", layers=1)
    make_embedder("tiny?layers=1", layers=1)


def test_an_estimator_takes_such_a_string(tiny) -> None:
    embedder = TextEmbedder(model="tiny?layers=all", cache=False).fit(["a"])
    assert embedder.embedder_.dimension == 2 * 32
