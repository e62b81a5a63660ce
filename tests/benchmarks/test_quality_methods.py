"""What the peers are given: tables, kinds of columns, a space to search. The peers themselves are not needed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.methods import METHODS, Parts, _xgboost
from benchmarks.quality.methods._catboost import _Columns
from benchmarks.quality.methods._frames import frame
from embedreg.tasks import TaskData


def test_a_table_has_a_column_a_field():
    table = frame([{"a": 1, "b": {"c": [2]}}, {"a": None, "d": "x"}])
    assert list(table.columns) == ["a", "b", "d"]
    assert table["b"][0] == '{"c": [2]}'
    assert list(frame([{"d": "y", "new": 1}], list(table.columns)).columns) == ["a", "b", "d"]
    assert frame(["one", "two"])["text"].tolist() == ["one", "two"]


def test_catboost_is_told_categories_from_texts():
    records = [
        {"n": i / 2, "few": "ab"[i % 2], "note": f"the note number {i} of many", "gap": None if i else 1}
        for i in range(20)
    ]
    columns = _Columns(records)
    assert (columns.categories, columns.texts, columns.spelt) == (["few"], ["note"], [])
    table = columns.table([{"n": 1, "few": None, "note": float("nan")}])
    assert table["few"][0] == table["note"][0] == ""
    assert np.isnan(table["gap"][0])


def test_a_word_among_catboosts_numbers_that_training_rows_have_not_is_missing():
    columns = _Columns([{"gamma": 0.1}, {"gamma": 2}, {"gamma": None}])
    assert columns.table([{"gamma": "auto"}, {"gamma": 3}])["gamma"].isna().tolist() == [True, False]


def test_catboost_is_given_molecules_letter_by_letter():
    columns = _Columns(["CCO", "CN"])
    assert columns.table(["CO"])["text"][0] == "C O"


def test_the_search_stays_in_its_space():
    rng = np.random.default_rng(0)
    for _ in range(50):
        for name, value in _xgboost.drawn(rng).items():
            _, low, high = _xgboost.SPACE[name]
            assert low <= value <= high
            assert isinstance(value, int) == (name == "max_depth")


def test_tuned_xgboost_learns(monkeypatch):
    monkeypatch.setattr(_xgboost, "TRIALS", 3)
    x = np.random.default_rng(0).uniform(size=(150, 2)).tolist()
    data = TaskData([{"a": a, "b": b} for a, b in x], np.array([1000 + 5 * a for a, _ in x]))
    parts = Parts(TaskData(data.records[:100], data.y[:100]), TaskData(data.records[100:], data.y[100:]))
    fitted = METHODS["xgboost-tuned"].fit(parts, 0)
    assert fitted.predict([{"a": 0.1, "b": 0.5}, {"a": 0.9, "b": 0.5}]) == pytest.approx(
        [1000.5, 1004.5], abs=0.4
    )
    assert set(fitted.chosen) >= {"trees", "trial"}


def test_ours_is_given_all_known_rows_and_has_intervals():
    x = np.random.default_rng(0).uniform(size=60).tolist()
    data = TaskData([{"a": a} for a in x], np.array(x))
    parts = Parts(TaskData(data.records[:50], data.y[:50]), TaskData(data.records[50:], data.y[50:]))
    fitted = METHODS["embedreg-tabular-fast"].fit(parts, 0)
    assert fitted.interval(data.records[:3], 0.8).shape == (3, 2)
    assert sum(fitted.chosen["weights"].values()) == pytest.approx(1, abs=0.01)


def test_every_method_has_settings_that_name_its_version():
    assert all(method.settings["version"] >= 1 for method in METHODS.values())
    assert [name for name in METHODS if not name.startswith("embedreg")] == [
        "paper",
        "xgboost-tuned",
        "catboost",
        "skrub",
        "st-ridge",
    ]
