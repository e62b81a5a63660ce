"""Serializers, embedders and heads of the user's own: they are saved as what they are, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from word_hashes import CountingHashes, WordHashes

from embedreg import EmbeddingRegressor, TextEmbedder
from embedreg.core.errors import DataError, EmbedregWarning, ModelError, SavedModelError, UsageError
from embedreg.embed import make_embedder
from embedreg.heads import Head, RidgeHead
from embedreg.serialize import JsonSerializer

RECORDS = [{"depth": i % 6, "kind": "abc"[i % 3]} for i in range(24)]
Y = np.array([float(record["depth"]) for record in RECORDS])


class FieldsInWords(JsonSerializer):
    """A subclass of a listed serializer."""

    def __call__(self, record):
        return f"{record['depth']} deep, of kind {record['kind']}"


class Plain:
    """A serializer written from the protocol."""

    def __init__(self, prefix="row"):
        self.prefix = prefix

    def __call__(self, record):
        return f"{self.prefix} {record['depth']} {record['kind']}"

    def settings(self):
        return {"prefix": self.prefix}


class SteepRidge(RidgeHead):
    """A subclass of a listed head, with its name."""

    def _predict_standardized(self, Z):
        return 2 * super()._predict_standardized(Z)


class Middle(Head):
    """A head of the user's own."""

    name = "middle"

    def fit(self, X, y, *, validation=None):
        self._learn_scales(self._read(X, y))
        self.chosen_ = {}
        return self

    def _predict_standardized(self, Z):
        return np.zeros(len(Z))


class SavedEarly(JsonSerializer):
    """A serializer whose settings are no JSON."""

    def settings(self):
        return {"words": {1, 2}}


def fitted(**parameters):
    given = {"model": WordHashes(), "head": "ridge"} | parameters
    if given["head"] == "auto":
        given |= {"effort": "fast", "representation": "embedding"}
    return EmbeddingRegressor(**given).fit(RECORDS, Y)


@pytest.mark.parametrize("serializer", [FieldsInWords(), Plain()])
@pytest.mark.parametrize("head", ["ridge", "auto"])
@pytest.mark.usefixtures("small_members")
def test_a_serializer_of_ones_own_is_given_to_load_and_nothing_else_takes_its_place(
    serializer, head, tmp_path
):
    model = fitted(serializer=serializer, head=head)
    model.save(tmp_path / "model")
    with pytest.raises(SavedModelError, match=r"load\(path, serializer=\.\.\.\)"):
        EmbeddingRegressor.load(tmp_path / "model", model=WordHashes())
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=WordHashes(), serializer=serializer)
    assert np.array_equal(loaded.predict(RECORDS), model.predict(RECORDS))


@pytest.mark.parametrize("other", [Plain("line"), JsonSerializer(), "json"])
def test_another_serializer_than_was_fitted_with_is_refused(other, tmp_path):
    fitted(serializer=Plain()).save(tmp_path / "model")
    with pytest.raises(SavedModelError, match="Plain with the settings {'prefix': 'row'}"):
        EmbeddingRegressor.load(tmp_path / "model", model=WordHashes(), serializer=other)


def test_a_listed_serializer_is_found_by_its_name_and_none_may_be_given_beside_it(tmp_path):
    model = fitted(serializer=JsonSerializer("decimals:1"))
    model.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=WordHashes())
    assert (loaded.serializer, loaded.numbers) == ("json", "decimals:1")
    with pytest.raises(UsageError, match="leave it out"):
        EmbeddingRegressor.load(tmp_path / "model", model=WordHashes(), serializer=Plain())


def test_settings_that_json_does_not_have_are_refused_before_anything_is_written(tmp_path):
    model = fitted(serializer=SavedEarly())
    with pytest.raises(UsageError, match="settings of"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("head", [SteepRidge(), Middle()])
@pytest.mark.parametrize("representation", ["embedding", "tabular"])
def test_a_head_that_load_would_not_find_is_refused_before_anything_is_written(
    head, representation, tmp_path
):
    model = fitted(head=head, representation=representation)
    with pytest.raises(UsageError, match=f"{type(head).__name__} to save"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("head", ["ridge", "auto"])
@pytest.mark.usefixtures("small_members")
def test_a_model_with_an_embedder_of_ones_own_says_how_to_load_it(head, tmp_path):
    model = fitted(head=head)
    model.save(tmp_path / "model")
    with pytest.raises(SavedModelError, match=r"load\(path, model=\.\.\.\), with your own embedder"):
        EmbeddingRegressor.load(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=WordHashes())
    assert np.array_equal(loaded.predict(RECORDS), model.predict(RECORDS))


class Answers:
    """A serializer that returns one thing, whatever the record."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, record):
        return self.answer

    def settings(self):
        return {}


@pytest.mark.parametrize("answer", [3, None, b"text"])
def test_a_serializer_that_returns_no_text_is_named(answer):
    with pytest.raises(UsageError, match=f"{answer!r} from the serializer Answers, row 0"):
        fitted(serializer=Answers(answer))


@pytest.mark.parametrize("lacking", ["name", "dimension", "fingerprint"])
@pytest.mark.parametrize("head", ["ridge", "auto"])
def test_an_embedder_that_lacks_something_is_told_what(head, lacking):
    parts = {
        name: getattr(WordHashes, name) for name in ("name", "dimension", "fingerprint", "embed_batches")
    }
    del parts[lacking]
    model = type("Incomplete", (), parts)()
    with pytest.raises(UsageError, match=f"without {lacking}; expected an embedder"):
        fitted(model=model, head=head)
    with pytest.raises(UsageError, match=f"without {lacking}"):
        TextEmbedder(model).fit(RECORDS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": lambda self: "words"}, "methods name"),
        ({"dimension": lambda self: 3}, "write @property"),
        ({"name": None}, "whose name is None"),
        ({"fingerprint": {"kind": "words"}}, "no method fingerprint"),
    ],
)
@pytest.mark.parametrize("head", ["ridge", "auto"])
def test_a_method_in_the_place_of_a_property_or_the_other_way_round_is_told_of(head, wrong, said):
    with pytest.raises(UsageError, match=said):
        fitted(model=type("Wrong", (WordHashes,), wrong)(), head=head)


def test_a_fingerprint_that_json_does_not_have_is_refused_where_it_is_saved(tmp_path):
    class Odd(WordHashes):
        def fingerprint(self):
            return {"scale": np.float32(0.5)}

    model = fitted(model=Odd(), head="ridge", cache=False)
    with pytest.raises(ModelError, match="fingerprint that is no JSON"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("settings", [{"prefix": "row"}, lambda self: None])
def test_a_serializer_without_settings_is_told_of(settings):
    serializer = type("Odd", (Plain,), {"settings": settings})()
    with pytest.raises(UsageError, match=r"no settings\(\) of"):
        fitted(serializer=serializer)


def test_an_error_of_a_serializer_says_in_which_row():
    class Careless(Plain):
        def __call__(self, record):
            return record["not there"]

    with pytest.raises(KeyError) as caught:
        fitted(serializer=Careless())
    assert caught.value.__notes__ == ["while Careless wrote row 0"]


def test_a_transform_beside_a_head_that_is_an_object_is_refused():
    with pytest.raises(UsageError, match="target_transform='yeo-johnson' beside RidgeHead"):
        fitted(head=RidgeHead(), target_transform="yeo-johnson")


def test_an_embedder_with_the_same_settings_is_taken_at_load_for_a_name_with_them(tiny_bert, tmp_path):
    model = EmbeddingRegressor(str(tiny_bert), head="ridge", layers="all", dtype="float32", cache=False)
    model.fit(RECORDS, Y).save(tmp_path / "model")
    own = make_embedder(tiny_bert, layers="all", dtype="float32")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=own)
    np.testing.assert_allclose(loaded.predict(RECORDS), model.predict(RECORDS), rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (Ridge(), "TextEmbedder before it in a pipeline"),
        (RidgeHead, r"an object of the class: RidgeHead\(\)"),
        (3, "head=3"),
        (None, "head=None"),
        ("forest", "auto"),
        ("rigde", "ridge"),
    ],
)
def test_what_is_no_head_is_refused(head, said):
    with pytest.raises(UsageError, match=said):
        fitted(head=head)


@pytest.mark.parametrize("effort", ["fast", "best"])
def test_an_effort_beside_a_head_that_is_named_is_warned_of(effort):
    with pytest.warns(EmbedregWarning, match=f"effort='{effort}' changes nothing"):
        fitted(effort=effort)


@pytest.mark.parametrize("representation", ["embedding", "tabular"])
def test_a_single_record_is_too_few_for_a_head_and_nothing_is_embedded(representation):
    model = CountingHashes()
    regressor = EmbeddingRegressor(model, head="ridge", representation=representation)
    with pytest.raises(DataError, match=r"got 1 records .*at least 2 records"):
        regressor.fit(RECORDS[:1], Y[:1])
    assert model.embedded == 0
