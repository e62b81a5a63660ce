"""What each part of the default is worth: every member and many compositions of them, on development tasks.

    python benchmarks/experiments.py --output benchmarks/results/experiments.json

Of each task 450 rows are fitted on and up to 500 others, with other inputs, scored on. Every member, those that were not taken too, is fitted on the same folds; its out-of-fold and test predictions then make every composition, so that
compositions differ by nothing else. A task and seed whose scores are in the file is not run again. Some tasks need EMBEDREG_DATA.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import kendalltau

from embedreg.ensemble import MEMBERS, Member
from embedreg.ensemble._combination import Rows, _scores, fit_member
from embedreg.ensemble._context import Context
from embedreg.ensemble._folds import grouped_folds, input_groups
from embedreg.ensemble._representations import REPRESENTATIONS, Way
from embedreg.ensemble._selection import greedy_weights
from embedreg.ensemble._tabular_inputs import PooledFields
from embedreg.ensemble._target import NormalScores
from embedreg.serialize import input_numbers
from embedreg.study._rows import take
from embedreg.study._splits import group_split
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.tasks import Task

TASKS = [
    "automl/hpobench_car",
    "automl/hpobench_vehicle",
    "automl/cash_allhypo",
    "automl/cash_analcatdata_asbestos",
    "init2winit/deepobs",
    "init2winit/fcnet_naval_propulsion",
    "xla/kernel_gemm_RTX3090",
    "xla/kernel_convolution_A100",
    "xla/db_SYSBENCH_20knob",
    "xla/db_JOB_5knob",
    "xla/db_history1",
    "xla/db_history22",
    "xla/db_history27",
    "xla/db_history28",
    "l2da/fbnet_raspi4",
    "l2da/nb201_fpga",
    "l2da/blackscholes_cycles",
    "mixed/wine_vivino",
    "mixed/employee_salaries",
    "text/emobank_valence",
    "text/word_complexity",
    "molecules/esol",
    "molecules/freesolv",
    "materials/expt_gap",
    "graphs/nasbench201_cifar10",
    "bbob/rastrigin@25",
    "bbob/sphere@25",
    "bbob/discus@5",
    "bbob/rosenbrock@10",
    "bbob/gallagher101@5",
    "bbob/lunacek_bi_rastrigin@50",
    "bbob/rosenbrock_rotated@100",
]
_ONE_MLP = {"learning_rates": (1e-3,), "weight_decays": (0.1,)}
_BOOSTING = next(member for member in MEMBERS if member.name == "boosted trees").settings
_LEAF_BY_LEAF = next(member for member in MEMBERS if member.name == "boosted trees, leaf by leaf").settings


class FeaturesAndPooledFields(PooledFields):
    """Traditional features beside the pooled fields, for trees."""

    def transform(self, records: Sequence[Record]) -> Array:
        return np.hstack([self.ranks.features.transform(records), super().transform(records)])


WAYS = REPRESENTATIONS | {"features and pooled fields": Way("tabular", FeaturesAndPooledFields)}
NOT_TAKEN = (
    Member(
        "boosted trees on features and pooled fields",
        "features and pooled fields",
        "xgboost",
        settings=_BOOSTING,
    ),
    Member("ridge on pooled fields", "pooled fields", "ridge"),
    Member(
        "gaussian process on ranks and pooled fields, plain target",
        "ranks and pooled fields",
        "gp",
        learns="plain",
    ),
    Member("boosted trees, 64 bins", "features", "xgboost", settings=_BOOSTING | {"max_bin": 64}),
    Member(
        "boosted trees, leaf by leaf on part of the rows",
        "features",
        "xgboost",
        settings=_LEAF_BY_LEAF | {"subsample": 0.8},
        most_columns=100,
    ),
    Member("gaussian process, ranks of the target", "feature ranks", "gp", learns="ranks", most_columns=100),
    Member("ridge on splines, ranks of the target", "splines", "ridge", learns="ranks", most_columns=300),
    Member("perceptron on ranks", "feature ranks", "mlp", settings=_ONE_MLP),
    Member("rough gaussian process", "feature ranks", "gp", settings={"nu": 1.5}),
    Member(
        "gaussian process on features, a length scale each",
        "features",
        "gp",
        settings={"length_scales": "each"},
        most_columns=100,
    ),
    Member("gaussian process on n-grams, each scaled", "n-grams", "gp"),
    Member("ridge on n-grams, each scaled", "n-grams", "ridge"),
    Member("ridge on fields, each scaled", "fields", "ridge"),
    Member("gaussian process on fields", "fields", "gp", settings={"scaling": "together"}),
    Member("gaussian process on features and fields, each scaled", "features and fields", "gp"),
    Member("ridge on features, each scaled", "features", "ridge"),
    Member("ridge on feature ranks", "feature ranks", "ridge"),
    Member("extra trees, plain target", "features", "extra_trees", settings={"n_trees": 100}, learns="plain"),
)
FOLDS = 5
FITTED, SCORED = 450, 500


def run(task: Task, seed: int) -> dict[str, object]:
    """Return the scores of every member and composition on one task."""
    data = task.load(seed, FITTED + SCORED)
    inputs = input_numbers(data.records)
    split = group_split(inputs, seed=seed, max_rows=500)
    train = np.concatenate([split.train, split.validation])
    others = np.flatnonzero(~np.isin(inputs, inputs[train]))
    scored = np.random.default_rng(seed).permutation(others)[:SCORED]
    records, test = take(data.records, train), take(data.records, scored)
    context = Context({}, seed)
    features = context.features(records)
    ways = {
        name: way.cls.learn(records, context)
        for name, way in WAYS.items()
        if (way.why_not(records, context) or way.why_not_with(features)) is None
        and name != "splines and products"
    }
    width = ways["feature ranks"].transform(records).shape[1]
    if width <= 60:
        ways["splines and products"] = REPRESENTATIONS["splines and products"].cls.learn(records, context)
    vectors = {name: (way.transform(records), way.transform(test)) for name, way in ways.items()}
    y, y_test = data.y[train], data.y[scored]
    groups = input_groups(inputs[train], vectors["feature ranks"][0])
    rows = Rows(y, grouped_folds(groups, FOLDS, seed), None, seed)
    scale = NormalScores.learn(y)
    found: dict[Member, tuple[NDArray[np.float64], NDArray[np.float64], float]] = {}
    for member in (*MEMBERS, *NOT_TAKEN):
        if member.representation not in vectors or width > (member.most_columns or width):
            continue
        fitted = fit_member(member, vectors[member.representation][0], rows, scale)
        on_test = [
            _scores(member, head.predict(vectors[member.representation][1]), scale) for head in fitted.heads
        ]
        found[member] = (fitted.out_of_fold, np.mean(on_test, axis=0), fitted.seconds)
    return {
        "features": width,
        "rows": len(y),
        "scored": len(y_test),
        "members": {
            m.name: {"out_of_fold": _tau(y, oof), "test": _tau(y_test, new), "seconds": round(seconds, 2)}
            for m, (oof, new, seconds) in found.items()
        },
        "compositions": _compositions(found, y, y_test, scale),
    }


def _compositions(
    found: dict[Member, tuple[NDArray[np.float64], NDArray[np.float64], float]],
    y: NDArray[np.float64],
    y_test: NDArray[np.float64],
    scale: NormalScores,
) -> dict[str, float]:
    """Return the test tau of the default's composition, of it without each part, and of other ways to weigh."""
    default = [m for m in found if m in MEMBERS and m.effort != "best"]
    parts: dict[str, list[Member]] = {"all": default}
    parts |= {
        f"without {kind} members": [m for m in default if m.kind != kind] for kind in ("embedding", "tabular")
    }
    parts |= {"fast members": [m for m in default if m.effort == "fast"], "with those not taken": list(found)}
    parts["with the members of `best`"] = [m for m in found if m in MEMBERS]
    for what, name in (
        ("scores", "normal scores"),
        ("ranks", "ranks of the target"),
        ("plain", "plain targets"),
    ):
        parts[f"without {name}"] = [m for m in default if m.learns != what]
    for word in (
        "splines",
        "gaussian",
        "a length scale each",
        "trees",
        "leaf by leaf",
        "pooled fields",
        "n-grams",
    ):
        parts[f"without {word}"] = [m for m in default if word not in m.name]
    truth = scale.transform(y)

    def columns(members: list[Member], which: int) -> NDArray[np.float64]:
        return np.column_stack([found[m][which] for m in members])

    scores = {
        name: _tau(y_test, columns(members, 1) @ greedy_weights(columns(members, 0), truth))
        for name, members in parts.items()
        if members
    }
    oof, new = columns(default, 0), columns(default, 1)
    errors = np.mean((oof - truth[:, None]) ** 2, axis=0)
    scores["plain average of all"] = _tau(y_test, new.mean(axis=1))
    scores["best member alone"] = _tau(y_test, new[:, np.argmin(errors)])
    scores["average of the best five"] = _tau(y_test, new[:, np.argsort(errors)[:5]].mean(axis=1))
    scores["fifteen rounds"] = _tau(y_test, new @ greedy_weights(oof, truth, rounds=15))
    return scores


def _tau(y: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    tau = float(kendalltau(y, predicted).statistic)
    return 0.0 if np.isnan(tau) else round(tau, 5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    options = parser.parse_args()
    done = json.loads(options.output.read_text()) if options.output.is_file() else {}
    for seed, task in itertools.product(options.seeds, select_tasks(options.tasks)):
        key = f"{task.name} seed {seed}"
        if key in done:
            continue
        started = time.monotonic()
        done[key] = {"task": task.name, "suite": task.suite, "seed": seed, **run(task, seed)}
        options.output.write_text(json.dumps(done, indent=None, separators=(",", ":")) + "\n")
        print(
            f"{key}: {done[key]['compositions']['all']:.3f}, {time.monotonic() - started:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
