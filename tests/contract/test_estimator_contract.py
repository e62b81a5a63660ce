"""What scikit-learn's users expect of an estimator, for inputs that scikit-learn's own checks do not cover."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import embedreg
from embedreg import EmbeddingRegressor, TextEmbedder
from embedreg.core.errors import DataError, OutputError, SavedModelError, UsageError
from embedreg.features import TabularFeatures

N = 24
MAPPINGS = [{"depth": i % 6, "rate": 0.1 * (i % 4), "kind": "abc"[i % 3]} for i in range(N)]
FRAME = pd.DataFrame(MAPPINGS)
INPUTS = {
    "texts": [f"depth {i % 6} rate {i % 4} kind {'abc'[i % 3]} number {i}" for i in range(N)],
    "mappings": MAPPINGS,
    "pandas": FRAME,
    "polars": pl.DataFrame(MAPPINGS),
    "arrow": pa.Table.from_pylist(MAPPINGS),
    "array": FRAME[["depth", "rate"]].to_numpy(),
    "series": pd.Series([f"text {i}" for i in range(N)]),
}
Y = np.array([r["depth"] + r["rate"] for r in MAPPINGS])


@pytest.fixture(params=["embedding", "tabular"])
def regressor(request, tiny_bert):
    return EmbeddingRegressor(model=str(tiny_bert), representation=request.param, head="ridge")


@pytest.fixture
def embedder(tiny_bert):
    return TextEmbedder(model=str(tiny_bert))


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_input_is_fitted_and_predicted(regressor, kind):
    X = INPUTS[kind]
    predictions = regressor.fit(X, Y).predict(X)
    assert predictions.shape == (N,)
    assert predictions.dtype == np.float64
    assert np.isfinite(predictions).all()


@pytest.mark.parametrize(
    ("fitted_on", "given"),
    [
        ("texts", "mappings"),
        ("texts", "pandas"),
        ("texts", "array"),
        ("mappings", "texts"),
        ("pandas", "texts"),
        ("polars", "series"),
    ],
)
def test_texts_are_refused_after_mappings_and_mappings_after_texts(
    regressor, embedder, fitted_on, given, tmp_path
):
    regressor.fit(INPUTS[fitted_on], Y).save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model")
    calls = (regressor.predict, loaded.predict, embedder.fit(INPUTS[fitted_on]).transform)
    for call in calls:
        with pytest.raises(DataError, match="as in training"):
            call(INPUTS[given])


def test_a_fit_on_texts_after_one_on_mappings_takes_texts(regressor, embedder):
    assert regressor.fit(FRAME, Y).fit(INPUTS["texts"], Y).predict(INPUTS["texts"]).shape == (N,)
    assert embedder.fit(FRAME).fit(INPUTS["texts"]).transform(INPUTS["texts"]).shape == (N, 32)


@pytest.mark.parametrize("kind", ["mappings", "polars", "arrow"])
def test_the_same_table_gives_the_same_predictions_whatever_holds_it(regressor, kind):
    reference = regressor.fit(FRAME, Y).predict(FRAME)
    assert np.allclose(clone(regressor).fit(INPUTS[kind], Y).predict(INPUTS[kind]), reference)


def test_init_does_nothing_but_keep_its_parameters(regressor):
    names = inspect.signature(EmbeddingRegressor).parameters
    assert set(vars(regressor)) == set(names) == set(regressor.get_params(deep=False))
    unknown = EmbeddingRegressor(model="no such model", head="none", serializer="none")
    assert unknown.model == "no such model"


def test_clone_and_set_params(regressor):
    copy = clone(regressor.set_params(numbers="decimals:1"))
    assert copy.get_params() == regressor.get_params()
    assert not hasattr(copy.fit(MAPPINGS, Y), "feature_names_in_")
    with pytest.raises(ValueError, match="Invalid parameter"):
        regressor.set_params(modell="minilm")


def test_fitted_attributes(regressor):
    fitted = regressor.fit(FRAME, Y)
    assert list(fitted.feature_names_in_) == ["depth", "rate", "kind"]
    assert fitted.n_features_in_ == 3
    assert not hasattr(fitted.fit(INPUTS["texts"], Y), "feature_names_in_")


def test_not_fitted(regressor, embedder):
    with pytest.raises(NotFittedError):
        regressor.predict(MAPPINGS)
    with pytest.raises(NotFittedError):
        embedder.transform(MAPPINGS)


def test_column_order_does_not_matter_but_the_columns_do(regressor):
    fitted = regressor.fit(FRAME, Y)
    assert np.array_equal(fitted.predict(FRAME[["kind", "rate", "depth"]]), fitted.predict(FRAME))
    with pytest.raises(DataError, match="rate"):
        fitted.predict(FRAME.rename(columns={"rate": "ratio"}))
    with pytest.raises(DataError, match=r"got no columns \['kind', 'rate'\], and X has 1 features"):
        fitted.predict(FRAME[["depth"]])
    with pytest.raises(DataError, match=r"got columns \['z'\] that fit did not see, and X has 4 features"):
        fitted.predict(FRAME.assign(z=1))
    with pytest.raises(DataError, match="got X has 2 features, but .* is expecting 3 features .*depth, rate"):
        fitted.predict(FRAME[["depth", "rate"]].to_numpy())


def test_fitting_twice_gives_the_same_and_changes_no_input(regressor):
    X, y = FRAME.copy(), Y.copy()
    first = regressor.fit(X, y).predict(X)
    assert np.array_equal(regressor.fit(X, y).predict(X), first)
    pd.testing.assert_frame_equal(X, FRAME)
    assert np.array_equal(y, Y)


def test_predictions_do_not_depend_on_the_other_rows(regressor):
    fitted = regressor.fit(MAPPINGS, Y)
    alone = np.concatenate([fitted.predict([record]) for record in MAPPINGS])
    assert np.allclose(alone, fitted.predict(MAPPINGS), rtol=1e-4, atol=1e-4)


def test_model_selection(regressor):
    scores = cross_val_score(regressor, FRAME, Y, cv=3)
    assert scores.shape == (3,)
    search = GridSearchCV(regressor, {"numbers": ["decimals:1", "as_is"], "head": ["ridge", "mean"]}, cv=2)
    assert search.fit(MAPPINGS, Y).best_params_["head"] == "ridge"


def test_pipeline(tiny_bert):
    keep = FunctionTransformer(lambda rows: [{"depth": r["depth"]} for r in rows])
    pipeline = make_pipeline(keep, EmbeddingRegressor(model=str(tiny_bert), head="ridge"))
    assert pipeline.fit(MAPPINGS, Y).predict(MAPPINGS).shape == (N,)


def test_sample_weight_zero_is_as_leaving_the_row_out(regressor):
    weights = np.r_[np.ones(N - 6), np.zeros(6)]
    spoilt = np.r_[Y[: N - 6], np.full(6, 99.0)]
    records = [{**record, "row": 0} for record in MAPPINGS]
    with_weights = (
        clone(regressor).set_params(representation="embedding").fit(records, spoilt, sample_weight=weights)
    )
    without = clone(regressor).set_params(representation="embedding").fit(records[: N - 6], Y[: N - 6])
    assert np.allclose(with_weights.predict(records), without.predict(records), atol=1e-6)


def test_sample_weight_is_refused_by_a_head_that_has_none(regressor):
    with pytest.raises(UsageError, match="mlp"):
        regressor.set_params(head="mlp").fit(MAPPINGS, Y, sample_weight=np.ones(N))


@pytest.mark.parametrize("head", ["ridge", "mlp", "xgboost", "gp", "extra_trees", "mean"])
def test_saving_keeps_every_prediction(regressor, head, tmp_path):
    fitted = regressor.set_params(head=head).fit(FRAME, Y)
    fitted.save(tmp_path / "model", extra={"note": "kept"})
    loaded = EmbeddingRegressor.load(tmp_path / "model")
    assert np.array_equal(loaded.predict(FRAME), fitted.predict(FRAME))
    assert list(loaded.feature_names_in_) == list(fitted.feature_names_in_)
    assert loaded.extra_ == {"note": "kept"}
    assert clone(loaded).fit(FRAME, Y).predict(FRAME) == pytest.approx(fitted.predict(FRAME))


def test_no_pickle_in_a_saved_model(regressor, tmp_path):
    regressor.set_params(head="xgboost").fit(MAPPINGS, Y).save(tmp_path / "model")
    suffixes = {path.suffix for path in (tmp_path / "model").iterdir()}
    assert suffixes <= {".json", ".safetensors", ".sha256", ".ubj"}


def test_any_changed_byte_is_refused(regressor, tmp_path):
    path = tmp_path / "model"
    regressor.fit(MAPPINGS, Y).save(path)
    generator = np.random.default_rng(0)
    for file in sorted(path.iterdir()):
        data = file.read_bytes()
        spoilt = bytearray(data)
        spoilt[generator.integers(len(data))] ^= 1
        file.write_bytes(spoilt)
        with pytest.raises(SavedModelError, match=r"manifest|bytes"):
            EmbeddingRegressor.load(path)
        file.write_bytes(data)
    EmbeddingRegressor.load(path)


def test_a_missing_file_or_another_directory_is_refused(regressor, tmp_path):
    with pytest.raises(SavedModelError, match="manifest"):
        EmbeddingRegressor.load(tmp_path)
    regressor.fit(MAPPINGS, Y).save(tmp_path / "model")
    (tmp_path / "model" / "head-0.json").unlink()
    with pytest.raises(SavedModelError, match=r"head-0\.json"):
        EmbeddingRegressor.load(tmp_path / "model")


def test_saving_replaces_nothing_unasked(regressor, tmp_path):
    fitted = regressor.fit(MAPPINGS, Y)
    fitted.save(tmp_path / "model")
    with pytest.raises(OutputError, match="existing"):
        fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model", overwrite=True)
    (tmp_path / "letters").mkdir()
    with pytest.raises(OutputError, match="existing"):
        fitted.save(tmp_path / "letters", overwrite=True)


def test_another_language_model_is_refused(tiny_bert, tiny_llama, tmp_path):
    EmbeddingRegressor(model=str(tiny_bert), head="ridge").fit(MAPPINGS, Y).save(tmp_path / "model")
    with pytest.raises(SavedModelError, match="weights"):
        EmbeddingRegressor.load(tmp_path / "model", model=str(tiny_llama))


def test_vectors_of_another_release_are_told_from_another_language_model(tiny_bert, tmp_path, monkeypatch):
    EmbeddingRegressor(model=str(tiny_bert), head="ridge").fit(MAPPINGS, Y).save(tmp_path / "model")
    monkeypatch.setattr("embedreg.embed._transformer._BERT_SCHEMA", 99)
    with pytest.raises(SavedModelError, match=r"another release of embedreg.* fit again"):
        EmbeddingRegressor.load(tmp_path / "model")


def test_a_precision_that_was_measured_is_kept_where_another_would_be_chosen(
    tiny_bert, tmp_path, monkeypatch
):
    there, here = "bfloat16", "float32"
    monkeypatch.setattr("embedreg.core.precision.fastest_dtype", lambda *_, **__: there)
    fitted = EmbeddingRegressor(model=str(tiny_bert), head="ridge", dtype="auto").fit(MAPPINGS, Y)
    fitted.save(tmp_path / "model")
    monkeypatch.setattr("embedreg.core.precision.fastest_dtype", lambda *_, **__: here)
    loaded = EmbeddingRegressor.load(tmp_path / "model")
    assert loaded.dtype == "auto"
    assert np.array_equal(loaded.predict(MAPPINGS), fitted.predict(MAPPINGS))


def test_the_model_may_be_a_path_and_the_head_an_object(tiny_bert, tmp_path):
    from embedreg.heads import RidgeHead

    fitted = EmbeddingRegressor(model=tiny_bert, head=RidgeHead()).fit(MAPPINGS, Y)
    fitted.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model")
    assert np.array_equal(loaded.predict(MAPPINGS), fitted.predict(MAPPINGS))


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (MAPPINGS, Y[:-1], "23 targets"),
        (MAPPINGS, np.r_[Y[:-1], np.nan], "rows 23"),
        (MAPPINGS, np.r_[np.inf, Y[1:]], "rows 0"),
        (MAPPINGS, ["a"] * N, "no numbers"),
        (MAPPINGS, None, "None"),
        ([*MAPPINGS[:-1], "text"], Y, "record 23"),
        (["text"] * (N - 1) + [""], Y, "23"),
        (["text"] * (N - 1) + ["a\ud800"], Y, "surrogate"),
        (["text"] * (N - 1) + ["a\0"], Y, "NUL"),
        (["text"] * (N - 1) + ["a" * 5_000_000], Y, "bytes"),
        ("one text", Y, "str"),
        ([], [], "0 records"),
    ],
)
def test_bad_input_is_refused_before_any_work(tiny_bert, monkeypatch, X, y, said):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr("embedreg.text_embedder.embed_texts", never)
    monkeypatch.setattr("embedreg.features.TabularFeatures.fit", never)  # n-grams of long texts take minutes
    with pytest.raises((DataError, UsageError), match=said):
        EmbeddingRegressor(model=str(tiny_bert)).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"head": "rigde"}, "ridge"),
        ({"model": "minilmm"}, "minilm"),
        ({"serializer": "jsn"}, "json"),
        ({"numbers": "two"}, "significant"),
        ({"pooling": "average"}, "mean"),
        ({"representation": "both"}, "tabular"),
        ({"dtype": "float8"}, "float32"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(tiny_bert, parameters, said):
    with pytest.raises(UsageError, match=said):
        EmbeddingRegressor(**({"model": str(tiny_bert)} | parameters)).fit(MAPPINGS, Y)


@pytest.mark.parametrize("head", ["ridge", "auto"])
@pytest.mark.parametrize("given", [{"layers": "last"}, {"pooling": "mean"}])
def test_a_setting_given_beside_another_one_in_the_models_name_is_refused(tiny_entry, head, given):
    tiny_entry()
    model = "tiny?layers=all&pooling=max"
    with pytest.raises(UsageError, match="in one place"):
        TextEmbedder(model, **given).fit(MAPPINGS)
    with pytest.raises(UsageError, match="in one place"):
        EmbeddingRegressor(model, head=head, **given).fit(MAPPINGS, Y)
    assert TextEmbedder(model).fit(MAPPINGS).get_feature_names_out().shape == (64,)


def test_the_layers_in_the_models_name_are_the_ensembles(tiny_entry):
    tiny_entry()
    model = EmbeddingRegressor("tiny?layers=1", representation="embedding", effort="fast").fit(MAPPINGS, Y)
    layers = {
        part.embedder.embedder_.dimension
        for part in model.ensemble_.inputs_.values()
        if hasattr(part, "embedder")
    }
    assert layers == {32}


def test_transformer_names_and_output_containers(embedder):
    vectors = embedder.fit_transform(MAPPINGS)
    assert vectors.shape == (N, 32)
    assert vectors.dtype == np.float32
    names = embedder.get_feature_names_out()
    assert names[0] == "textembedder0"
    assert len(names) == 32
    framed = embedder.set_output(transform="pandas").transform(FRAME)
    assert list(framed.columns) == list(names)
    assert embedder.set_output(transform="polars").transform(MAPPINGS).shape == (N, 32)


def test_cache_is_used_or_not_as_asked(tiny_bert, tmp_path):
    TextEmbedder(model=str(tiny_bert), cache=tmp_path / "kept").fit_transform(MAPPINGS)
    assert any((tmp_path / "kept").iterdir())
    TextEmbedder(model=str(tiny_bert), cache=False).fit_transform(MAPPINGS)


@pytest.mark.parametrize("wrong", [{"model": None}, {"model": 3}, {"cache": 3}, {"cache": ""}])
def test_an_embedder_refuses_at_once_what_cannot_be_meant(tiny_bert, wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}="):
        TextEmbedder(**({"model": str(tiny_bert)} | wrong)).fit(MAPPINGS)


def test_public_names():
    assert set(embedreg.__all__) == {"EmbeddingRegressor", "TextEmbedder", "__version__"}
    with pytest.raises(AttributeError, match="nothing"):
        _ = embedreg.nothing


def test_a_model_in_a_directory_is_found_from_another(tiny_bert, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny_bert.parent)
    fitted = EmbeddingRegressor(model=f"./{tiny_bert.name}?pooling=max", head="ridge").fit(MAPPINGS, Y)
    fitted.save(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(EmbeddingRegressor.load("model").predict(MAPPINGS), fitted.predict(MAPPINGS))


@pytest.mark.parametrize("make", [lambda embedder: embedder, lambda _: TabularFeatures()])
def test_an_iterator_is_fitted_and_transformed(embedder, make):
    expected = make(embedder).fit(MAPPINGS).transform(MAPPINGS)

    np.testing.assert_array_equal(make(embedder).fit_transform(iter(MAPPINGS)), expected)
    np.testing.assert_array_equal(make_pipeline(make(embedder)).fit_transform(map(dict, MAPPINGS)), expected)


def test_features_of_transformers_that_are_set_to_give_tables():
    records = [{**record, "note": f"{record['kind']} as {i} was"} for i, record in enumerate(MAPPINGS)]
    expected = TabularFeatures().fit_transform(records)

    with sklearn.config_context(transform_output="pandas"):
        found = TabularFeatures().fit_transform(records)

    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize(
    "changed",
    [
        {"serializer": "values"},
        {"numbers": "as_is"},
        {"head": "xgboost"},
        {"random_state": 3},
        {"effort": "best"},
    ],
)
def test_what_is_saved_is_what_was_fitted(regressor, changed, tmp_path):
    fitted = regressor.fit(MAPPINGS, Y)
    expected, before = fitted.predict(MAPPINGS), fitted.get_params(deep=False)

    fitted.set_params(**changed, cache=False).save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model")

    np.testing.assert_array_equal(loaded.predict(MAPPINGS), expected)
    for name in changed:
        if name != "head":
            assert getattr(loaded, name) == before[name]
    assert not loaded.cache, "where vectors are kept is as it was last set"
    loaded.set_params(**changed).save(tmp_path / "again")
    np.testing.assert_array_equal(EmbeddingRegressor.load(tmp_path / "again").predict(MAPPINGS), expected)


def test_layers_of_numpy(tiny_bert):
    expected = TextEmbedder(str(tiny_bert), layers=1).fit_transform(MAPPINGS)
    found = TextEmbedder(str(tiny_bert), layers=np.int64(1)).fit_transform(MAPPINGS)
    np.testing.assert_array_equal(found, expected)

    search = GridSearchCV(
        make_pipeline(TextEmbedder(str(tiny_bert)), Ridge()), {"textembedder__layers": np.arange(3)}, cv=2
    )
    assert np.isfinite(search.fit(MAPPINGS, Y).cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("layers", [None, [1, 2], (1,), 1.0, np.bool_(True)])
def test_layers_that_are_no_number_and_no_text(tiny_bert, layers):
    with pytest.raises(UsageError, match=r"layers=.*expected 'last'"):
        TextEmbedder(str(tiny_bert), layers=layers).fit(MAPPINGS)


def test_a_device_that_is_no_text(tiny_bert):
    with pytest.raises(UsageError, match=r"device None.*device='auto'"):
        TextEmbedder(str(tiny_bert), device=None).fit_transform(MAPPINGS)
