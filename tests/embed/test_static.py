"""Tables of vectors: the mean of a text's known tokens, and nothing else."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from embedreg.core.errors import DataError, ModelError, UsageError
from embedreg.core.files import sha256_of
from embedreg.core.protocols import Embedder
from embedreg.embed import make_embedder, pull
from embedreg.embed._sources import DirectorySource
from embedreg.embed._static import StaticEmbedder

TABLE = np.arange(12, dtype=np.float32).reshape(6, 2)
TEXTS = ["adam", "adam sgd", "sgd unseen", "", "unseen", "Adam adam sgd"]
# [UNK] is 1, adam 4, sgd 5; special tokens are not added
EXPECTED = [[8, 9], [9, 10], [10, 11], [0, 0], [0, 0], [26 / 3, 29 / 3]]


def save(path, tensors, **config):
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "adam": 4, "sgd": 5}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    path.mkdir(exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    save_file(tensors, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps({"model_type": "model2vec", **config}))
    return path


@pytest.fixture
def table(tmp_path):
    return save(tmp_path / "table", {"embeddings": TABLE}, normalize=True)


def embed(embedder, texts=TEXTS):
    vectors = np.full((len(texts), embedder.dimension), np.nan, dtype=np.float32)
    for positions, part in embedder.embed_batches(texts):
        assert part.dtype == np.float32
        vectors[positions] = part
    return vectors


def test_mean_of_the_known_tokens(table):
    embedder = make_embedder(table)

    assert isinstance(embedder, StaticEmbedder)
    assert isinstance(embedder, Embedder)
    assert (embedder.name, embedder.dimension) == ("table", 2)
    np.testing.assert_allclose(embed(embedder), EXPECTED)
    assert embedder.count_tokens(TEXTS) == [1, 2, 1, 0, 0, 3]


def test_many_texts_are_one_each(table):
    texts = [TEXTS[i % len(TEXTS)] for i in range(2500)]

    np.testing.assert_allclose(embed(make_embedder(table), texts)[-1], EXPECTED[2499 % len(TEXTS)])
    assert list(make_embedder(table).embed_batches([])) == []


def test_the_authors_normalise_and_we_when_asked(table):
    embedder = make_embedder(table, pooling="model")

    lengths = np.linalg.norm(embed(embedder), axis=1)

    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 0, 1], atol=1e-6)
    assert embedder.fingerprint() != make_embedder(table).fingerprint()
    assert "its authors normalise" in repr(make_embedder(table))


def test_weights_and_shared_rows(tmp_path):
    tensors = {
        "embeddings": TABLE[:3],
        "mapping": np.array([0, 0, 0, 0, 1, 2]),
        "weights": np.array([1, 1, 1, 1, 2, 0.5]),
    }

    vectors = embed(make_embedder(save(tmp_path / "table", tensors)), ["adam sgd"])

    np.testing.assert_allclose(vectors, [(2 * TABLE[1] + 0.5 * TABLE[2]) / 2])


def test_half_precision_tables_are_averaged_in_more(tmp_path):
    path = save(tmp_path / "table", {"embedding.weight": TABLE.astype(np.float16)})

    np.testing.assert_allclose(embed(make_embedder(path)), EXPECTED)


def test_fingerprint_prompt_and_pickle(table):
    embedder = make_embedder(f"{table}?prompt=sgd%20")

    np.testing.assert_allclose(embed(embedder, ["adam"]), [[9, 10]])
    assert embedder.fingerprint()["prompt"] == "sgd "
    assert embedder.fingerprint()["weights"] == sha256_of(table / "model.safetensors")
    np.testing.assert_array_equal(embed(pickle.loads(pickle.dumps(embedder))), embed(embedder))


def test_from_the_catalogue_and_damaged(tiny_entry, table):
    tiny_entry(
        kind="static",
        sha256=sha256_of(table / "model.safetensors"),
        sources=(DirectorySource(table),),
        dimension=2,
    )
    embedder = make_embedder("tiny")
    np.testing.assert_allclose(embed(embedder), EXPECTED)

    path = pull("tiny") / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        embed(make_embedder("tiny"))
    path.write_bytes(data + b" ")
    with pytest.raises(ModelError, match="damaged weights"):
        _ = make_embedder("tiny").dimension


def test_the_precision_may_be_left_to_be_found(table):
    assert embed(make_embedder(table, dtype="auto")).tolist() == embed(make_embedder(table)).tolist()


@pytest.mark.parametrize("setting", ["layers=all", "dtype=bfloat16", "weights=random", "seed=1"])
def test_what_a_table_has_not_is_refused(table, setting):
    with pytest.raises(UsageError, match="static model"):
        make_embedder(f"{table}?{setting}")


def test_other_refusals(table):
    with pytest.raises(UsageError, match="pooling of a static model 'max'"):
        make_embedder(table, pooling="max")
    with pytest.raises(DataError, match="one text"):
        embed(make_embedder(table), "adam")
    with pytest.raises(DataError, match="int at position 1"):
        embed(make_embedder(table), ["adam", 3])
    (table / "tokenizer.json").unlink()
    with pytest.raises(UsageError, match=r"no tokenizer\.json"):
        make_embedder(table)


def test_a_file_without_a_table(tmp_path):
    path = save(tmp_path / "table", {"other": TABLE})

    with pytest.raises(ModelError, match="without a table of vectors"):
        _ = make_embedder(path).dimension
