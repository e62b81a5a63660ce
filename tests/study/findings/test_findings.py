"""What a study says of each published result, on scores made up so that the answer is known."""

from __future__ import annotations

import itertools
import math

import pytest

from embedreg.study.findings import FINDINGS, VERDICTS, StudyData, findings
from embedreg.study.findings._finding import overall, verdict_on
from embedreg.study.grid import Estimate

FAMILIES = ("init2winit", "l2da", "automl", "xla")
FUNCTIONS = [f"f{i}" for i in range(8)]


def row(task, representation, head, tau, *, suite, dof=5, rows=500, seed=0):
    return {
        "task": task,
        "suite": suite,
        "dof": dof,
        "representation": representation,
        "kind": "tabular" if representation == "traditional" else "embedding",
        "head": head,
        "rows": rows,
        "seed": seed,
        "kendall_tau": tau,
        "chosen": {"loo_mse": 1.0},
    }


def functions(tau, methods, dofs=(5, 25, 100)):
    """Return rows of functions with tau(method, dof, number of the function) and a little noise a seed."""
    return [
        row(f"{name}@{dof}", *method, tau(method, dof, i) + 0.001 * seed, suite="bbob", dof=dof, seed=seed)
        for method, dof, (i, name), seed in itertools.product(methods, dofs, enumerate(FUNCTIONS), range(2))
    ]


def family(tau, methods, rows=(500,), suites=FAMILIES):
    return [
        row(f"{suite}/{task}", *method, tau(method, n, task) + 0.001 * seed, suite=suite, rows=n, seed=seed)
        for suite, method, n, task, seed in itertools.product(suites, methods, rows, range(6), range(2))
    ]


def smooth(means, dofs=(5, 25, 100)):
    return [
        {
            **row(f"{name}@{dof}", representation, None, None, suite="bbob", dof=dof, seed=seed),
            "mean_invariant": means(representation, i),
            "deviation_invariant": 1.0,
            "mean_paper": means(representation, i) / 2,
            "deviation_paper": 0.5,
        }
        for representation, dof, (i, name), seed in itertools.product(
            ("minilm", "traditional"), dofs, enumerate(FUNCTIONS), range(2)
        )
    ]


def result(number, rows, smoothness=()):
    [found] = [f for f in findings(StudyData(list(rows), list(smoothness))) if f.number == number]
    return found


BBOB = (("minilm", "mlp"), ("traditional", "mlp"), ("traditional", "xgboost"))


def test_nothing_run_says_so() -> None:
    found = findings(StudyData([], []))
    assert len(found) == len(FINDINGS)
    assert {f.verdict for f in found} == {"not run"}
    assert all(f.chart is None and f.sentence and f.paper and f.rule for f in found)


@pytest.mark.parametrize(
    ("falling", "verdict"), [("traditional", "agrees"), ("minilm", "disagrees"), ("", "inconclusive")]
)
def test_robustness_to_dimension(falling, verdict) -> None:
    def tau(method, dof, i):
        return 0.8 - (0.004 + 0.0002 * i) * dof * (method[0] == falling) + 0.001 * (i % 2) * dof / 100

    rows = functions(tau, BBOB)
    if not falling:
        rows = functions(lambda method, dof, i: 0.5 + 0.1 * math.sin(7 * i + dof + len(str(method))), BBOB)
    found = result(1, rows)
    assert found.verdict == verdict
    assert found.columns == ["method", "5 fields", "25 fields", "100 fields", "functions"]
    assert len(found.table) == 3


def test_an_embedding_that_falls_too_is_not_robust() -> None:
    """Traditional features lose more than it does, from a greater height; it is not flat for that."""

    def tau(method, dof, i):
        return 0.8 - 0.006 * dof if method[0] == "traditional" else 0.3 - 0.002 * dof

    assert result(1, functions(tau, BBOB)).verdict == "inconclusive"


@pytest.mark.parametrize(("ours", "verdict"), [(0.3, "agrees"), (0.7, "disagrees")])
def test_how_often_the_embedding_wins(ours, verdict) -> None:
    found = result(2, family(lambda method, n, task: ours if method[0] == "minilm" else 0.5, BBOB))
    assert found.verdict == verdict
    assert [line[0] for line in found.table] == list(FAMILIES)
    assert {line[2] for line in found.table} == {6}


def test_a_task_is_won_against_both_heads() -> None:
    def tau(method, n, task):
        return {"minilm": 0.5, "traditional": 0.4 if method[1] == "mlp" else 0.6}[method[0]]

    assert {line[1] for line in result(2, family(tau, BBOB)).table} == {"0.00 [0.00, 0.46]"}


def test_few_tasks_lost_are_no_proof_of_a_minority() -> None:
    rows = family(lambda method, n, task: 0.3 if method[0] == "minilm" else 0.5, BBOB)
    few = [r for r in rows if r["suite"] != "l2da" or r["task"].endswith(("0", "1", "2"))]
    assert result(2, few).verdict == "inconclusive"


@pytest.mark.parametrize(("sign", "verdict"), [(1, "agrees"), (-1, "disagrees")])
def test_smoothness_against_performance(sign, verdict) -> None:
    def tau(method, dof, i):
        return 0.5 + sign * 0.05 * i * (method[0] == "minilm") + 0.01 * (i % 3)

    rows = functions(tau, BBOB)
    means = smooth(lambda representation, i: 2.0 - 0.2 * i * (representation == "minilm"))
    found = result(3, rows, means)
    assert found.verdict == verdict
    assert found.columns == [
        "embedding",
        "scaling",
        *(f"{d} fields" for d in (5, 10, 25, 50, 100)),
        "functions",
    ]
    assert [line[:2] for line in found.table[:2]] == [["minilm", "invariant"], ["minilm", "literal"]]
    assert [line[-1] for line in found.table] == [str(len(FUNCTIONS))] * 2 + [23]
    assert [line[3] for line in found.table] == ["-", "-", "0.60 to 0.81"]


@pytest.mark.parametrize(("subject", "drawn"), [("minilm", None), ("minilm, vocabulary", 2)])
def test_untrained_copies_alone_are_in_the_table_and_a_subject_among_them_in_the_chart(
    subject, drawn
) -> None:
    name = "minilm, vocabulary"
    rows = functions(
        lambda m, dof, i: 0.5 + 0.05 * i * (m[0] == name) + 0.01 * (i % 3), [(name, "mlp"), BBOB[1]]
    )
    means = smooth(lambda representation, i: 2.0 - 0.2 * i * (representation == "minilm"))
    means = [r | {"representation": name} if r["representation"] == "minilm" else r for r in means]
    [found] = [f for f in findings(StudyData(rows, means, subject=subject)) if f.number == 3]
    assert len(found.table) == 3
    assert (found.chart and len(found.chart.lines)) == drawn


@pytest.mark.parametrize(("sign", "verdict"), [(1, "agrees"), (-1, "disagrees")])
def test_choosing_by_smoothness(sign, verdict) -> None:
    def tau(method, dof, i):
        return 0.5 + sign * 0.05 * (i - 3.5) * (method[0] == "minilm")

    rows = functions(tau, BBOB)
    for representation in ("minilm", "traditional"):
        ridge = functions(tau, [(representation, "ridge")])
        rows += [r | {"chosen": {"loo_mse": 1 - r["kendall_tau"]}} for r in ridge]
    means = smooth(lambda representation, i: 2.0 - 0.2 * (i - 3.5) * (representation == "minilm"))
    found = result(12, rows, means)
    assert found.verdict == verdict
    by_rule = {line[0]: line[1] for line in found.table}
    assert by_rule["by ridge"] == "0.00 [0.00, 0.00]"
    assert (by_rule["by Z"] == "0.00 [0.00, 0.00]") == (sign > 0)


@pytest.mark.parametrize(("sign", "verdict"), [(1, "agrees"), (-1, "disagrees")])
def test_smoothness_on_real_tasks(sign, verdict) -> None:
    rows = family(lambda method, n, task: 0.5 + sign * 0.05 * task * (method[0] == "minilm"), BBOB)
    means = [
        r
        | {
            "mean_invariant": 2 - 0.1 * int(r["task"][-1]) * (r["representation"] == "minilm"),
            "deviation_invariant": 1.0,
        }
        for r in family(lambda method, n, task: 0.0, [("minilm", ""), ("traditional", "")])
    ]
    found = result(11, rows, means)
    assert found.verdict == verdict
    assert [line[2] for line in found.table] == [6, 6, 6, 6, 24]


@pytest.mark.parametrize(
    ("spearman", "verdict"), [(0.8, "agrees"), (0.2, "disagrees"), (0.5, "inconclusive")]
)
def test_distances(spearman, verdict) -> None:
    profiles = [
        {
            "representation": "minilm",
            "dof": 100,
            "seed": s,
            "radii": [1.0, 2.0],
            "embedding_distance": [1.0, 4.0],
            "spearman": spearman + 0.05 * (s - 1),
        }
        for s in range(3)
    ]
    [found] = [f for f in findings(StudyData([], [], profiles)) if f.number == 4]
    assert found.verdict == verdict
    assert [(x, value.mean) for x, value in found.chart.lines["minilm"]] == [(1.0, 0.25), (2.0, 1.0)]


def test_profiles_of_several_numbers_of_fields_and_of_other_radii_are_not_mixed() -> None:
    profiles = [
        {
            "representation": "minilm",
            "dof": dof,
            "seed": s,
            "radii": radii,
            "embedding_distance": radii,
            "spearman": spearman,
        }
        for dof, radii, spearman in ((3, [1.0, 2.0], 0.9), (100, [2.0, 4.0], 0.4), (100, [4.0, 8.0], 0.4))
        for s in range(3)
    ]
    [found] = [f for f in findings(StudyData([], [], profiles)) if f.number == 4]
    assert [line[:2] for line in found.table] == [
        ["minilm (3 fields)", "0.90 [0.90, 0.90]"],
        ["minilm (100 fields)", "0.40 [0.40, 0.40]"],
    ]
    assert [radius for radius, _ in found.chart.lines["minilm (100 fields)"]] == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("number", "one", "other"),
    [
        (5, ("mpnet", "ridge"), ("minilm", "ridge")),
        (6, ("minilm", "mlp"), ("minilm, random", "mlp")),
    ],
)
def test_an_ablation_agrees_where_the_better_one_is_better(number, one, other) -> None:
    for better, verdict in [(one, "agrees"), (other, "disagrees")]:
        found = result(
            number,
            family(
                lambda method, n, task, better=better: 0.5 + 0.1 * (method == better) + 0.01 * task,
                (one, other),
            ),
        )
        assert found.verdict == verdict
        assert len(found.table) == len(FAMILIES)


def test_untrained_copies_of_two_sizes_are_shown_and_have_no_say() -> None:
    best_first = [
        ("mpnet", "ridge"),
        ("minilm", "ridge"),
        ("minilm, random", "ridge"),
        ("mpnet, random", "ridge"),
    ]
    found = result(5, family(lambda m, n, task: 0.5 - 0.1 * best_first.index(m) + 0.01 * task, best_first))
    assert found.verdict == "agrees"
    assert {row[0] for row in found.table} == {"mpnet less minilm", "mpnet less minilm, random copies"}
    assert found.chart is not None
    assert set(found.chart.lines) == {row[0] for row in found.table}


@pytest.mark.parametrize(
    ("number", "best_first"),
    [
        (9, [("minilm", "ridge"), ("minilm, max", "ridge"), ("minilm, last token", "ridge")]),
        (
            10,
            [("minilm", "mlp"), ("minilm", "xgboost"), ("traditional", "xgboost"), ("traditional", "mlp")],
        ),
    ],
)
def test_an_ablation_of_two_parts_needs_both(number, best_first) -> None:
    def rows(sign, methods):
        return family(lambda m, n, task: 0.5 - sign * 0.1 * best_first.index(m) + 0.01 * task, methods)

    assert result(number, rows(1, best_first)).verdict == "agrees"
    assert result(number, rows(-1, best_first)).verdict == "disagrees"
    assert len(result(number, rows(1, best_first)).table) == 2 * len(FAMILIES)
    assert result(number, rows(1, best_first[:2])).verdict == "inconclusive"
    assert result(number, rows(1, best_first[:1])).verdict == "not run"


@pytest.mark.parametrize(("gain", "verdict"), [(0.3, "agrees"), (-0.3, "disagrees")])
def test_the_place_of_the_optimum(gain, verdict) -> None:
    drawn = functions(lambda method, dof, i: 0.5 + 0.01 * i, BBOB)
    moved = functions(lambda method, dof, i: 0.5 + 0.01 * i + gain * (method[0] == "minilm"), BBOB)
    centred = [
        r | {"suite": "bbob-centred", "task": f"bbob-centred/{r['task']}"}
        for r in moved
        if not r["task"].startswith("f7")
    ]
    shifted = [r | {"task": f"bbob/{r['task']}"} for r in drawn]
    found = result(14, shifted + centred)
    assert found.verdict == verdict
    assert [line[:2] for line in found.table[:2]] == [["minilm + mlp", "origin"], ["minilm + mlp", "drawn"]]
    assert len(found.table) == 6
    assert found.table[1][2].startswith("0.53")  # without the function that cannot be moved
    assert result(14, shifted).verdict == "not run"


@pytest.mark.parametrize(
    ("decimals", "layers", "verdict"),
    [
        (0.1, 0.1, "agrees"),
        (-0.1, -0.1, "disagrees"),
        (0.1, -0.1, "inconclusive"),
        (0.1, None, "inconclusive"),
    ],
)
def test_formats_and_layers(decimals, layers, verdict) -> None:
    gains = {"minilm": 0.0, "minilm, 2 decimals": decimals, "minilm, all layers": layers}
    methods = [(name, "ridge") for name, gain in gains.items() if gain is not None]
    found = result(13, family(lambda method, n, task: 0.5 + gains[method[0]] + 0.01 * task, methods))
    assert found.verdict == verdict
    assert len(found.table) == len(FAMILIES) * (len(methods) - 1)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"xla": -0.1}, "agrees"),
        ({}, "disagrees"),
        ({"xla": -0.1, "automl": -0.2}, "disagrees"),
    ],
)
def test_names_of_parameters(changes, verdict) -> None:
    methods = (("minilm", "ridge"), ("minilm, without names", "ridge"))
    rows = [
        r
        for suite in FAMILIES
        for r in family(
            lambda method, n, task, suite=suite: (
                0.5 + changes.get(suite, 0) * (method == methods[1]) + 0.01 * task
            ),
            methods,
            suites=(suite,),
        )
    ]
    assert result(7, rows).verdict == verdict


@pytest.mark.parametrize(("late", "verdict"), [(0.02, "agrees"), (0.4, "disagrees"), (0.2, "inconclusive")])
def test_amount_of_data(late, verdict) -> None:
    def tau(method, n, task):
        gap = {100: 0.2, 500: 0.1, 1000: late}[n]
        return 0.5 + gap * (method[0] == "minilm") + 0.002 * task * (method[0] == "minilm")

    found = result(8, family(tau, BBOB, rows=(100, 500, 1000)))
    assert found.verdict == verdict
    assert found.columns == ["difference", "100 rows", "500 rows", "1000 rows", "tasks"]


def test_every_finding_has_a_chart_of_its_numbers() -> None:
    methods = [
        *BBOB,
        ("minilm", "ridge"),
        ("minilm, random", "mlp"),
        ("mpnet", "ridge"),
        ("minilm, max", "ridge"),
    ]
    rows = functions(lambda m, dof, i: 0.5 + 0.01 * i, methods) + family(lambda m, n, t: 0.5, methods)
    for found in findings(StudyData(rows, smooth(lambda r, i: 1.0 + i))):
        assert found.verdict in VERDICTS
        if found.verdict != "not run":
            assert found.chart is not None
            assert found.chart.lines


def test_another_subject_may_be_held_against_the_published_results() -> None:
    methods = [("t5", "mlp"), *BBOB[1:]]
    rows = family(lambda method, n, task: 0.3 if method[0] == "t5" else 0.5, methods)
    [found] = [f for f in findings(StudyData(rows, [], subject="t5")) if f.number == 2]
    assert (found.verdict, list(found.chart.lines)) == ("agrees", ["t5 + mlp"])
    assert result(2, rows).verdict == "not run"


def at(rows, size, representations=None):
    return [
        r | {"rows": size} for r in rows if representations is None or r["representation"] in representations
    ]


def test_numbers_of_rows_are_not_mixed_and_an_unusual_one_is_said() -> None:
    """Traditional features are far better on 250 rows here, where minilm was not run."""
    methods = [
        *BBOB,
        ("minilm, random", "mlp"),
        ("minilm", "ridge"),
        ("traditional", "ridge"),
        ("minilm", "xgboost"),
    ]

    def tau(method, dof, i):
        return 0.8 - 0.004 * dof * (method[0] == "traditional") - 0.05 * (method[1] == "mlp")

    alone = functions(tau, methods)
    small = at(
        functions(lambda m, dof, i: 0.99 - 0.002 * dof * (m[1] == "xgboost"), methods), 250, {"traditional"}
    )
    other = at([r | {"representation": "smollm2"} for r in alone if r["representation"] == "minilm"], 250)
    data = [StudyData(rows, smooth(lambda r, i: 1.0 + i)) for rows in (alone, small + alone + other)]
    before, after = ({f.number: f for f in findings(d)} for d in data)
    for number in (3, 6, 10, 11, 12):
        assert after[number].sentence == before[number].sentence
    assert (after[1].sentence, after[1].chart) == (before[1].sentence, before[1].chart)
    assert all(line in after[1].table for line in before[1].table)
    assert [line[0] for line in after[1].table] == [
        "minilm + mlp",
        "traditional + mlp",
        "traditional + xgboost",
        "smollm2 + mlp (250 rows)",
        "traditional + mlp (250 rows)",
        "traditional + xgboost (250 rows)",
        "minilm, random + mlp (never trained)",
    ]
    only = {f.number: f for f in findings(StudyData(small + other, [], subject="smollm2"))}
    assert [line[1] for line in only[10].table] == ["bbob (250 rows)"] * 2


def test_a_function_at_several_dimensions_is_one_task_of_an_interval() -> None:
    methods = [("minilm", "mlp"), ("minilm, random", "mlp")]
    rows = functions(lambda m, dof, i: 0.5 + 0.02 * i * (m == methods[0]), methods)
    [[_, group, _, tasks]] = result(6, rows).table
    assert (group, tasks) == ("bbob", len(FUNCTIONS))
    [few] = result(6, [r for r in rows if r["dof"] == 5]).chart.lines.values()
    [many] = result(6, rows).chart.lines.values()
    assert many[0][1].low == pytest.approx(few[0][1].low, abs=0.01)


def test_robustness_is_measured_where_all_methods_have_finished() -> None:
    """The embedding has not been run at 100 fields yet: losses are from 5 to 25 for all."""
    rows = functions(lambda m, dof, i: 0.8 - 0.004 * dof * (m[0] == "traditional"), BBOB)
    found = result(1, [r for r in rows if not (r["dof"] == 100 and r["representation"] == "minilm")])
    assert found.verdict == "agrees"
    assert found.sentence.startswith(
        "from 5 to 25 fields, minilm + mlp loses 0.00 [0.00, 0.00] of Kendall tau; traditional + mlp 0.08"
    )
    losses, by_function = found.parts
    assert losses.table[0][:2] == ["minilm", "5 to 25"]
    assert len(by_function.table) == len(by_function.panels) == len(FUNCTIONS)
    assert by_function.table[0] == ["f0", "0.80", "0.80", "0.78", "0.70", "0.78", "0.70"]


def test_a_share_counts_the_seeds_that_all_methods_have() -> None:
    rows = family(lambda method, n, task: 0.4 if method[0] == "minilm" else 0.5, BBOB)
    lucky = [r | {"seed": 9, "kendall_tau": 0.99} for r in rows if r["representation"] == "minilm"]
    assert result(2, rows + lucky).table == result(2, rows).table


def test_the_gap_by_amount_of_data_is_that_of_the_same_tasks() -> None:
    def tau(method, n, task):
        return 0.5 + (0.1 * task + 0.1 * (n == 100)) * (method[0] == "minilm")

    rows = family(tau, BBOB, rows=(100, 500))
    unfinished = [r for r in rows if r["rows"] == 100 or r["task"].endswith(("0", "1"))]
    found = result(8, unfinished)
    assert [
        value.mean for _, value in found.chart.lines["embedding less traditional + mlp"]
    ] == pytest.approx([0.15, 0.05])
    assert found.table[0][-1] == 2 * len(FAMILIES)


def test_verdicts_on_parts() -> None:
    assert verdict_on(Estimate(-0.2, -0.3, -0.1, 4)) == "disagrees"
    assert verdict_on(Estimate(-0.2, -0.3, -0.1, 4), expected=-1) == "agrees"
    assert verdict_on(Estimate(0.2, math.nan, math.nan, 1)) == "inconclusive"
    assert overall(["agrees", "not run", "agrees"]) == "agrees"
    assert overall(["agrees", "disagrees"]) == "inconclusive"
    assert overall([]) == "not run"
