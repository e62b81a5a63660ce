"""Studies that run, stop, go on and are read."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from embedreg.core.errors import OutputError, UsageError
from embedreg.heads import HEADS, MeanHead, RidgeHead, XGBoostHead, _registry
from embedreg.study.grid import (
    StudyStore,
    _cells,
    _profiles,
    _run,
    estimate,
    finished_rows,
    load_study,
    parse_study,
    plan_study,
    profile_rows,
    read_results,
    run_study,
    smoothness_rows,
    study_means,
    study_table,
)
from embedreg.study.grid._rows import paired, select
from embedreg.tasks._bbob import GENERATED_SUITES

SPEC = (Path(__file__).parent / "small.toml").read_text()

PUBLISHED = Path(__file__).parents[3] / "benchmarks" / "results" / "study_paper.parquet"
METHOD = {"representation": "plain", "head": "mean"}
WITH_ONE_HEAD = """
name = "one head"
[representations.plain]
kind = "tabular"
[[blocks]]
tasks = ["toy/*"]
representations = ["plain"]
heads = ["{head}"]
rows = [40]
seeds = 1
"""

CELLS = 2 * 2 * 3 * 2 + 4 - 1  # the second block repeats one cell of the first


def without_times(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_a_plan_does_nothing(spec, store, toys) -> None:
    plan = plan_study(spec, store)
    assert (len(plan.cells), len(set(plan.keys)), plan.done) == (CELLS, CELLS, set())
    assert f"cells: {CELLS}, finished: 0, to run: {CELLS}" in str(plan)
    assert plan.seconds > 0
    assert not store.path.exists()
    assert not any(task.loads for task in toys)


def test_a_run_finishes_every_cell_and_a_second_one_does_nothing(spec, store, toys) -> None:
    plan = run_study(spec, store)
    assert plan.left() == []
    assert plan.failed == {}
    rows = finished_rows(plan, store)
    assert len(rows) == CELLS
    assert all(-1 <= row["kendall_tau"] <= 1 and row["n_test"] >= 4 for row in rows)
    best = select(rows, task="toy/line", representation="plain", head="ridge", rows=60)
    assert min(row["kendall_tau"] for row in best) > 0.9
    assert all(row["kendall_tau"] == 0 for row in select(rows, head="mean"))
    loads = [list(task.loads) for task in toys]
    again = run_study(spec, store)
    assert finished_rows(again, store) == rows
    assert [task.loads for task in toys] == loads


def test_smoothness_is_kept_for_each_item(spec, store) -> None:
    plan = run_study(spec, store)
    rows = smoothness_rows(plan, store)
    assert len(rows) == 2 * 2 * 2 + 3
    assert all(row["mean_invariant"] > 0 and row["deviation_paper"] > 0 for row in rows)


def test_distance_profiles_are_measured_once(spec, store, monkeypatch) -> None:
    before = plan_study(spec, store)
    assert "distance profiles: 2, to measure: 2" in str(before)
    run_study(spec, store)
    assert "distance profiles: 2, to measure: 0" in str(plan_study(spec, store))
    assert plan_study(spec, store).texts == 0
    rows = profile_rows(spec, store)
    assert [(row["representation"], row["seed"]) for row in rows] == [("lengths", 0), ("lengths", 1)]
    assert all(row["radii"] == [1.0, 2.0] and -1 <= row["spearman"] <= 1 for row in rows)
    monkeypatch.setattr(_profiles, "distance_profile", None)
    run_study(spec, store)
    assert profile_rows(spec, store) == rows


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_run_that_is_stopped_goes_on_to_the_same_numbers(spec, tmp_path, monkeypatch, at) -> None:
    whole = StudyStore(tmp_path / "whole")
    expected = without_times(finished_rows(run_study(spec, whole), whole))
    monkeypatch.setattr(_run, "_ITEMS_AT_ONCE", 2)
    store, fits = StudyStore(tmp_path / "stopped"), []
    fit_many = _run.fit_many

    def stop(head, problems, **options):
        fits.append(len(problems))
        if len(fits) == at + 1:
            raise KeyboardInterrupt
        return fit_many(head, problems, **options)

    monkeypatch.setattr(_run, "fit_many", stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(spec, store)
    done = len(plan_study(spec, store).done)
    assert done == sum(fits[:at])
    plan = run_study(spec, store)
    assert sum(fits) - fits[at] == CELLS  # nothing twice, but what was under way
    assert without_times(finished_rows(plan, store)) == expected


def test_what_changes_numbers_changes_keys(spec, toys, monkeypatch) -> None:
    keys = [cell.key() for cell in _cells.cells_of(spec)]
    with monkeypatch.context() as patched:
        patched.setattr(RidgeHead, "version", 99)
        changed = [cell.key() for cell in _cells.cells_of(spec)]
    heads = [cell.head.kind for cell in _cells.cells_of(spec)]
    assert {h for h, a, b in zip(heads, keys, changed, strict=True) if a != b} == {"ridge"}
    other = parse_study(SPEC.replace("max_rounds = 5", "max_rounds = 6"), "")
    assert len(set(keys) & {cell.key() for cell in _cells.cells_of(other)}) == CELLS - 8


def test_keys_of_published_cells_are_what_they_were() -> None:
    """On a task that needs no package. A version that is raised on purpose asks for that study to be run again."""
    results = read_results(PUBLISHED)
    published = {row["key"] for row in (*results.rows, *results.smoothness)}
    task, rows, seed = "l2da/fbnet_eyeriss", 500, 0
    cells = [
        cell
        for cell in _cells.cells_of(load_study("paper"))
        if cell.name()[:4] == ("traditional", task, rows, seed)
    ]
    assert {cell.head.kind for cell in cells} == {"mlp", "ridge", "xgboost"}
    assert {cell.key() for cell in cells} | {cell.item.smoothness_key() for cell in cells} <= published


@pytest.mark.parametrize("head", HEADS)
def test_every_head_of_the_registry_can_be_studied(toys, store, head) -> None:
    spec = parse_study(WITH_ONE_HEAD.format(head=head), "the test")
    plan = plan_study(spec, store)
    assert (len(plan.left()), plan.seconds > 0) == (2, True)
    done = run_study(spec, store)
    assert (done.failed, len(done.done)) == ({}, 2)


class LateHead(MeanHead):
    name = "late"


def test_a_head_that_is_added_to_the_registry_can_be_studied(toys, store, monkeypatch) -> None:
    monkeypatch.setitem(_registry._CLASSES, "late", f"{__name__}:LateHead")
    done = run_study(parse_study(WITH_ONE_HEAD.format(head="late"), "the test"), store)
    assert (done.failed, len(done.done)) == ({}, 2)


def test_names_are_not_part_of_a_key(spec, store) -> None:
    run_study(spec, store)
    renamed = parse_study(SPEC.replace("plain", "features").replace("short", "trees"), "")
    plan = plan_study(renamed, store)
    assert plan.left() == []
    rows = finished_rows(plan, store)
    assert {(row["representation"], row["head"]) for row in rows} >= {
        ("features", "trees"),
        ("lengths", "ridge"),
    }


def test_what_has_two_names_is_run_once_and_found_under_both(toys, store, monkeypatch) -> None:
    again = (
        '[representations.again]\nmodel = "LENGTHS"\nnumbers = "decimals:1"\n[heads.linear]\nkind = "ridge"\n'
    )
    text = SPEC.replace("[heads.short]", again + "[heads.short]").replace('"lengths"]', '"lengths", "again"]')
    spec = parse_study(text.replace('heads = ["ridge", "short"', 'heads = ["ridge", "linear", "short"'), "")
    fits, fit_many = [], _run.fit_many
    monkeypatch.setattr(
        _run, "fit_many", lambda head, problems: fits.extend(problems) or fit_many(head, problems)
    )
    assert f"cells: {CELLS}, finished: 0, to run: {CELLS}" in str(plan_study(spec, store))
    plan = run_study(spec, store)
    assert len(fits) == CELLS
    assert plan.left() == []
    assert f"cells: {CELLS}, finished: {CELLS}, to run: 0" in str(plan)
    rows, smoothness = finished_rows(plan, store), smoothness_rows(plan, store)
    by_name = {
        (name, head): [row["rmse"] for row in select(rows, representation=name, head=head)]
        for name in ("lengths", "again")
        for head in ("ridge", "linear")
    }
    assert all(len(scores) == 4 and scores == by_name["lengths", "ridge"] for scores in by_name.values())
    assert [len(select(smoothness, representation=name)) for name in ("lengths", "again")] == [4, 4]
    assert [row["representation"] for row in profile_rows(spec, store)] == ["lengths"] * 2 + ["again"] * 2


def test_a_cell_that_fails_is_noted_and_the_others_go_on(spec, store, toys, monkeypatch) -> None:
    from embedreg.core.errors import DataError

    fit_many = _run.fit_many

    def fail(head, problems, **options):
        if head.name == "xgboost" and any(p.y.std() == 0 for p in problems):
            raise DataError("bad rows", expected="others", mend="none")
        return fit_many(head, problems, **options)

    monkeypatch.setattr(_run, "fit_many", fail)
    toys[0].name = "toy/flat"
    plan = run_study(parse_study(SPEC.replace("toy/line", "toy/flat"), ""), store)
    assert {plan.failed[key] for key in plan.failed} == {"got bad rows; expected others; to mend: none"}
    assert len(plan.done) + len(plan.failed) == CELLS
    assert "failed when last tried: 4" in str(plan)
    monkeypatch.setattr(_run, "fit_many", fit_many)
    assert run_study(parse_study(SPEC.replace("toy/line", "toy/flat"), ""), store).failed == {}


def test_an_error_that_is_not_ours_is_noted_with_its_type_and_the_others_go_on(
    spec, store, monkeypatch
) -> None:
    monkeypatch.setattr(XGBoostHead, "check_parameters", lambda head: head.set_params(max_depth=-1))
    plan = run_study(spec, store)
    assert len(plan.failed) == 8
    assert all(re.match(r"XGBoostError: .*max_depth", message) for message in plan.failed.values())
    assert len(plan.done) == CELLS - 8


@pytest.mark.parametrize("at", ["load", "nlfd"])
def test_an_item_that_cannot_be_had_is_noted_and_tried_again(spec, store, toys, monkeypatch, at) -> None:
    def fail(*_, **__):
        raise MemoryError("no room")

    with monkeypatch.context() as patched:
        if at == "load":
            patched.setattr(toys[1], "load", fail)
        else:
            calls, nlfd = itertools.count(), _run.nlfd
            patched.setattr(_run, "nlfd", lambda X, y, **k: nlfd(X, y, **k) if next(calls) else fail())
        plan = run_study(spec, store)
    assert set(plan.failed.values()) == {"MemoryError: no room"}
    assert 0 < len(plan.failed) == CELLS - len(plan.done)
    again = run_study(spec, store)
    assert (again.failed, again.left()) == ({}, [])
    assert len(smoothness_rows(again, store)) == 2 * 2 * 2 + 3


def test_a_store_that_cannot_be_written_to_stops_the_run(spec, store, monkeypatch) -> None:
    def full(table, rows):
        raise OutputError("no room", expected="a disk with room", mend="free space")

    monkeypatch.setattr(store, "add", full)
    with pytest.raises(OutputError, match="no room"):
        run_study(spec, store)


@pytest.mark.parametrize("at_once", [1, 12])
def test_a_task_that_cannot_be_split_is_noted_and_the_others_go_on(
    spec, store, toys, monkeypatch, at_once
) -> None:
    monkeypatch.setattr(_run, "_ITEMS_AT_ONCE", at_once)
    load = toys[1].load

    def few(seed, rows):
        data = load(seed, rows)
        return type(data)(data.records[:5], data.y[:5])

    toys[1].load = few
    plan = run_study(spec, store)
    assert len(plan.failed) == 12
    assert all("5 rows" in message for message in plan.failed.values())
    assert len(plan.done) == CELLS - 12


def test_a_task_without_its_data_is_said_before_anything_is_run(spec, store, toys) -> None:
    whole = plan_study(spec, store)
    toys[1].here = False
    plan = plan_study(spec, store)
    assert plan.absent == {"toy/curve": 12}
    assert plan.keys == whole.keys
    of_profiles = 2 * (1 + 2 * 5)
    assert plan.texts - of_profiles == (whole.texts - of_profiles) // 2
    assert plan.seconds < whole.seconds
    assert "not here: the data of 1 task (12 cells): toy/curve; " in str(plan)
    assert "EMBEDREG_DATA" in str(plan)
    with pytest.raises(UsageError, match="toy/curve.*--skip-missing"):
        run_study(spec, store)
    assert not store.path.exists()


def test_a_task_without_its_data_is_left_out_if_asked_and_run_when_it_is_there(spec, store, toys) -> None:
    toys[1].here = False
    plan = run_study(spec, store, skip_missing=True)
    assert (len(plan.done), plan.failed, plan.absent) == (CELLS - 12, {}, {"toy/curve": 12})
    assert toys[1].loads == []
    toys[1].here = True
    assert len(run_study(spec, store).done) == CELLS
    toys[1].here = False
    assert plan_study(spec, store).absent == {}  # finished cells need no data


def test_a_single_cell_that_fails_is_noted(spec, store, monkeypatch) -> None:
    from embedreg.core.errors import DataError

    def fail(head, problems, **options):
        raise DataError("rows of no use", expected="others", mend="none")

    monkeypatch.setattr(_run, "_ITEMS_AT_ONCE", 1)
    monkeypatch.setattr(_run, "fit_many", fail)
    assert len(run_study(spec, store).failed) == CELLS


def test_a_pattern_that_selects_nothing_is_refused(toys, store) -> None:
    with pytest.raises(UsageError, match="no such task"):
        plan_study(parse_study(SPEC.replace("toy/*", "nothing"), ""), store)


def test_means_are_over_tasks_and_seeds(spec, store) -> None:
    rows = finished_rows(run_study(spec, store), store)
    means = study_means(rows)
    [mean] = [m for m in means if (m["representation"], m["head"], m["rows"]) == ("plain", "ridge", 40)]
    by_task = [
        [r["kendall_tau"] for r in select(rows, task=t, representation="plain", head="ridge", rows=40)]
        for t in ("toy/line", "toy/curve")
    ]
    assert mean["mean"] == pytest.approx(sum(sum(v) / len(v) for v in by_task) / 2)
    assert not mean["low"] > mean["mean"]  # where both tasks agree there is no interval
    assert not mean["mean"] > mean["high"]
    text = study_table(rows)
    assert text.index("plain + ridge") < text.index("plain + mean")
    assert "toy, 40 rows, 2 tasks: kendall_tau" in text
    errors = study_table(rows, "rmse")
    assert errors.index("plain + ridge") < errors.index("plain + mean")
    with pytest.raises(UsageError, match="did you mean 'kendall_tau'"):
        study_table(rows, "kendal_tau")
    assert study_table([]) == "no cell is finished yet"


FUNCTIONS = """
name = "functions"
[representations.plain]
kind = "tabular"
[[blocks]]
tasks = ["{suite}@2,3"]
representations = ["plain"]
heads = ["mean"]
rows = [20]
seeds = 1
"""


@pytest.mark.parametrize(
    ("suite", "heading", "tasks"),
    [("bbob", "bbob", 24), ("bbob-paper", "bbob", 23), ("bbob-centred", "bbob-centred", 13)],
)
def test_functions_of_several_numbers_of_fields_are_not_mixed_and_a_suite_stays_whole(
    store, suite, heading, tasks
) -> None:
    plan = run_study(parse_study(FUNCTIONS.format(suite=suite), ""), store)
    means = study_means(finished_rows(plan, store))
    assert [(m["suite"], m["dof"], m["tasks"]) for m in means] == [(heading, 2, tasks), (heading, 3, tasks)]
    smoothness = smoothness_rows(plan, store)
    assert {row["suite"] for row in smoothness} == {heading}
    assert len(smoothness) == 2 * tasks


def test_every_suite_that_is_made_at_any_size_keeps_its_numbers_of_fields_apart() -> None:
    for suite in GENERATED_SUITES:
        rows = [
            {"suite": suite, "dof": dof, "rows": 20, "task": "f", "kendall_tau": 0.5} | METHOD
            for dof in (2, 3)
        ]
        assert [m["dof"] for m in study_means(rows)] == [2, 3]


def test_differences_are_taken_on_equal_splits(spec, store) -> None:
    rows = finished_rows(run_study(spec, store), store)
    found = paired(
        rows, {"representation": "plain", "head": "ridge"}, {"representation": "lengths", "head": "ridge"}
    )
    assert len(found) == 4  # lengths was not run with 60 rows, nor with seed 7
    assert all(difference > 0 for _, difference in found)


def test_an_interval_narrows_with_tasks_and_is_none_of_one_value() -> None:
    few = estimate([("a", 0.0), ("b", 1.0)])
    many = estimate([(i, float(i % 2)) for i in range(40)])
    assert few.high - few.low > many.high - many.low > 0
    assert str(estimate([("a", 0.25)])) == "0.25"
    assert str(estimate([("a", 0.25), ("a", 0.25)])) == "0.25", "two that agree are no proof"
    assert str(estimate([("a", 0.9), ("b", 0.5)], (-1.0, 1.0))) == "0.70 [-1.00, 1.00]"


def test_on_a_gpu_all_tasks_and_seeds_of_a_representation_are_one_program(toys, store, monkeypatch) -> None:
    text = """
name = "one program"
[representations.traditional]
kind = "tabular"
[heads.swept]
kind = "mlp"
device = "auto"
hidden = [4]
max_epochs = 2
[[blocks]]
tasks = ["toy/*"]
representations = ["traditional"]
heads = ["swept"]
rows = [40]
seeds = 9
"""
    together = []
    fit_many = _run.fit_many
    monkeypatch.setattr(
        _run,
        "fit_many",
        lambda head, problems, **o: together.append(len(problems)) or fit_many(head, problems, **o),
    )
    spec = parse_study(text, "the test")
    run_study(spec, store)
    assert together == [12, 6], "a processor takes a few at a time, so that little is lost by stopping"

    together.clear()
    monkeypatch.setattr(_run, "on_processor", lambda _: False)
    run_study(spec, StudyStore(store.path.parent / "gpu"))
    assert together == [18]


def test_settings_of_a_representation_that_cannot_be_meant_are_refused_with_its_name(store, toys) -> None:
    wrong = parse_study(SPEC.replace('numbers = "decimals:1"', 'numbers = "decimal:1"'), "the test")
    with pytest.raises(UsageError, match="decimal:1.*, for representation 'lengths'"):
        plan_study(wrong, store)
