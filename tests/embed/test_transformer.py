"""The transformer engine against straightforward references, one text at a time."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer, T5EncoderModel

from embedreg.core.errors import DataError, ModelError, UsageError
from embedreg.core.protocols import Embedder
from embedreg.embed import TransformerEmbedder
from embedreg.embed._pooling import POOLINGS

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    '{"lr": 0.001, "size": 64}',
    "adam",
    "the model trains with a layer of units and dropout",
    "",
    '{"lr": 0.25, "size": 1024, "name": "sgd"} ' * 12,
    "été 日本 \U0001f600",
]


def embed(embedder: Embedder, texts: list[str]) -> np.ndarray:
    vectors = np.full((len(texts), embedder.dimension), np.nan, dtype=np.float32)
    for positions, part in embedder.embed_batches(texts):
        assert np.isnan(vectors[positions]).all(), "a position was given twice"
        vectors[positions] = part
    return vectors


def hidden_states(path: Path, text: str, loader=AutoModel) -> list[torch.Tensor]:
    """All layers' states (t, d) of one text, unpadded; in a fresh model each time."""
    tokenizer, model = AutoTokenizer.from_pretrained(path), loader.from_pretrained(path).eval()
    with torch.no_grad():
        output = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return [state[0] for state in output.hidden_states]


def assert_close(got: np.ndarray, expected: np.ndarray) -> None:
    """Agree within 1e-5 of each vector's norm."""
    error = np.abs(got - expected).max(axis=-1) / np.linalg.norm(expected, axis=-1)
    assert error.max() <= 1e-5


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_gpt2"])
def test_mean_is_the_mean_over_tokens_of_the_text_alone(model, request):
    path = request.getfixturevalue(model)
    texts = ["adam", "learning rate", '{"lr": 0.1}']
    expected = np.stack([hidden_states(path, text)[-1].mean(dim=0).numpy() for text in texts])

    assert_close(embed(TransformerEmbedder(path), texts), expected)


def test_t5_runs_by_its_encoder(tiny_t5):
    texts = ["adam", "learning rate and dropout"]
    expected = [hidden_states(tiny_t5, text, T5EncoderModel)[-1].mean(dim=0).numpy() for text in texts]

    embedder = TransformerEmbedder(tiny_t5)

    assert embedder.window == 512
    assert_close(embed(embedder, texts), np.stack(expected))


def test_bart_like_models_run_by_their_encoder(tmp_path, tiny_bert):
    from transformers import BartConfig, BartModel

    config = BartConfig(
        vocab_size=300,
        d_model=32,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
    )
    model = BartModel(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer.save_pretrained(tmp_path)
    with torch.no_grad():
        ids = tokenizer("adam", return_tensors="pt")["input_ids"]
        expected = model.get_encoder()(input_ids=ids).last_hidden_state[0].mean(dim=0).numpy()

    assert_close(embed(TransformerEmbedder(tmp_path), ["adam", "learning rate"])[0], expected)


@pytest.mark.parametrize(
    ("pooling", "reference"),
    [
        ("mean", lambda h: h.mean(dim=0)),
        ("mean_padded", lambda h: h.sum(dim=0) / 1024),
        ("max", lambda h: h.amax(dim=0)),
        ("last", lambda h: h[-1]),
        ("first", lambda h: h[0]),
    ],
)
def test_poolings(tiny_bert, pooling, reference):
    texts = ["adam", "the model trains with dropout"]
    expected = np.stack([reference(hidden_states(tiny_bert, text)[-1]).numpy() for text in texts])

    assert_close(embed(TransformerEmbedder(tiny_bert, pooling=pooling), texts), expected)


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
def test_one_layer(tiny_bert, layer):
    expected = hidden_states(tiny_bert, "adam")[layer].mean(dim=0).numpy()

    assert_close(embed(TransformerEmbedder(tiny_bert, layers=layer), ["adam"])[0], expected)


def test_all_layers_are_the_outputs_of_the_layers_one_after_the_other(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert, layers="all")
    expected = torch.cat([state.mean(dim=0) for state in hidden_states(tiny_bert, "adam")[1:]]).numpy()

    vectors = embed(embedder, ["adam"])

    assert embedder.dimension == vectors.shape[1] == 64
    assert_close(vectors[0], expected)


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_long_text_is_read_whole_in_windows(tiny_bert, pooling):
    """A text of three windows, against a reference that cuts its tokens by hand."""
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    text = '{"lr": 0.25, "size": 1024, "name": "sgd"} ' * 9
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    states = []
    with torch.no_grad():
        for start in range(0, len(ids), 62):
            window = [tokenizer.cls_token_id, *ids[start : start + 62], tokenizer.sep_token_id]
            states.append(model(input_ids=torch.tensor([window])).last_hidden_state[0])
    assert len(states) >= 3
    tokens = torch.cat(states)
    expected = {
        "mean": tokens.mean(dim=0),
        "mean_padded": tokens.sum(dim=0) / 1024,
        "weighted": (torch.arange(1, len(tokens) + 1) / (len(tokens) * (len(tokens) + 1) / 2)) @ tokens,
        "max": tokens.amax(dim=0),
        "last": tokens[-1],
        "first": tokens[0],
    }[pooling]

    got = embed(TransformerEmbedder(tiny_bert, pooling=pooling, batch_tokens=70), ["adam", text])[1]

    assert_close(got, expected.numpy())


def test_a_change_far_behind_the_window_changes_the_vector(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert)
    long = "learning rate " * 200

    one, other = embed(embedder, [long + "adam", long + "sgd"])

    assert np.abs(one - other).max() > 1e-4


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_gpt2", "tiny_t5", "tiny_roberta"])
def test_vectors_do_not_depend_on_batches_or_order(model, request):
    path = request.getfixturevalue(model)
    alone = np.concatenate([embed(TransformerEmbedder(path), [text]) for text in TEXTS])
    together = embed(TransformerEmbedder(path), TEXTS)
    small_batches = embed(TransformerEmbedder(path, batch_tokens=1), TEXTS)
    backwards = embed(TransformerEmbedder(path), TEXTS[::-1])[::-1]

    for vectors in (together, small_batches, backwards):
        assert_close(vectors, alone)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), min_size=1, max_size=8))
def test_any_text_has_one_finite_vector(tiny_llama, texts):
    embedder = TransformerEmbedder(tiny_llama, window=16)

    vectors = embed(embedder, texts)

    assert np.isfinite(vectors).all()
    assert min(embedder.count_tokens(texts)) >= 1


@pytest.mark.parametrize("ahead", [False, True])
def test_more_texts_than_are_tokenised_at_once(tiny_bert, monkeypatch, ahead):
    from embedreg.embed import _transformer

    expected = embed(TransformerEmbedder(tiny_bert), TEXTS)
    monkeypatch.setattr(_transformer, "on_processor", lambda _: not ahead)
    monkeypatch.setattr(_transformer, "_TEXTS_AT_ONCE", 2)
    embedder = TransformerEmbedder(tiny_bert)

    assert_close(embed(embedder, TEXTS), expected)
    with pytest.raises(DataError, match="int at position 5"):
        embed(embedder, [*TEXTS[:5], 3])


def test_no_texts(tiny_bert):
    assert list(TransformerEmbedder(tiny_bert).embed_batches([])) == []
    assert TransformerEmbedder(tiny_bert).count_tokens([]) == []


def test_empty_text_is_the_begin_token_where_the_tokenizer_adds_none(tiny_gpt2):
    embedder = TransformerEmbedder(tiny_gpt2)

    assert embedder.count_tokens(["", "adam"])[0] == 1
    assert_close(embed(embedder, [""])[0], embed(embedder, ["<|end|>"])[0])


def test_count_tokens_counts_special_tokens_of_every_window(tiny_bert):
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    plain = len(tokenizer("learning rate " * 100, add_special_tokens=False)["input_ids"])
    windows = -(-plain // 62)

    counts = TransformerEmbedder(tiny_bert).count_tokens(["adam", "learning rate " * 100])

    assert counts == [len(tokenizer("adam")["input_ids"]), plain + 2 * windows]


def test_a_long_text_comes_when_its_last_window_is_there(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert, batch_tokens=64)
    long = "learning rate " * 100

    yielded = [positions for positions, _ in embedder.embed_batches([long, "learning rate " * 25])]

    assert sorted(position for positions in yielded for position in positions) == [0, 1]
    assert yielded[-1] == [0], "its last window is the shortest of all"


def test_bfloat16_is_close_and_is_pooled_in_float32(tiny_bert):
    exact = embed(TransformerEmbedder(tiny_bert), TEXTS)
    rough = embed(TransformerEmbedder(tiny_bert, dtype="bfloat16"), TEXTS)

    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.min() > 0.999
    assert rough.dtype == np.float32
    assert (rough.view(np.uint32) & 0xFFFF).any(), "pooled values have more digits than bfloat16 holds"


def test_is_an_embedder_and_is_built_without_loading(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert, name="small")

    assert isinstance(embedder, Embedder)
    assert (embedder.name, embedder.dimension, embedder.window) == ("small", 32, 64)
    assert TransformerEmbedder(tiny_bert).name == "tiny-bert"
    embedder.fingerprint()
    assert "_loaded" not in vars(embedder)
    assert repr(embedder) == "TransformerEmbedder('small', pooling='mean', layers='last', dtype='auto')"


def test_pickle_carries_no_weights_and_a_deep_copy_is_the_same(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert, pooling="max")
    vectors = embed(embedder, ["adam"])

    pickled = pickle.dumps(embedder)

    assert len(pickled) < 5000
    assert np.array_equal(embed(pickle.loads(pickled), ["adam"]), vectors)
    assert copy.deepcopy(embedder) is embedder


@pytest.mark.parametrize(
    ("model", "window"), [("tiny_bert", 64), ("tiny_gpt2", 32), ("tiny_llama", 2048), ("tiny_roberta", 64)]
)
def test_window(model, window, request):
    assert TransformerEmbedder(request.getfixturevalue(model)).window == window


def test_roberta_reads_full_windows(tiny_roberta):
    embedder = TransformerEmbedder(tiny_roberta)

    assert np.isfinite(embed(embedder, ["learning rate " * 100, "adam"])).all()


def test_a_larger_window_can_be_chosen_where_the_model_reads_more(tiny_llama):
    assert TransformerEmbedder(tiny_llama, window=4096).window == 4096
    with pytest.raises(UsageError, match=r"a window of 4097 tokens.*1 to 4096"):
        TransformerEmbedder(tiny_llama, window=4097)


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_below_one_is_refused(tiny_llama, window):
    with pytest.raises(UsageError, match="window"):
        TransformerEmbedder(tiny_llama, window=window)


def test_a_window_without_room_for_text_is_refused(tiny_bert):
    with pytest.raises(UsageError, match="window of 2 tokens"):
        embed(TransformerEmbedder(tiny_bert, window=2), ["adam"])


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"pooling": "men"}, "pooling 'men'.*'mean'"),
        ({"layers": 3}, "layers=3.*-3 to 2"),
        ({"layers": -4}, "layers=-4"),
        ({"layers": "first"}, "layers='first'"),
        ({"layers": True}, "layers=True"),
        ({"dtype": "float8"}, "dtype 'float8'.*bfloat16"),
        ({"weights": "trained"}, "weights 'trained'.*pretrained, random"),
        ({"batch_tokens": 0}, "batch_tokens=0"),
    ],
)
def test_wrong_settings_are_refused_at_once(tiny_bert, settings_, message):
    with pytest.raises(UsageError, match=message):
        TransformerEmbedder(tiny_bert, **settings_)


@pytest.mark.parametrize("device", ["gpu", "cuda:7", "meta:x", "hpu"])
def test_unknown_device(tiny_bert, device):
    with pytest.raises(UsageError, match=f"device '{device}'"):
        embed(TransformerEmbedder(tiny_bert, device=device), ["adam"])


def test_one_text_instead_of_a_list(tiny_bert):
    with pytest.raises(DataError, match=r"wrap it in a list"):
        embed(TransformerEmbedder(tiny_bert), "adam")


def test_a_lone_surrogate_is_refused_by_its_position(tiny_bert):
    with pytest.raises(DataError, match="position 1"):
        embed(TransformerEmbedder(tiny_bert), ["adam", "\ud83d"])


def test_values_that_are_not_finite_are_refused(tmp_path, tiny_bert):
    model = AutoModel.from_pretrained(tiny_bert)
    word = AutoTokenizer.from_pretrained(tiny_bert)("dropout", add_special_tokens=False)["input_ids"][0]
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[word] = torch.nan
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path)

    with pytest.raises(ModelError, match=r"NaN or infinite.*position 2"):
        embed(TransformerEmbedder(tmp_path), ["adam", "sgd", "dropout"])


def test_fingerprint_tells_settings_apart(tiny_bert):
    variants = [
        {},
        {"pooling": "max"},
        {"layers": 1},
        {"layers": "all"},
        {"dtype": "bfloat16"},
        {"window": 32},
    ]
    prints = [TransformerEmbedder(tiny_bert, **variant).fingerprint() for variant in variants]

    assert len({tuple(sorted(p.items(), key=str)) for p in prints}) == len(variants)
    assert prints[0] == TransformerEmbedder(tiny_bert, batch_tokens=7, device="cpu", name="x").fingerprint()


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_fingerprint_follows_the_files(tmp_path, tiny_bert, file):
    import json
    import shutil

    path = tmp_path / "model"
    shutil.copytree(tiny_bert, path)
    before = TransformerEmbedder(path).fingerprint()
    assert before == TransformerEmbedder(tiny_bert).fingerprint()
    if file.endswith(".json"):
        values = json.loads((path / file).read_text())
        (path / file).write_text(json.dumps({**values, "layer_norm_eps": 0.1}))
    else:
        (path / file).write_bytes((path / file).read_bytes() + b" ")

    assert TransformerEmbedder(path).fingerprint() != before


def test_loading_leaves_transformers_settings_alone(tiny_bert, capfd):
    from transformers.utils import logging

    logging.set_verbosity_info()
    try:
        embed(TransformerEmbedder(tiny_bert), ["adam"])
        assert logging.get_verbosity() == logging.INFO
        assert logging.is_progress_bar_enabled()
    finally:
        logging.set_verbosity_warning()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
