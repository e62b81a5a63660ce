"""The combination on a comparison's splits, with an ensemble that only notes what it is given."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from word_hashes import CountingHashes

from embedreg.core.errors import DataError, UsageError
from embedreg.ensemble import EFFORTS, Explanation, MemberScore
from embedreg.study import CompareSettings, compare_representations, plan_comparison
from embedreg.study._combined import Combiner
from embedreg.study._compare import _Run
from embedreg.study._runs_store import RunsStore
from embedreg.tasks import load_labelled
from embedreg.text_embedder import TextEmbedder

SERVICE = "openai:m?base_url=http://127.0.0.1:9/v1"  # nobody answers there
KNOWN_SERVICE = f"{SERVICE}&dimensions=4"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,name,y\n" + "".join(f"{i},the model of {i},{i * i}\n" for i in range(40)))
    return load_labelled(path, "y")


class Noted(list):
    """What was made of a class, and the class."""

    kind: type


@pytest.fixture
def noted(monkeypatch):
    """Put a predictor of x squared in the ensemble's place, and return what each was given."""
    made = Noted()

    class Noting:
        def __init__(self, *, effort, text, random_state):
            self.effort, self.text, self.seed = effort, text, random_state
            made.append(self)

        def fit(self, records, y):
            self.records, self.y = records, y
            scores = [MemberScore("ridge on fields", "fields", "ridge", 0.7, 2.0, w, 1.0) for w in (1.0, 0.0)]
            self.explanations_ = [Explanation("fast", len(y), 5, len(y), len(y), 0.8, 1.5, scores)]
            return self

        def predict(self, records):
            return np.array([[record["x"] ** 2.0] for record in records])

    made.kind = Noting
    monkeypatch.setattr("embedreg.study._combined.Ensemble", Noting)
    return made


def combination(table, settings, store=None):
    run = _Run(table, settings)
    return run, run._combination(store or RunsStore(None, {}))


def test_each_seed_learns_from_training_and_validation_rows_and_predicts_the_others(table, tiny_bert, noted):
    run, found = combination(table, CompareSettings(tiny_bert, seeds=2))
    assert [one.seed for one in noted] == [0, 1]
    for ensemble, split, predictions in zip(noted, run.splits, found[0].predictions, strict=True):
        assert [record["x"] for record in ensemble.records] == [*split.train, *split.validation]
        np.testing.assert_array_equal(ensemble.y[:, 0], [record["x"] ** 2 for record in ensemble.records])
        np.testing.assert_array_equal(predictions, split.test**2.0)
    assert (found[0].name, found[0].representation, found[0].dimensions) == ("combination", "both", [0, 0])
    member = {"name": "ridge on fields", "kind": "embedding", "representation": "fields", "head": "ridge"}
    assert found[0].chosen[0] == {
        "effort": "fast",
        "folds": 5,
        "kendall_tau": 0.8,
        "members": [member | {"kendall_tau": 0.7, "weight": 1.0}],
        "embeddings_tried": True,
    }


def test_an_interrupted_run_goes_on_at_the_seed_where_it_stopped(
    table, tiny_bert, noted, tmp_path, monkeypatch
):
    settings = CompareSettings(tiny_bert, seeds=3)
    fit = _interrupted_at_seed(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        combination(table, settings, RunsStore(tmp_path, {}))
    monkeypatch.setattr("embedreg.study._combined.Combiner._run", fit)
    noted.clear()
    _, again = combination(table, settings, RunsStore(tmp_path, {}))
    assert [one.seed for one in noted] == [2]
    assert again[0].predictions[0].shape == again[0].predictions[2].shape


def _interrupted_at_seed(last, monkeypatch):
    fit = Combiner._run

    def interrupted(self, table, split, seed):
        if seed == last:
            raise KeyboardInterrupt
        return fit(self, table, split, seed)

    monkeypatch.setattr(Combiner, "_run", interrupted)
    return fit


def test_another_effort_is_another_run_and_leaves_the_other_methods_theirs(table, tiny_bert, noted, tmp_path):
    store = RunsStore(tmp_path, {})
    for effort in ("fast", "best", "fast"):
        combination(table, CompareSettings(tiny_bert, seeds=1, combination=effort), store)
    assert [one.effort for one in noted] == ["fast", "best"]
    keys = [_Run(table, CompareSettings(tiny_bert, seeds=1, combination=c)).key() for c in (None, *EFFORTS)]
    assert all(key == keys[0] for key in keys)


class Lengths:
    name, dimension = "lengths", 2

    def __init__(self, version=1):
        self.version = version

    def fingerprint(self):
        return {"kind": self.name, "version": self.version}

    def embed_batches(self, texts):
        yield list(range(len(texts))), np.array([[len(t), 1] for t in texts], np.float32)


def test_the_key_of_finished_fits_is_what_decides_predictions_and_no_more(table):
    def key(model=None, **settings):
        return _Run(table, CompareSettings(model or Lengths(), **settings)).key()

    assert json.dumps(key()) == json.dumps(key(bootstrap=5000)) == json.dumps(key(cache=False))
    others = [key(Lengths(version=2)), key(seeds=3), key(max_rows=30), key(target_transform="auto")]
    assert all(other != key() for other in others)


def test_it_chooses_what_is_not_given(table, tiny_bert):
    def text(**given):
        return _Run(table, CompareSettings(tiny_bert, **given)).combiner.text

    assert set(text()) == {"model", "pooling", "dtype", "device", "cache"}
    assert text(layers="mean", numbers="as_is") == text() | {"layers": "mean", "numbers": "as_is"}


def test_a_service_is_asked_through_one_embedder_with_one_cap(table, noted):
    run, _ = combination(table, CompareSettings(KNOWN_SERVICE, seeds=2))
    assert [one.text["model"] for one in noted] == [run.embedder.embedder_] * 2
    assert noted[0].text["layers"] == "auto"


def test_without_a_cache_texts_of_several_seeds_are_still_embedded_once(table, noted, monkeypatch):
    counting = CountingHashes()
    fit = noted.kind.fit

    def embed_and_fit(self, records, y):
        TextEmbedder(self.text["model"], cache=self.text["cache"]).fit_transform(table.records)
        return fit(self, records, y)

    monkeypatch.setattr(noted.kind, "fit", embed_and_fit)
    combination(table, CompareSettings(counting, seeds=2, cache=False))
    assert counting.embedded == len(counting.seen) == len(table.records)


def test_what_cannot_be_combined_is_a_warning(table, tiny_bert, noted, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise DataError("3 records", expected="at least 4", mend="give more")

    monkeypatch.setattr(Combiner, "_run", refuse)
    run, found = combination(table, CompareSettings(tiny_bert))
    assert found == []
    assert run.warnings == ["The combination of both was left out: got 3 records; expected at least 4."]


def test_a_target_transform_is_said_not_to_be_the_combinations(table, tiny_bert, noted):
    run, found = combination(table, CompareSettings(tiny_bert, seeds=1, target_transform="yeo-johnson"))
    assert len(found) == 1
    assert "target_transform='yeo-johnson' is for the other methods" in run.warnings[0]


def test_none_leaves_it_out_and_another_name_is_refused_before_any_work(table, tiny_bert, noted):
    assert combination(table, CompareSettings(tiny_bert, combination=None))[1] == []
    assert noted == []
    with pytest.raises(UsageError, match="fast"):
        compare_representations(table, CompareSettings(tiny_bert, combination="fsat"))


def test_a_plan_counts_what_the_combination_reads_once(table, tiny_bert):
    alone = plan_comparison(table, CompareSettings(tiny_bert, combination=None))
    both = plan_comparison(table, CompareSettings(tiny_bert))
    assert (alone.distinct, alone.at_most) == (40, False)
    assert (both.distinct, both.at_most) == (80, True)
    best = plan_comparison(table, CompareSettings(tiny_bert, seeds=2, combination="best"))
    assert best.distinct > 80 + 40  # whole texts too, and texts of ranks, which are each seed's own


def test_a_plan_of_texts_for_a_service_counts_each_text_once(table, tmp_path):
    texts = load_labelled(table.path, "y", text="name")
    plan = plan_comparison(texts, CompareSettings(f"{SERVICE}&items=40"))
    assert (plan.texts, plan.distinct, plan.requests) == (80, 40, 1)


def test_a_table_of_another_kind_is_refused():
    with pytest.raises(UsageError, match=r"a DataFrame as the table.*load_labelled"):
        compare_representations(pd.DataFrame({"a": [1, 2]}))
