"""What `EmbeddingRegressor()` promises beyond an estimator's contract: intervals, suggestions, any data at all."""

from __future__ import annotations

import dataclasses
import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from word_hashes import CountingHashes

from embedreg import EmbeddingRegressor
from embedreg.core.errors import DataError, EmbedregWarning, ModelError, SavedModelError, UsageError
from embedreg.ensemble import Explanation, _ensemble

pytestmark = pytest.mark.usefixtures("small_members")

N = 24
RECORDS = [{"depth": i % 6, "rate": 0.1 * (i % 7), "kind": "abc"[i % 3]} for i in range(N)]
Y = np.array([r["depth"] + r["rate"] for r in RECORDS])
NEW = [{**record, "rate": record["rate"] + 0.05} for record in RECORDS[:9]]


def default(**settings: object) -> EmbeddingRegressor:
    parameters: dict[str, object] = {"model": CountingHashes(), "cache": False}
    if settings.get("head", "auto") == "auto":
        parameters["effort"] = "fast"
    return EmbeddingRegressor(**(parameters | settings))


@pytest.fixture
def fitted():
    return default().fit(RECORDS, Y)


def test_quantiles_ascend_and_are_what_intervals_are_made_of(fitted):
    quantiles = fitted.predict_quantiles(NEW, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert quantiles.shape == (9, 5)
    assert np.all(np.diff(quantiles, axis=1) >= 0)
    np.testing.assert_array_equal(fitted.predict_interval(NEW, 0.9), quantiles[:, [0, 4]])


def test_an_interval_of_more_coverage_holds_that_of_less(fitted):
    narrow, wide = (fitted.predict_interval(NEW, coverage) for coverage in (0.5, 0.95))
    assert np.all(wide[:, 0] <= narrow[:, 0])
    assert np.all(narrow[:, 1] <= wide[:, 1])


def test_predictions_and_intervals_do_not_depend_on_the_other_rows(fitted):
    alone = np.concatenate([fitted.predict_interval([record]) for record in NEW])
    np.testing.assert_allclose(alone, fitted.predict_interval(NEW), rtol=1e-5, atol=1e-6)


def test_several_targets_share_the_embedding():
    one, three = CountingHashes(), CountingHashes()
    default(model=one, effort="best").fit(RECORDS, Y)
    model = default(model=three, effort="best").fit(RECORDS, np.column_stack([Y, -Y, Y**2]))
    assert three.embedded == one.embedded > 0
    assert model.predict(NEW).shape == (9, 3)
    assert model.predict_interval(NEW).shape == (9, 3, 2)
    assert model.predict_quantiles(NEW, [0.1, 0.5, 0.9]).shape == (9, 3, 3)
    assert [type(found) for found in model.explain()] == [Explanation] * 3
    with pytest.raises(UsageError, match="several targets"):
        model.suggest(NEW)


def test_each_of_several_targets_is_predicted_as_it_would_be_alone():
    together = default().fit(RECORDS, np.column_stack([Y, Y**2]))
    np.testing.assert_allclose(
        together.predict(NEW)[:, 0], default().fit(RECORDS, Y).predict(NEW), rtol=1e-5, atol=1e-6
    )


def test_several_targets_of_a_named_head(tmp_path):
    hashes = CountingHashes()
    model = default(model=hashes, head="ridge").fit(RECORDS, np.column_stack([Y, -Y]))
    assert hashes.embedded == N
    assert len(model.heads_) == 2
    model.save(tmp_path / "m")
    loaded = EmbeddingRegressor.load(tmp_path / "m", model=CountingHashes())
    np.testing.assert_array_equal(loaded.predict(NEW), model.predict(NEW))


@pytest.mark.parametrize("y", [Y, np.column_stack([Y, np.sqrt(Y)])], ids=["one target", "two"])
def test_saving_keeps_every_bit(y, tmp_path):
    model = default().fit(pd.DataFrame(RECORDS), y)
    model.save(tmp_path / "model", extra={"note": "kept"})
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=CountingHashes())
    new = pd.DataFrame(NEW)
    np.testing.assert_array_equal(loaded.predict(new), model.predict(new))
    np.testing.assert_array_equal(loaded.predict_interval(new), model.predict_interval(new))
    assert loaded.explain() == model.explain()
    assert str(loaded.explain()) == str(model.explain())
    assert loaded.extra_ == {"note": "kept"}
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {
        ".json",
        ".safetensors",
        ".sha256",
        ".ubj",
    }


def test_what_was_left_out_is_told_in_the_same_order_after_loading(fitted, tmp_path):
    explanation = fitted.explain()
    left_out = {"z": "last of all", "gaussian process": "too many rows", "a": "no text"}
    fitted.ensemble_.explanations_ = [dataclasses.replace(explanation, left_out=left_out)]
    fitted.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=CountingHashes())
    assert list(loaded.explain().left_out) == ["z", "gaussian process", "a"]


@pytest.mark.parametrize("head", ["auto", "mlp", "xgboost"])
def test_a_seed_of_numpy_is_saved_as_pythons(head, tmp_path):
    model = default(head=head, random_state=np.int64(3)).fit(RECORDS, Y)
    model.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=CountingHashes())
    assert type(loaded.random_state) is int
    np.testing.assert_array_equal(loaded.predict(NEW), model.predict(NEW))
    np.testing.assert_array_equal(
        default(head=head, random_state=3).fit(RECORDS, Y).predict(NEW), model.predict(NEW)
    )


def test_a_layer_of_numpy_is_saved_as_pythons(tiny_bert, tmp_path):
    EmbeddingRegressor(tiny_bert, head="ridge", layers=np.int64(0)).fit(RECORDS, Y).save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model")
    assert (type(loaded.layers), loaded.layers) == (int, 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, path: m.save(path / "new", extra={"a": object()}), r"extra\['a'\]"),
        (lambda m, path: m.save(None), "path=None"),
        (lambda m, path: EmbeddingRegressor.load(None), "path=None"),
        (lambda m, path: EmbeddingRegressor.load(path / "model", model=3), "model=3"),
        (lambda m, path: EmbeddingRegressor.load(path / "model", cache=3), "cache=3"),
    ],
)
def test_what_cannot_be_saved_or_loaded_is_said_and_nothing_written(fitted, tmp_path, call, said):
    fitted.save(tmp_path / "model")
    with pytest.raises(UsageError, match=said):
        call(fitted, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_saved_combination_refuses_another_language_model(fitted, tmp_path, tiny_bert):
    fitted.save(tmp_path / "model")
    if any(m.representation.startswith("text") and m.weight for m in fitted.explain().members):
        with pytest.raises(SavedModelError, match="fitted with"):
            EmbeddingRegressor.load(tmp_path / "model", model=str(tiny_bert))


def test_one_seed_gives_one_model_and_another_seed_another():
    first, again, other = (
        default(random_state=seed).fit(RECORDS, Y).predict_interval(NEW) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_weight_zero_is_as_leaving_the_row_out():
    some = np.linspace(1, 2, N - 6)
    weights = np.r_[some, np.zeros(6)]
    spoilt = np.r_[Y[: N - 6], np.full(6, 99.0)]
    weighted = default().fit(RECORDS, spoilt, sample_weight=weights)
    without = default().fit(RECORDS[: N - 6], Y[: N - 6], sample_weight=some)
    np.testing.assert_allclose(weighted.predict(NEW), without.predict(NEW), rtol=1e-6)
    assert "gaussian process" in weighted.explain().left_out


def test_what_was_chosen_can_be_read(fitted):
    explanation = fitted.explain()
    assert sum(member.weight for member in explanation.members) == pytest.approx(1)
    assert {m.representation for m in explanation.members} >= {"features", "feature ranks"}
    for member in explanation.members:
        assert member.name in str(explanation)


def test_a_representation_that_is_named_is_the_only_one_tried():
    from embedreg.ensemble._representations import REPRESENTATIONS

    for representation in ("tabular", "embedding"):
        members = default(representation=representation).fit(RECORDS, Y).explain().members
        assert {REPRESENTATIONS[m.representation].kind for m in members} == {representation}
    hashes = CountingHashes()
    default(model=hashes, representation="tabular").fit(RECORDS, Y)
    assert hashes.embedded == 0


def test_a_format_that_is_named_is_the_only_one_tried():
    model = default(effort="balanced", representation="embedding", numbers="decimals:1").fit(RECORDS, Y)
    assert {member.representation for member in model.explain().members} == {"text"}


@pytest.mark.parametrize("minimize", [True, False])
@pytest.mark.parametrize("acquisition", ["expected_improvement", "thompson"])
def test_suggestions_are_different_candidates_with_the_promising_first(fitted, minimize, acquisition):
    candidates = [{"depth": d, "rate": 0.3, "kind": "a"} for d in range(6)]
    found = fitted.suggest(candidates, 6, minimize=minimize, acquisition=acquisition)
    assert sorted(found) == list(range(6))
    assert fitted.suggest(candidates, 2, minimize=minimize, acquisition=acquisition).tolist() == list(
        found[:2]
    )
    extreme = 0 if minimize else 5
    assert extreme in found[:3]


def test_where_nothing_may_improve_the_best_mean_is_first(fitted):
    candidates = [{"depth": d, "rate": 0.3, "kind": "a"} for d in range(6)]
    found = fitted.suggest(candidates, 6, best=-1e9)
    means = fitted.predict(candidates)
    assert means[found[0]] < means[found[-1]]


@pytest.mark.filterwarnings("ignore:fields with")
@pytest.mark.parametrize("acquisition", ["expected_improvement", "thompson"])
def test_what_is_far_out_or_lacking_is_not_suggested_for_that(acquisition):
    """An interval is wide there as a warning; nothing promises a small number."""
    rng = np.random.default_rng(0)

    def some(n, low=-5.0, high=-1.0, **fixed):
        drawn = [{"opt": "ab"[i % 2], "rate": float(10 ** rng.uniform(low, high))} for i in range(n)]
        return [record | fixed for record in drawn]

    records = some(60)
    y = [(np.log10(record["rate"]) + 3) ** 2 + (record["opt"] == "b") for record in records]
    model = default(representation="tabular").fit(records, y)
    usual = some(60)
    unusual = [*some(15, low=-1.0, high=3.0), *some(15, opt="new"), *some(15, rate=None)]
    found = model.suggest([*unusual, *usual], 10, acquisition=acquisition)
    assert np.all(found >= len(unusual))


@pytest.mark.parametrize("acquisition", ["expected_improvement", "thompson"])
def test_what_was_measured_or_suggested_already_is_suggested_last(acquisition, tmp_path):
    model = default(representation="tabular").fit(RECORDS, Y)
    model.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=CountingHashes())
    candidates = [*RECORDS[:5], *NEW[:3], *NEW[:3], RECORDS[0]]
    for one in (model, loaded):
        assert set(one.suggest(candidates, 3, acquisition=acquisition)) == {5, 6, 7}
        with pytest.warns(EmbedregWarning, match="9 of the 12 suggestions"):
            found = one.suggest(candidates, 12, acquisition=acquisition).tolist()
        assert [set(found[:3]), set(found[3:8]), set(found[8:])] == [{5, 6, 7}, set(range(5)), {8, 9, 10, 11}]


def test_a_candidate_that_cannot_be_read_is_named_by_its_place_in_what_was_given():
    texts = [f"{kind} number {i}" for i, kind in enumerate("ab" * (N // 2))]
    model = default().fit(texts, Y)
    with pytest.raises(DataError, match="the text of row 3;"):
        model.suggest([texts[0], texts[1], "a new one", " "], 1)


def test_what_was_measured_is_known_without_weight_and_in_other_words():
    weight = np.ones(len(Y))
    weight[:2] = 0.0
    records = [dict(record, day=dt.datetime(2024, 1, 1 + i % 9)) for i, record in enumerate(RECORDS)]
    model = default(representation="tabular").fit(records, Y, sample_weight=weight)
    written = [dict(record, day=record["day"].date().isoformat()) for record in records[:4]]

    assert model.suggest([*written, dict(NEW[0], day="2024-01-01")], 1).tolist() == [4]


def test_what_was_measured_is_known_beside_fields_that_training_did_not_have(tmp_path):
    moments = [dt.datetime(2024, 1, 1, 10, i) for i in range(N)]
    records = [dict(record, at=at) for record, at in zip(RECORDS, moments, strict=True)]
    model = default(representation="tabular").fit(records, Y)
    model.save(tmp_path / "model")
    loaded = EmbeddingRegressor.load(tmp_path / "model", model=CountingHashes())
    further = [dict(record, at=str(record["at"]), label=None) for record in records[:4]]
    candidates = [*further, dict(NEW[0], at=str(moments[0]), label=None)]

    assert [one.suggest(candidates, 1).tolist() for one in (model, loaded)] == [[4], [4]]
    numbered = [dict(candidate, label=i) for i, candidate in enumerate(candidates)]
    with pytest.warns(EmbedregWarning, match="label"):
        assert model.suggest(numbered, 1).tolist() == [4]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.predict_interval(NEW, 1.0), "coverage=1.0"),
        (lambda m: m.predict_interval(NEW, 90), "between 0 and 1"),
        (lambda m: m.predict_quantiles(NEW, [0.1, 1.0]), "quantiles"),
        (lambda m: m.predict_interval(NEW, "0.9"), "coverage='0.9'"),
        (lambda m: m.predict_interval(NEW, None), "coverage=None"),
        (lambda m: m.predict_interval(NEW, [0.8, 0.9]), "coverage="),
        (lambda m: m.predict_quantiles(NEW, []), "quantiles"),
        (lambda m: m.predict_quantiles(NEW, ["x"]), "quantiles"),
        (lambda m: m.suggest(NEW, 10), "k=10 of 9"),
        (lambda m: m.suggest(NEW, 0), "k=0"),
        (lambda m: m.suggest(NEW, 1.5), "k=1.5 .*whole number"),
        (lambda m: m.suggest(NEW, "2"), "k='2'"),
        (lambda m: m.suggest(NEW, None), "k=None"),
        (lambda m: m.suggest(NEW, True), "k=True"),
        (lambda m: m.suggest(NEW, best="a"), "best='a'"),
        (lambda m: m.suggest(NEW, best=np.nan), "best=nan"),
        (lambda m: m.suggest(NEW, best=-np.inf), "best=-inf"),
        (lambda m: m.suggest(NEW, minimize="no"), "minimize='no'"),
        (lambda m: m.suggest(NEW[:0]), "no candidates"),
        (lambda m: m.suggest(pd.DataFrame(NEW)[:0], 0), "no candidates"),
        (lambda m: m.suggest(NEW, acquisition="thomson"), "thompson"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_embedded(fitted, call, said):
    before = fitted.model.embedded
    with pytest.raises(UsageError, match=said):
        call(fitted)
    assert fitted.model.embedded == before


def test_numbers_of_numpy_are_asked_for_as_pythons(fitted):
    np.testing.assert_array_equal(
        fitted.predict_interval(NEW, np.float64(0.9)), fitted.predict_interval(NEW, 0.9)
    )
    for k in (np.int64(2), np.float64(2)):
        found = fitted.suggest(NEW, k, minimize=np.True_, best=np.float32(1.5))
        np.testing.assert_array_equal(found, fitted.suggest(NEW, 2, minimize=True, best=1.5))


@pytest.mark.parametrize("method", ["predict_interval", "predict_quantiles", "suggest", "explain"])
def test_a_head_alone_does_not_know_its_errors(method):
    model = default(head="ridge").fit(RECORDS, Y)
    with pytest.raises(UsageError, match=rf"{method} .*'ridge'.*head 'auto'"):
        getattr(model, method)(*([] if method == "explain" else [NEW]))


@pytest.mark.parametrize(
    ("settings", "X", "error", "said"),
    [
        ({"effort": "quick"}, RECORDS, UsageError, "balanced"),
        ({"effort": "quick", "head": "ridge"}, RECORDS, UsageError, "balanced"),
        ({"target_transform": "auto"}, RECORDS, UsageError, "target transform"),
        *(
            (wrong | shape, RECORDS, UsageError, f"{name}=")
            for wrong in ({"model": None}, {"model": 3}, {"cache": 3}, {"random_state": -1})
            for shape in ({}, {"head": "ridge"}, {"representation": "tabular", "head": "ridge"})
            for name in wrong
        ),
        ({}, RECORDS[:3], DataError, "3 records"),
        ({}, [RECORDS[0]] * N, DataError, "1 of them different"),
    ],
)
def test_what_cannot_be_fitted_is_said_before_anything_is_embedded(settings, X, error, said):
    hashes = CountingHashes()
    with pytest.raises(error, match=said):
        default(**({"model": hashes} | settings)).fit(X, Y[: len(X)])
    assert hashes.embedded == 0


@pytest.mark.parametrize("head", ["auto", "ridge"])
@pytest.mark.parametrize(
    ("y", "said"),
    [
        (1e200 * Y, "divide"),
        (np.where(Y > 2, 1.7e308, -1.7e308), "divide"),
        (1e-320 * Y, "told apart"),
        (np.ma.masked_array(Y, mask=Y > 5), "masked"),
        (Y.astype("m8[s]"), "times"),
        (Y + 1j, "complex"),
        ([10**400, *Y[1:]], "too large"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused_before_anything_is_embedded(head, y, said):
    hashes = CountingHashes()
    with pytest.raises(DataError, match=said):
        default(model=hashes, head=head).fit([f"note {i}" for i in range(N)], y)
    assert hashes.embedded == 0


@pytest.mark.parametrize("head", ["auto", "ridge", "xgboost"])
def test_only_the_ratios_of_weights_count(head):
    weights = np.r_[np.ones(N - 6), np.full(6, 3.0)]
    found = [
        default(head=head, representation="tabular").fit(RECORDS, Y, unit * weights).predict(NEW)
        for unit in (1.0, 2.0**-300, 2.0**300)
    ]
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("head", ["auto", "ridge"])
@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.zeros(N), "zero"),
        (np.eye(N)[0], "1 are positive"),
        (np.r_[-1, np.ones(N - 1)], "negative, the first in rows 0"),
        (np.ones(N - 1), "shape"),
        (np.where(np.arange(N) < 3, 1e200, 1e-200), "too small beside the largest"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused_before_anything_is_embedded(head, weights, said):
    hashes = CountingHashes()
    with pytest.raises(DataError, match=said):
        default(model=hashes, head=head).fit(RECORDS, Y, weights)
    assert hashes.embedded == 0


@pytest.mark.parametrize(
    "settings", [{}, {"effort": "balanced"}, {"head": "ridge"}, {"effort": "balanced", "numbers": "as_is"}]
)
@pytest.mark.parametrize("noted", [True, False], ids=["with texts", "without texts"])
def test_a_plan_counts_what_fit_would_embed(settings, noted):
    records = [record | {"note": f"note {i}"} for i, record in enumerate(RECORDS)] if noted else RECORDS
    hashes = CountingHashes()
    model = default(model=hashes, **settings)
    plan = model.plan(records)
    assert hashes.embedded == 0
    model.fit(records, Y)
    assert len(hashes.seen) == plan.distinct


def test_there_is_no_plan_of_traditional_features():
    for head in ("auto", "ridge"):
        with pytest.raises(UsageError, match="tabular"):
            default(representation="tabular", head=head).plan(RECORDS)


def test_a_named_head_after_a_combination_leaves_nothing_of_it(fitted):
    fitted.set_params(head="ridge", effort="balanced").fit(RECORDS, Y)
    assert not hasattr(fitted, "ensemble_")
    fitted.set_params(head="auto", effort="fast").fit(RECORDS, Y)
    assert not hasattr(fitted, "head_")
    assert clone(fitted).get_params()["head"] == "auto"


def table(n: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, columns))


MISSING = [{"a": None, "b": i} for i in range(N)]
SHAPES = {
    "4 records": RECORDS[:4],
    "5 records": RECORDS[:5],
    "20 records": RECORDS[:20],
    "1 column": table(N, 1),
    "2,000 columns": table(N, 2000),
    "constant columns": np.hstack([table(N, 1), np.ones((N, 5))]),
    "all text": [f"a record about {['red', 'green', 'blue'][i % 3]} things, number {i}" for i in range(N)],
    "text column": pd.DataFrame({"note": [f"the {i}th note" for i in range(N)], "x": np.arange(N)}),
    "a column with nothing": MISSING,
    "nothing but gaps and one number": pd.DataFrame({"a": [np.nan] * (N - 1) + [1.0], "b": [None] * N}),
    "duplicates": RECORDS[:4] * 6,
    "near duplicates": np.repeat(table(6, 2), 4, axis=0) + 1e-9 * table(N, 2),
    "different keys": [{f"only {i % 5}": i} for i in range(N)],
    "nested": [{"net": {"widths": [i, 2 * i], "act": "relu"}} for i in range(N)],
    "huge numbers": 1e200 * table(N, 2),
    "yes and no": [{"on": i % 2 == 0, "id": i} for i in range(N)],
}
TARGETS = {
    "heavy-tailed": np.random.default_rng(0).standard_cauchy(N) ** 3,
    "skewed over many orders": 10.0 ** np.linspace(-20, 20, N),
    "discrete": np.arange(N) % 3,
    "two values": np.arange(N) % 2 == 0,
    "one that differs": np.r_[np.zeros(N - 1), 1.0],
    "censored": np.minimum(np.linspace(0, 2, N), 1.0),
    "constant": np.full(N, 3.0),
    "tiny": 1e-200 * np.arange(N),
    "huge": 1e120 * np.arange(N),
    "far from zero": 1e9 + np.arange(N) * 1e-3,
    "float32": np.arange(N, dtype=np.float32),
}


def check_predictions(model, X, y) -> None:
    predicted, interval = model.predict(X), model.predict_interval(X, 0.8)
    assert predicted.shape == (len(X),)
    assert predicted.dtype == np.float64
    assert np.isfinite(predicted).all()
    assert np.isfinite(interval).all()
    assert np.all(interval[:, 0] <= interval[:, 1])


@pytest.mark.parametrize("name", SHAPES)
def test_any_records_are_fitted_and_predicted(name):
    X = SHAPES[name]
    y = np.arange(len(X), dtype=float) % 7
    check_predictions(default().fit(X, y), X, y)


@pytest.mark.parametrize("name", TARGETS)
def test_any_targets_are_fitted_and_predicted(name):
    y = TARGETS[name]
    model = default(effort="balanced").fit(
        RECORDS[:12] + NEW + [{"depth": 9, "rate": 9, "kind": k} for k in "abc"], y
    )
    check_predictions(model, RECORDS, y)
    span = np.ptp(y.astype(float))
    assert np.all(np.abs(model.predict(RECORDS) - y.mean()) <= 5 * span + 1e-6 * abs(y.mean()))


def test_a_constant_target_is_predicted_with_an_interval_of_no_width():
    model = default().fit(RECORDS, np.full(N, 3.0))
    np.testing.assert_allclose(model.predict(NEW), 3.0, atol=1e-9)
    np.testing.assert_allclose(model.predict_interval(NEW), 3.0, atol=1e-9)


def test_few_different_inputs_are_told_apart():
    model = default().fit([{"kind": "abc"[i % 3]} for i in range(60)], np.arange(60) % 3)
    np.testing.assert_allclose(model.predict([{"kind": k} for k in "abc"]), [0, 1, 2], atol=0.5)


def test_many_records_are_chosen_on_a_sample_and_all_fitted(monkeypatch):
    monkeypatch.setattr(_ensemble, "MOST_JUDGED", 30)
    x = np.random.default_rng(0).uniform(size=(90, 2))
    model = default().fit(x, x[:, 0])
    explanation = model.explain()
    assert (explanation.rows, explanation.judged_on) == (90, 30)
    check_predictions(model, x, x[:, 0])
    assert model.score(x, x[:, 0]) > 0.8


@pytest.mark.parametrize("shape", ["line", "wave"])
def test_uncertainty_grows_away_from_the_data(shape):
    x = np.random.default_rng(1).uniform(size=40)
    noise = 0.05 * np.random.default_rng(2).normal(size=40)
    y = {"line": 3 * x, "wave": np.sin(6 * x)}[shape] + noise
    model = default(representation="tabular").fit(x[:, None], y)

    def width(places):
        return np.ptp(model.predict_interval(np.array(places)[:, None]), axis=1)

    inside = np.median(width(np.linspace(0.1, 0.9, 17)))
    assert np.all(width([3.0, -2.0]) > inside)
    assert np.all(np.diff(width([1.5, 3.0, 10.0, 100.0])) > 0)
    assert np.all(np.diff(width([-0.5, -2.0, -9.0, -99.0])) > 0)


def test_new_rows_are_covered_about_as_often_as_asked():
    """15 training sets: the mean coverage is within three standard errors of what was asked, and a little above."""
    covered = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        x = rng.uniform(size=(90, 2))
        y = x[:, 0] + 0.3 * rng.standard_t(3, size=90)
        low, high = (
            default(head="auto", representation="tabular").fit(x[:50], y[:50]).predict_interval(x[50:], 0.8).T
        )
        covered.append(np.mean((low <= y[50:]) & (y[50:] <= high)))
    error = np.std(covered) / np.sqrt(len(covered))
    assert 0.8 - 3 * error <= np.mean(covered) <= 0.84 + 3 * error


def test_a_member_may_be_the_only_one(monkeypatch):
    from embedreg.ensemble import _members

    only = dataclasses.replace(_members.MEMBERS[0], name="only")
    monkeypatch.setattr(_members, "MEMBERS", (only,))
    model = default().fit(RECORDS, Y)
    assert [m.weight for m in model.explain().members] == [1.0]
    check_predictions(model, NEW, Y)


@pytest.mark.parametrize("lost", [["depth"], ["depth", "rate", "kind"]])
def test_a_record_that_lacks_what_all_training_records_had_may_have_any_target(fitted, lost):
    lacking = [{name: value for name, value in record.items() if name not in lost} for record in NEW]
    with pytest.warns(
        EmbedregWarning, match="each training record had, counted as missing: 'depth'"
    ) as caught:
        low, high = fitted.predict_interval(lacking, 0.9).T
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert np.all(high - low > 0.8 * np.ptp(np.quantile(Y, [0.05, 0.95])))
    assert np.mean((low <= Y[: len(NEW)]) & (Y[: len(NEW)] <= high)) > 0.7


def test_a_value_that_two_training_records_lack_may_still_mean_anything():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    records = [{"a": a, "b": b} for a, b in x.tolist()]
    y = x @ [3, 1]
    records[0].pop("a")
    records[1].pop("a")
    model = default().fit(records, y)
    assert np.ptp(model.predict_interval([{"b": 0.0}], 0.9)) > 0.8 * np.ptp(np.quantile(y, [0.05, 0.95]))
    assert np.ptp(model.predict_interval([{"b": 0.0, "a": 0.0}], 0.9)) < 0.1 * np.ptp(y)


def test_what_is_beyond_the_reach_of_a_prediction_is_in_its_interval():
    x = np.linspace(0, 1, 40)[:, None]
    model = default().fit(x, x[:, 0])
    inside, outside = np.ptp(model.predict_interval([[0.5], [5.0]]), axis=1)
    assert inside < 0.1
    assert outside > 0.5


def test_no_records_are_refused_before_anything_is_done(fitted):
    for ask in (fitted.predict, fitted.predict_interval):
        with pytest.raises(DataError, match="0 records; expected at least one"):
            ask([])


def test_texts_beyond_six_fields_are_said_not_to_be_read():
    records = [{f"t{j}": f"w{(i + j) % 12} {i % 11}" for j in range(8)} for i in range(24)]
    left_out = default().fit(records, Y).explain().left_out
    assert [name for name in left_out if "texts of" in name] == ["the texts of t6", "the texts of t7"]


@pytest.mark.parametrize("head", ["auto", "ridge"])
def test_columns_without_names_are_taken_in_their_order_with_a_warning(head):
    table = pd.DataFrame({"rate": np.arange(24.0) % 7, "depth": np.arange(24.0) % 5})
    named, bare = (default(head=head).fit(X, Y) for X in (table, table.to_numpy()))
    with pytest.warns(EmbedregWarning, match="X does not have valid feature names.*in their order"):
        np.testing.assert_array_equal(named.predict(table.to_numpy()), named.predict(table))
    with pytest.warns(EmbedregWarning, match="X has feature names.*in their order"):
        np.testing.assert_array_equal(bare.predict(table), bare.predict(table.to_numpy()))


def test_numbers_alone_need_no_language_model(monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise ModelError("no weights", expected="none to be asked for", mend="ask for none")

    monkeypatch.setattr("embedreg.text_embedder.make_embedder", never)
    fitted = EmbeddingRegressor(effort="fast").fit(RECORDS, Y)
    assert fitted.predict(NEW).shape == (9,)
    with pytest.raises(ModelError):
        EmbeddingRegressor(effort="fast", pooling="max").fit(RECORDS, Y)


def test_a_moment_at_the_end_of_the_calendar_is_refused_with_its_field():
    last = dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    with pytest.raises(DataError, match="in UTC is outside .* field day"):
        default().fit([{**record, "day": last} for record in RECORDS], Y)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_what_transformers_are_set_to_give_changes_nothing(output):
    records = [{**record, "note": f"{record['kind']} as {i} was"} for i, record in enumerate(RECORDS)]
    new = [{**record, "rate": record["rate"] + 0.05} for record in records]
    expected = default().fit(records, Y)

    with sklearn.config_context(transform_output=output), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fitted = default().fit(records, Y)
        for model in (fitted, expected):
            np.testing.assert_array_equal(model.predict_interval(records), fitted.predict_interval(records))
        assert fitted.suggest(new, 2).tolist() == expected.suggest(new, 2).tolist()

    np.testing.assert_array_equal(fitted.predict(records), expected.predict(records))
