from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.core.errors import UsageError
from embedreg.tasks import select_tasks
from embedreg.tasks._bbob import design_points
from embedreg.tasks._bbob_functions import (
    BBOB_FUNCTIONS,
    MOVABLE,
    VIZIER_FUNCTIONS,
    _rotation,
    evaluate_bbob,
    evaluate_vizier,
)


def test_names_and_order_are_those_of_ioh():
    import ioh

    theirs = ioh.ProblemClass.BBOB.problems
    assert [theirs[n].lower() for n in range(1, 25)] == [name.replace("_", "") for name in BBOB_FUNCTIONS]


@pytest.mark.parametrize("dof", [2, 5, 80, 100, 200])
def test_every_function_is_finite_and_varies_at_any_dof(dof):
    for task in select_tasks([f"bbob@{dof}", f"bbob-paper@{dof}", f"bbob-centred@{dof}"]):
        data = task.load(seed=1, rows=50)
        assert data.y.shape == (50,)
        assert data.y.dtype == np.float64
        assert np.isfinite(data.y).all()
        assert len(np.unique(data.y)) > 25, task.name


def test_all_functions_share_the_records_of_a_dof_and_seed():
    loaded = [task.load(seed=3).records for task in select_tasks(["bbob@5", "bbob-paper@5"])]
    assert len(loaded) == 26
    assert all(records == loaded[0] for records in loaded)
    assert len(loaded[0]) == 500


def test_records_are_named_floats_in_the_range():
    (task,) = select_tasks(["bbob/katsuura@12"])
    records = task.load(seed=0, rows=200).records
    values = np.array([list(record.values()) for record in records])
    assert [*records[0]] == [f"x{i}" for i in range(1, 13)]
    assert all(type(value) is float for value in records[0].values())
    assert values.min() < -4.9
    assert values.max() > 4.9
    assert abs(values).max() <= 5


@given(st.integers(2, 40), st.integers(0, 2**40), st.integers(1, 50), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_fewer_points_are_the_first_of_more(dof, seed, rows, more):
    assert np.array_equal(design_points(dof, seed, rows), design_points(dof, seed, rows + more)[:rows])


def test_seed_and_dof_decide_the_points():
    assert not np.array_equal(design_points(5, 0, 9), design_points(5, 1, 9))
    assert not np.array_equal(design_points(5, 0, 4).ravel(), design_points(4, 0, 5).ravel())


@pytest.mark.parametrize(
    ("seed", "rows"), [(-1, 5), (0.5, 5), ("0", 5), (True, 5), (0, 0), (0, 5.0), (0, "5")]
)
def test_a_seed_or_a_number_of_rows_that_cannot_be_is_refused(seed, rows):
    with pytest.raises(UsageError, match=re.escape(f"seed {seed!r} and {rows!r} rows")):
        design_points(5, seed, rows)


def test_a_seed_keeps_its_meaning():
    """Stored results rely on it: where this fails rightly, `_DESIGN_VERSION` is to be raised."""
    assert design_points(2, 0, 2).tolist() == [
        [-2.383878657506836, -2.015088565858767],
        [3.1422574059428037, -4.080840578649031],
    ]
    drawn = [task.load(seed=0, rows=1).y[0] for task in select_tasks(["bbob/schwefel@5", "bbob-paper/*@5"])]
    assert drawn == pytest.approx([103614.09204397828, 114.81598580087251, 9.67238625075941], rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_number_is_the_raw_objective_of_instance_seed_plus_one(seed):
    """By the closed form of f1: its squared distance from the instance's optimum, and the offset there."""
    import ioh

    (task,) = select_tasks(["bbob/sphere@6"])
    data = task.load(seed=seed, rows=20)
    optimum = ioh.get_problem(1, seed + 1, 6, ioh.ProblemClass.BBOB).optimum
    points = np.array([list(record.values()) for record in data.records])
    assert np.allclose(data.y, ((points - optimum.x) ** 2).sum(axis=1) + optimum.y)


@pytest.mark.parametrize("function", MOVABLE)
def test_a_centred_function_is_least_at_the_origin(function):
    import ioh

    points = np.concatenate([np.zeros((1, 4)), np.random.default_rng(0).uniform(-5, 5, (50, 4))])
    for instance in (1, 2):
        values = evaluate_bbob(function, points, instance, centred=True)
        problem = ioh.get_problem(BBOB_FUNCTIONS.index(function) + 1, instance, 4, ioh.ProblemClass.BBOB)
        assert values[0] == pytest.approx(problem.optimum.y, abs=1e-6)
        assert (values[1:] > values[0]).all()


def test_a_centred_task_has_the_points_of_the_others():
    centred, plain = select_tasks(["bbob-centred/sphere@6"])[0], select_tasks(["bbob/sphere@6"])[0]
    assert centred.name == "bbob-centred/sphere@6"
    assert centred.identity() != plain.identity()
    data = centred.load(seed=4, rows=20)
    assert data.records == plain.load(seed=4, rows=20).records
    squares = np.array([sum(x**2 for x in record.values()) for record in data.records])
    assert np.ptp(data.y - squares) < 1e-9


def test_seeds_give_other_instances():
    (task,) = select_tasks(["bbob/sphere@4"])
    assert not np.isclose(task.load(seed=0, rows=10).y.min(), task.load(seed=1, rows=10).y.min())


def test_loading_twice_gives_the_same():
    for task in select_tasks(["bbob/gallagher101@7", "bbob-paper/*@7"]):
        assert np.array_equal(task.load(seed=2, rows=30).y, task.load(seed=2, rows=30).y)


@pytest.mark.parametrize(("seed", "rows"), [(-1, 10), (0, 0)])
def test_a_draw_that_cannot_be_meant(seed, rows):
    (task,) = select_tasks(["bbob/sphere@4"])
    with pytest.raises(UsageError, match="a seed from 0 and at least 1 row"):
        task.load(seed=seed, rows=rows)


def test_the_papers_set_has_its_23_functions():
    names = [task.name for task in select_tasks(["bbob-paper@10"])]
    assert len(names) == len(set(names)) == 23
    assert [name for name in names if not name.startswith("bbob/")] == [
        "bbob-paper/negative_sphere@10",
        "bbob-paper/negative_min_difference@10",
    ]


def test_identity_tells_functions_dofs_and_ioh_apart(monkeypatch):
    tasks = select_tasks(["bbob@5,10", "bbob-paper@5,10"])
    assert len({str(sorted(task.identity().items())) for task in tasks}) == len(tasks) == 2 * 26
    before = tasks[0].identity()
    monkeypatch.setattr("importlib.metadata.version", lambda _: "99")
    assert tasks[0].identity() == before | {"ioh": "99"}


def test_without_ioh_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ioh", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    sphere, negative = select_tasks(["bbob/sphere@5", "bbob-paper/negative_sphere@5"])
    assert not sphere.is_here()
    with pytest.raises(UsageError, match=r"pip install 'embedreg\[bbob\]'"):
        sphere.load()
    assert negative.is_here()
    assert len(negative.load(rows=3).y) == 3


def test_viziers_own_functions_by_hand():
    points = np.array([[1.0, 2.0, -1.0], [0.0, 3.0, 5.0]])
    turned = points @ _rotation(3, 4).T
    assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(points, axis=1))
    assert np.allclose(
        evaluate_vizier("negative_sphere", points, 4), 100 + (points**2).sum(axis=1) - 2 * turned[:, 0] ** 2
    )
    steps = [min(z[1] - z[0], z[2] - z[1]) for z in turned]
    assert np.allclose(evaluate_vizier("negative_min_difference", points, 4), 10 - np.array(steps))
    assert set(VIZIER_FUNCTIONS) == {"negative_sphere", "negative_min_difference"}
