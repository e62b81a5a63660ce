from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from embedreg.core.errors import DataError, UsageError
from embedreg.core.protocols import SavedState
from embedreg.ensemble import Ensemble, _ensemble, members_of
from embedreg.ensemble._combination import Combination

LEVELS = np.array([0.05, 0.5, 0.95])


@pytest.fixture(scope="module")
def new(data):
    return [{**record, "rate": record["rate"] / 2} for record in data[0][:15]]


@pytest.fixture(scope="module")
def fitted(data):
    return Ensemble(effort="fast", kinds=("tabular",)).fit(data[0], data[1][:, None])


def functions(ensemble, records):
    return np.concatenate(list(ensemble.functions(records, 400)))  # (n, 400)


def reread(parts):
    """Write every part to files and read it back, as saving does."""
    return {name: SavedState.from_files(name, state.to_files(name)) for name, state in parts.items()}


def test_saving_keeps_every_bit_of_what_is_predicted(fitted, new):
    loaded = Ensemble.from_state(reread(fitted.state()), text={}, random_state=0)
    np.testing.assert_array_equal(loaded.predict(new), fitted.predict(new))
    np.testing.assert_array_equal(loaded.quantiles(new, LEVELS), fitted.quantiles(new, LEVELS))
    np.testing.assert_array_equal(functions(loaded, new), functions(fitted, new))
    assert loaded.explanations_ == fitted.explanations_


def test_texts_are_those_of_the_training_and_the_new_records(counting):
    names = [f"name {i}" for i in range(12)]
    embedder, texts = Ensemble(effort="fast", text={"model": counting}).texts(names[:10], names[10:])
    assert texts == names
    assert embedder.plan(texts).distinct == 12
    assert counting.texts == []


def test_a_loaded_ensemble_saves_the_same_files(fitted):
    files = {name: state.to_files(name) for name, state in fitted.state().items()}
    loaded = Ensemble.from_state(reread(fitted.state()), text={}, random_state=0)
    assert {name: state.to_files(name) for name, state in loaded.state().items()} == files


def test_a_combination_alone_keeps_every_bit(fitted, new):
    combination = fitted.combinations_[0]
    states = [SavedState.from_files("a", state.to_files("a")) for state in combination.state()]
    loaded, vectors = Combination.from_state(states), fitted._vectors(new)
    np.testing.assert_array_equal(loaded.predict(vectors), combination.predict(vectors))
    np.testing.assert_array_equal(loaded.weights, combination.weights)


def test_what_is_explained_is_what_was_tried_and_kept(fitted, data):
    explanation = fitted.explanations_[0]
    assert {m.name for m in explanation.members} | set(explanation.left_out) == {
        m.name for m in members_of("fast", ("tabular",))
    }
    weights = [member.weight for member in explanation.members]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1)
    assert explanation.rows == explanation.judged_on == len(data[0])
    assert explanation.kendall_tau > 0.5
    assert {m.name for m in fitted.combinations_[0].members} == {
        m.name for m in explanation.members if m.weight > 0
    }


def test_functions_are_as_far_apart_as_the_mean_of_four_models(fitted, new):
    combination = fitted.combinations_[0]
    models = combination.models(fitted._vectors(new))
    likely = np.repeat(combination.weights, len(combination.heads[0])) / len(combination.heads[0])
    center = models @ likely
    scores = combination.scale.transform(functions(fitted, new).ravel()).reshape(len(new), -1)
    deviation = np.sqrt((models - center[:, None]) ** 2 @ likely)
    assert np.all(np.abs(scores.mean(axis=1) - center) < 5 * deviation / 2 / np.sqrt(400))
    np.testing.assert_allclose(scores.std(axis=1), deviation / 2, rtol=0.2)


def test_functions_do_not_raise_or_lower_all_records_alike(fitted, new):
    """Samples that did named the best mean and no other, however many were drawn."""
    values = functions(fitted, new)
    between = np.corrcoef(values)[np.triu_indices(len(new), 1)]
    assert np.median(np.abs(between)) < 0.5


def test_functions_are_the_same_for_any_number_of_records_at_once(fitted, new, monkeypatch):
    whole = functions(fitted, new)
    monkeypatch.setattr(_ensemble, "_AT_ONCE", 4)
    blocks = list(fitted.functions(new, 400))
    assert [len(block) for block in blocks] == [4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_only_representations_that_are_needed_are_kept(fitted):
    used = {m.representation for m in fitted.combinations_[0].members}
    assert set(fitted.inputs_) == used | {"features"}  # those tell how far a row is from the training rows


def test_the_choice_is_on_a_sample_and_the_fit_on_all_rows_where_there_are_many(data, monkeypatch):
    monkeypatch.setattr(_ensemble, "MOST_JUDGED", 25)
    records, y = data
    ensemble = Ensemble(effort="fast", kinds=("tabular",)).fit(records, y[:, None])
    assert ensemble.explanations_[0].judged_on == 25
    assert ensemble.explanations_[0].rows == len(records)
    assert len(ensemble.combinations_[0].predictive.residuals) == len(records)
    assert kendalltau(ensemble.predict(records)[:, 0], y).statistic > 0.6


@pytest.mark.parametrize("most_judged", [200, 100])
def test_copies_with_a_little_noise_are_held_out_together_however_many_rows_are_judged(
    monkeypatch, most_judged
):
    monkeypatch.setattr(_ensemble, "MOST_JUDGED", most_judged)
    rng = np.random.default_rng(0)
    x = np.repeat(rng.uniform(size=(50, 4)), 4, axis=0) + rng.normal(scale=1e-6, size=(200, 4))
    y = np.repeat(rng.normal(size=50), 4)  # nothing is to be learnt, but by looking a copy up
    records = [dict(zip("abcd", map(float, row), strict=True)) for row in x]
    (explanation,) = Ensemble(effort="fast", kinds=("tabular",)).fit(records, y[:, None]).explanations_
    assert explanation.rmse > 0.9 * y.std()


def test_members_that_do_not_apply_are_said_with_the_reason(data):
    records, y = data
    ensemble = Ensemble(effort="balanced", kinds=("tabular",)).fit(
        records, y[:, None], np.arange(1.0, len(records) + 1)
    )
    left_out = ensemble.explanations_[0].left_out
    unweighted = {m.name for m in members_of("balanced", ("tabular",)) if not m.takes_weights}
    assert {name for name, why in left_out.items() if why == "it takes no weights"} == unweighted


def test_equal_weights_are_none(data):
    records, y = data
    weighted, plain = (
        Ensemble(effort="fast", kinds=("tabular",)).fit(records, y[:, None], weight)
        for weight in (np.full(len(records), 0.3), None)
    )
    np.testing.assert_array_equal(weighted.predict(records), plain.predict(records))
    assert weighted.explanations_[0].left_out == plain.explanations_[0].left_out


def test_a_member_that_is_left_out_for_its_width_is_said(data):
    records = [{f"x{i}": float(np.sin(i * r["rate"])) for i in range(70)} for r in data[0]]
    narrow = {m.name for m in members_of("balanced", ("tabular",)) if m.most_columns and m.most_columns < 70}
    ensemble = Ensemble(effort="balanced", kinds=("tabular",))
    left_out = ensemble.fit(records, data[1][:, None]).explanations_[0].left_out
    assert narrow == {name for name, why in left_out.items() if "features" in why}


def test_several_targets_are_embedded_once(data, counting):
    records, y = data
    ensemble = Ensemble(effort="fast", kinds=("embedding",), text={"model": counting, "cache": False})
    ensemble.fit(records, np.column_stack([y, -y, y**2]))
    one = type(counting)()
    Ensemble(effort="fast", kinds=("embedding",), text={"model": one, "cache": False}).fit(
        records, y[:, None]
    )
    assert len(counting.texts) == len(one.texts) > 0
    assert ensemble.predict(records).shape == (len(records), 3)
    assert ensemble.quantiles(records, LEVELS).shape == (len(records), 3, 3)
    assert len(ensemble.explanations_) == 3


def test_without_a_cache_a_text_is_embedded_once_in_a_fit_and_once_in_a_prediction(counting):
    words = ["red wool", "blue silk", "green leather", "soft cotton", "black denim"]
    records = [{"n": i % 7, "note": f"{words[i % 5]} number {i}"} for i in range(40)]
    y = np.array([record["n"] + len(record["note"]) for record in records], dtype=float)
    ensemble = Ensemble(effort="fast", text={"model": counting, "cache": False}).fit(records, y[:, None])
    assert len(counting.texts) == len(set(counting.texts)) > 0
    counting.texts.clear()
    ensemble.quantiles(records, LEVELS)
    assert len(counting.texts) == len(set(counting.texts))


def test_texts_of_equal_numbers_as_ranks_are_short(data, counting):
    records, y = data
    Ensemble(effort="balanced", kinds=("embedding",), text={"model": counting, "cache": False}).fit(
        records, y[:, None]
    )
    assert sum(len(text) < 30 for text in counting.texts) >= len({str(record) for record in records}) / 2


def test_what_is_wrong_is_said_before_anything_is_embedded(data, counting):
    records, y = data
    text = {"model": counting, "cache": False}
    with pytest.raises(UsageError, match="effort"):
        Ensemble(effort="quick", text=text).fit(records, y[:, None])
    with pytest.raises(DataError, match="3 records"):
        Ensemble(text=text).fit(records[:3], y[:3, None])
    with pytest.raises(DataError, match="1 of them different"):
        Ensemble(text=text).fit([records[0]] * 9, y[:9, None])
    assert not counting.texts


def test_inputs_that_come_again_and_again_are_told_apart():
    """Folds of whole groups would leave no model that has seen both."""
    records = [{"on": bool(i % 2)} for i in range(40)]
    y = np.array([float(i % 2) for i in range(40)])
    low, high = Ensemble(effort="fast", kinds=("tabular",)).fit(records, y[:, None]).predict(records[:2])
    assert low < 0.2
    assert high > 0.8


@pytest.mark.parametrize("repeated", [3, 9, 30])
def test_one_record_that_differs_from_all_others_is_enough(repeated):
    records = [{"x": 1.0}] * repeated + [{"x": 2.0}]
    y = np.r_[np.linspace(0, 1, repeated), 5.0]
    assert np.isfinite(
        Ensemble(effort="fast", kinds=("tabular",)).fit(records, y[:, None]).predict(records)
    ).all()
