"""What a study would ask of services, with nothing sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedreg.study.grid import parse_study, plan_services, plan_study

SPEC = (Path(__file__).parent / "small.toml").read_text()
SERVICE = "openai:a-model?base_url=http://localhost:1/v1&dimensions=4&price=2&items=10"


@pytest.fixture
def paid(toys):
    return parse_study(SPEC.replace('"LENGTHS"', f'"{SERVICE}"'), "the test")


def test_texts_of_cells_and_profiles_are_counted_once(paid, store) -> None:
    plans = plan_services(paid, store, plan_study(paid, store))
    assert list(plans) == ["lengths"]
    plan = plans["lengths"]
    # tasks of different names have different points; seeds share some; 11 points a profile
    assert 2 * 40 + 22 < plan.distinct <= 2 * 80 + 22
    assert plan.requests == -(-plan.distinct // 10)
    assert plan.cost == pytest.approx(plan.tokens * 2e-6)
    assert not store.path.exists()


def test_what_is_finished_or_not_here_costs_nothing(paid, store, toys) -> None:
    before = plan_services(paid, store, plan_study(paid, store))["lengths"]
    toys[0].here = False
    fewer = plan_services(paid, store, plan_study(paid, store))["lengths"]
    assert fewer.distinct < before.distinct
    plan = plan_study(paid, store)
    store.add(
        "cells", {key: {"seconds": 1.0, "rows": 40, "head": "x", "representation": "y"} for key in plan.keys}
    )
    assert plan_services(paid, store, plan_study(paid, store))["lengths"].distinct == 22  # the profiles


def test_models_that_run_here_are_not_asked_about(spec, store) -> None:
    assert plan_services(spec, store, plan_study(spec, store)) == {}
