from __future__ import annotations

import numpy as np
import pytest

from embedreg import TextEmbedder
from embedreg.core.errors import ModelError, UnknownModelError, UsageError
from embedreg.embed import TransformerEmbedder, make_embedder


def vector(embedder, text="adam"):
    [(_, vectors)] = embedder.embed_batches([text])
    return vectors[0]


def test_a_name_is_fetched_and_runs(tiny_entry, tiny_bert):
    entry = tiny_entry(window=40)

    embedder = make_embedder("tiny", pooling="max", layers=1)

    assert (embedder.name, embedder.dimension, embedder.window) == ("tiny", 32, 40)
    assert embedder.fingerprint()["weights"] == entry.sha256
    direct = TransformerEmbedder(tiny_bert, pooling="max", layers=1)
    np.testing.assert_array_equal(vector(embedder), vector(direct))


def test_weights_that_changed_since_they_were_fetched_are_not_loaded(tiny_entry):
    tiny_entry()
    embedder = make_embedder("tiny")
    weights = embedder._directory.path / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)

    with pytest.raises(ModelError, match=r"sha256 .*expected sha256 .*models pull"):
        vector(embedder)


def test_weights_of_a_directory_that_change_after_the_fingerprint_are_not_loaded(tmp_path, tiny_bert):
    import os
    import shutil

    path = tmp_path / "model"
    shutil.copytree(tiny_bert, path)
    embedder = make_embedder(path)
    embedder.fingerprint()
    weights = path / "model.safetensors"
    before, data = weights.stat(), bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))  # a change that the time does not show

    with pytest.raises(ModelError, match="sha256"):
        vector(embedder)


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_directory(tiny_bert, as_type):
    embedder = make_embedder(as_type(tiny_bert), batch_tokens=100, device="cpu")

    assert embedder.name == "tiny-bert"
    np.testing.assert_array_equal(vector(embedder), vector(TransformerEmbedder(tiny_bert)))


def test_a_relative_directory_without_a_slash(tiny_bert, monkeypatch):
    monkeypatch.chdir(tiny_bert.parent)

    assert make_embedder("tiny-bert").name == "tiny-bert"


def test_an_embedder_is_returned_as_it_is(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert)

    assert make_embedder(embedder, device="cpu") is embedder


@pytest.mark.parametrize("service", [True, False])
@pytest.mark.parametrize("setting", [{"pooling": "max"}, {"layers": "all"}, {"dtype": "float32"}])
def test_settings_beside_what_has_none_are_refused_and_not_ignored(tiny_bert, service, setting):
    model = "openai:m?base_url=http://localhost:1/v1" if service else TransformerEmbedder(tiny_bert)
    (written,) = (f"{name}={value!r}" for name, value in setting.items())

    with pytest.raises(UsageError, match=f"{written} beside model .*expected no such settings"):
        make_embedder(model, **setting)


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("layers=all", {"layers": "last"}),
        ("layers=last", {"layers": "all"}),
        ("pooling=max", {"pooling": "mean"}),
        ("dtype=float32", {"dtype": "bfloat16"}),
    ],
)
def test_a_setting_that_is_given_twice_differently_is_refused_be_it_the_default(tiny_entry, written, given):
    tiny_entry()
    [name] = given

    with pytest.raises(UsageError, match=f"expected {name} in one place"):
        make_embedder(f"tiny?{written}", **given)


def test_a_setting_that_is_given_twice_alike_or_left_open_is_taken(tiny_entry):
    tiny_entry()

    for given in ({}, {"layers": "auto", "pooling": "auto"}, {"layers": "all", "pooling": "max"}):
        fingerprint = make_embedder("tiny?layers=all&pooling=max", **given).fingerprint()
        assert (fingerprint["layers"], fingerprint["pooling"]) == (
            make_embedder("tiny", layers="all").fingerprint()["layers"],
            "max",
        )
    assert (
        make_embedder("tiny").fingerprint()
        == make_embedder("tiny", pooling="mean", layers="last").fingerprint()
    )


def test_unknown_name():
    with pytest.raises(UsageError, match=r"model 'minlm'.*did you mean 'minilm'"):
        make_embedder("minlm")


@pytest.mark.parametrize(
    ("model", "hub"),
    [
        ("./nothing", "hub:OWNER/NAME"),
        ("a/b/nothing", "hub:OWNER/NAME"),
        ("sentence-transformers/all-MiniLM-L6-v2", "hub:sentence-transformers/all-MiniLM-L6-v2"),
    ],
)
def test_a_path_that_is_not_there(model, hub):
    with pytest.raises(UsageError, match=rf"no such directory.*one of .*minilm.*written {hub}$"):
        make_embedder(model)


@pytest.mark.parametrize("model", ["openai:", "gemini:", "openai:?items=2"])
def test_a_service_without_a_model(model):
    service = model.partition(":")[0]

    with pytest.raises(UsageError, match=f"no model after '{service}:'; expected {service}:MODEL"):
        make_embedder(model)


def test_a_file_is_no_model(tmp_path, monkeypatch):
    (tmp_path / "weights").write_text("")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="no such directory"):
        make_embedder("weights")


def test_a_directory_that_is_no_model(tmp_path):
    with pytest.raises(UsageError, match=r"without config\.json"):
        make_embedder(tmp_path)


@pytest.mark.parametrize("make", [make_embedder, lambda model: TextEmbedder(model, cache=False).fit(["a"])])
def test_a_prompt_may_be_longer_than_the_name_of_a_file(make, tiny_bert):
    assert make(f"{tiny_bert}?prompt=" + "Represent%20this:%20" * 300) is not None


def test_a_name_that_is_too_long_for_a_file_is_unknown():
    with pytest.raises(UnknownModelError, match="got model 'aaa"):
        make_embedder("a" * 5000)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_that_cannot_be(tiny_bert, seed):
    with pytest.raises(UsageError, match="seed="):
        make_embedder(tiny_bert, weights="random", seed=seed)
