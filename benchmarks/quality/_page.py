"""The section "Quality" of docs/results.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality._grid import SCORED
from benchmarks.quality._tables import (
    FAR_BEHIND,
    Duel,
    Estimate,
    by_method,
    complete,
    differences,
    mean_by_family,
    task_means,
)
from benchmarks.quality.methods import DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.quality._results import Results

EFFORTS = ("fast", "balanced", "best")
DEFAULT = "embedreg-balanced"
OURS = tuple(f"embedreg-{effort}" for effort in EFFORTS)
XGBOOST, PAPER = "xgboost-tuned", "paper"
PEERS = (PAPER, XGBOOST, "catboost", "skrub", "st-ridge")
COVERAGES = (80, 90)
MARGIN, WIDE_MARGIN, SHARE_BEHIND, SHARE_AHEAD = 0.03, 0.10, 0.05, 0.9  # what is aimed at
WIDE_FAMILIES = ("text", "bbob, 25 inputs", "bbob, 50 inputs", "bbob, 100 inputs")
ALL = "**all tasks**"


def quality_section(results: Results, settings: Mapping[str, str] | None = None) -> str:
    """Return the tables in Markdown, or that nothing was run.

    Parameters
    ----------
    results
        What was run.
    settings
        The digest of each method's settings as they are now, to say which rows are of earlier ones.
    """
    if not results.rows:
        return "## Quality\n\nNothing is run yet.\n"
    page = _Page(results, dict(results.settings if settings is None else settings))
    parts = [
        page.head(),
        page.means(),
        page.duels(),
        page.margins(),
        page.added(),
        page.coverage(),
        page.seconds(),
        page.failed(),
        page.targets(),
    ]
    return "\n".join(part for part in parts if part)


def held_out_section(results: Results, settings: Mapping[str, str]) -> str:
    """Return the tables of tasks that no choice was made on; parameters as for `quality_section`."""
    page = _Page(results, dict(settings))
    over = Duel.of(differences(results.rows, DEFAULT, XGBOOST))
    about = (
        f"## Quality on tasks that no choice was made on\n\n{len(page.family_of_task)} tasks of the same kinds from the repositories and packages "
        "that `benchmarks/held_out` names, and configurable programs (`held_systems`), a kind that is not among the tasks above. They were "
        "made once the default's members had been chosen; what was changed after their first run was changed for other reasons. Rows, splits "
        f"and methods are those above.{page._earlier()} Over `{XGBOOST}` the default gains {over.mean} Kendall tau.\n"
    )
    parts = [about, page.means(), page.duels(), page.margins(), page.coverage(), page.failed()]
    return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class _Page:
    results: Results
    settings: dict[str, str]

    @cached_property
    def by_method(self) -> dict[str, dict[tuple[str, int], dict[str, object]]]:
        return by_method(self.results.rows)

    @cached_property
    def family_of_task(self) -> dict[str, str]:
        return {row["task"]: row["family"] for row in self.results.rows}

    @cached_property
    def families(self) -> list[str]:
        """Those that have a row, in the order of the grid."""
        there = set(self.family_of_task.values())
        return [*(f for f in self.results.tasks if f in there), *sorted(there - set(self.results.tasks))]

    def head(self) -> str:
        results = self.results
        run = dict.fromkeys(results.tasks, 0)
        for family in self.family_of_task.values():
            run[family] = run.get(family, 0) + 1
        parts = [f"{family} {run[family]} of {count}" for family, count in results.tasks.items()]
        each = []
        for method, rows in self.by_method.items():
            seeds = Counter(task for task, _ in rows)
            whole = sum(count == len(results.seeds) for count in seeds.values())
            each.append(f"{method} {whole} of {len(seeds)}")
        on = f", on {results.machine}" if results.machine else ""
        versions = ", ".join(f"{package} {' and '.join(v)}" for package, v in results.versions.items())
        state = (
            "all are finished"
            if len(results.rows) == results.cells
            else "the tables are of the finished ones alone"
        )
        what = (
            f"`EmbeddingRegressor()` at each effort against its peers: {results.sampled} rows a task, split 8-1-1 with equal inputs on "
            f"one side, Kendall tau on test rows: with other rows of the task they are up to {SCORED}. Written by `benchmarks/quality`, whose methods' files say what each of them is given and "
            "searches. Ours are fitted to training and validation rows and choose on folds of them; `paper` is JSON, the last layer and "
            f"the MLP sweep, chosen on validation rows; `xgboost-tuned` is the best of 50 trials there, refitted to both. Embeddings are in {DTYPE}, "
            "so that rows of several machines belong together.\n"
        )
        how_much = (
            f"**{len(results.rows):,} of {results.cells:,} cells are run ({state})**, collected {results.date}{on}. Tasks with any: "
            f"{', '.join(parts)}. Tasks with all {len(results.seeds)} seeds, of those with any: {', '.join(each)}. {versions}.{self._earlier()}\n"
        )
        return "\n".join(["## Quality\n", what, how_much])

    def _earlier(self) -> str:
        """Name the methods with rows whose settings have changed since."""
        then = self.results.settings
        changed = [m for m in self.by_method if self.settings.get(m) != then.get(m)]
        return (
            f" **Settings have changed since these rows were made:** {', '.join(changed)}." if changed else ""
        )

    def means(self) -> str:
        most = len(self.by_method.get(DEFAULT, {}))
        known = [m for m in (DEFAULT, *PEERS) if m in self.by_method]
        core = [m for m in known if len(self.by_method[m]) >= most / 2]
        few = [f"`{m}` ({len(self.by_method[m])})" for m in known if m not in core]
        without = f" Left out, having finished less than half of these: {', '.join(few)}." if few else ""
        places = {(row["task"], row["seed"]) for row in complete(self.results.rows, core)}
        others = [m for m in OURS if m != DEFAULT and places <= set(self.by_method.get(m, {}))]
        methods = [m for m in (*OURS, *PEERS) if m in core or m in others]
        rows = complete(self.results.rows, methods)
        found = by_method(rows)
        columns = {m: task_means(found.get(m, {}), "kendall_tau") for m in methods}
        tasks = len({row["task"] for row in rows})
        return _table(
            "Mean tau by family",
            f"With 95% intervals (Student's t) over tasks, seeds averaged; on the {tasks} tasks, and seeds of them, that every method "
            f"here has finished. The highest mean is bold.{without}",
            ["family", "tasks", *methods],
            self._family_lines(columns, bold=True),
        )

    def duels(self) -> str:
        lines = []
        for ours in OURS:
            for peer in PEERS:
                pairs = differences(self.results.rows, ours, peer)
                if pairs:
                    lines.append([ours, peer, *_duel(Duel.of(pairs))])
        return _table(
            "Against each peer",
            "Paired on the same rows. A win is a task where the 95% interval of the difference over seeds is above 0, a loss where it is "
            "below, else a tie; a task of one seed has no interval and is counted by itself. "
            f"'Behind' is the share of tasks whose mean difference is below -{FAR_BEHIND}, which with some hundred test rows a seed is partly chance.",
            [
                "ours",
                "peer",
                "mean difference",
                "tasks",
                "win / tie / loss",
                "one seed",
                "ahead",
                "behind",
                "worst case",
            ],
            lines,
        )

    def margins(self) -> str:
        peers = [p for p in PEERS if p in self.by_method]
        columns = {p: _averaged(differences(self.results.rows, DEFAULT, p)) for p in peers}
        return _table(
            "The default less each peer, by family",
            f"Paired differences of tau, `{DEFAULT}` less the peer, with 95% intervals over tasks.",
            ["family", "tasks", *peers],
            self._family_lines(columns),
        )

    def added(self) -> str:
        columns = {}
        for effort in EFFORTS:
            for without, what in (("tabular", "embedding"), ("embedding", "tabular")):
                pairs = differences(self.results.rows, f"embedreg-{effort}", f"embedreg-{without}-{effort}")
                if pairs:
                    columns[f"{what} members, {effort}"] = _averaged(pairs)
        return _table(
            "What embeddings add",
            "Tau of the whole combination less that of the one without the members named, paired, with 95% intervals over tasks. Above "
            "0, they are worth having beside the others. Exactly 0 is where a combination has no such members: below `best` records "
            "without texts are not embedded, as that gained nothing when members were chosen (docs/experiments.md).",
            ["family", "tasks", *columns],
            self._family_lines(columns),
        )

    def coverage(self) -> str:
        columns = {}
        for percent in COVERAGES:
            for kind, name in (("coverage", f"of {percent}%"), ("width", f"width at {percent}%")):
                columns[name] = task_means(self.by_method.get(DEFAULT, {}), f"{kind}_{percent}")
        lines = self._family_lines(columns)
        for ours in OURS:
            if ours != DEFAULT and ours in self.by_method:
                values = [
                    task_means(self.by_method[ours], f"{kind}_{percent}")
                    for percent in COVERAGES
                    for kind in ("coverage", "width")
                ]
                lines.append(
                    [f"all tasks, {ours}", len(values[0]), *(Estimate.of(v.values()) for v in values)]
                )
        return _table(
            "Coverage",
            f"Share of test targets inside the intervals of `{DEFAULT}`, and the intervals' mean width as a share of that between the same "
            "quantiles of the known targets, which is what one has without looking at a record.",
            ["family", "tasks", *columns],
            lines,
        )

    def seconds(self) -> str:
        lines = []
        for method, rows in self.by_method.items():
            fit, processor, predict = (
                np.array([row[name] for row in rows.values()], dtype=float)
                for name in ("fit_seconds", "fit_processor_seconds", "predict_seconds")
            )
            numbers = [
                np.median(fit),
                np.quantile(fit, 0.9),
                fit.max(),
                np.median(processor),
                np.median(predict),
            ]
            lines.append([method, len(rows), *(f"{number:.1f}" for number in numbers)])
        order = {name: place for place, name in enumerate((*OURS, *PEERS))}
        return _table(
            "Seconds",
            "As the clock went on a machine that did other work as well, so processor seconds (of all threads) are the better measure. "
            "Ours and `paper` find many texts in the embedding cache, from earlier methods and runs: a first fit embeds them.",
            [
                "method",
                "fits",
                "fit, median",
                "nine tenths",
                "longest",
                "processor, median",
                "predict, median",
            ],
            sorted(lines, key=lambda line: (order.get(line[0], len(order)), line[0])),
        )

    def failed(self) -> str:
        if not self.results.failures:
            return ""
        lines = [
            [row["method"], row["task"], row["seed"], row["error"].replace("|", "/").replace("\n", " ")[:150]]
            for row in self.results.failures
        ]
        return _table("Failures", "", ["method", "task", "seed", "error"], lines)

    def targets(self) -> str:
        """Say of each aim how far it holds on what is run; it is reached or not only when all is run."""
        rows = self.results.rows
        over_xgboost = mean_by_family(_averaged(differences(rows, DEFAULT, XGBOOST)), self.family_of_task)
        wide = [family for family in self.results.tasks if family in WIDE_FAMILIES]
        lines = [
            "### Targets\n",
            f"What was aimed at for `{DEFAULT}`, and where its mean differences stand on what is run; their intervals are above.\n",
            f"- Tau {MARGIN} above `{XGBOOST}` in every family: {_standing(over_xgboost, list(self.results.tasks), MARGIN)}",
            f"- {WIDE_MARGIN:.2f} above it on text and on BBOB at 25 inputs and more: {_standing(over_xgboost, wide, WIDE_MARGIN)}",
        ]
        duels = {p: Duel.of(pairs) for p in PEERS if (pairs := differences(rows, DEFAULT, p))}
        behind = [f"{p} {d.far_behind:.0%} of {d.tasks}" for p, d in duels.items()]
        lines.append(
            f"- Behind a peer by more than {FAR_BEHIND} on {SHARE_BEHIND:.0%} of tasks at most: {', '.join(behind) or 'not run'}."
        )
        ahead = f"{duels[PAPER].ahead:.0%} of {duels[PAPER].tasks}" if PAPER in duels else "not run"
        lines.append(f"- Ahead of `{PAPER}` on {SHARE_AHEAD:.0%} of tasks: {ahead}.")
        return "\n".join([*lines, ""])

    def _family_lines(
        self, columns: dict[str, dict[str, float]], *, bold: bool = False
    ) -> list[list[object]]:
        """Return a line a family and one of all tasks: how many tasks, and each column's mean."""
        means = {name: mean_by_family(values, self.family_of_task) for name, values in columns.items()}
        lines = [
            [family, *_line([found.get(family, Estimate.of([])) for found in means.values()], bold=bold)]
            for family in self.families
        ]
        everything = [Estimate.of(values.values()) for values in columns.values()]
        return [line for line in (*lines, [ALL, *_line(everything, bold=bold)]) if line[1]]


def _line(estimates: Sequence[Estimate], *, bold: bool) -> list[object]:
    count = max((e.count for e in estimates), default=0)
    best = max((round(e.mean, 3) for e in estimates if e.count), default=0.0)
    cells = [f"**{e}**" if bold and e.count and round(e.mean, 3) == best else str(e) for e in estimates]
    return [count, *cells]


def _averaged(pairs: dict[str, list[float]]) -> dict[str, float]:
    return {task: float(np.mean(values)) for task, values in pairs.items()}


def _duel(duel: Duel) -> list[object]:
    return [
        duel.mean,
        duel.tasks,
        f"{duel.wins} / {duel.ties} / {duel.losses}",
        duel.single,
        f"{duel.ahead:.0%}",
        f"{duel.far_behind:.0%}",
        f"{duel.worst:+.3f} ({duel.worst_task})",
    ]


def _standing(found: Mapping[str, Estimate], families: Sequence[str], margin: float) -> str:
    """Say in how many families that are run the mean is at least `margin`, which are short of it, and which are not run."""
    run = [family for family in families if family in found]
    short = [f"{family} ({found[family].mean:+.3f})" for family in run if found[family].mean < margin]
    absent = [family for family in families if family not in found]
    parts = [f"in {len(run) - len(short)} of {len(run)} families with any task run"]
    parts += [f"short of it: {', '.join(short)}"] if short else []
    parts += [f"not run: {', '.join(absent)}"] if absent else []
    return "; ".join(parts) + "."


def _table(title: str, text: str, columns: Iterable[str], lines: Sequence[Sequence[object]]) -> str:
    if not lines:
        return ""
    names = list(columns)
    return "\n".join(
        [
            f"### {title}\n",
            *([f"{text}\n"] if text else []),
            f"| {' | '.join(names)} |",
            "|---" * len(names) + "|",
            *(f"| {' | '.join(map(str, line))} |" for line in lines),
            "",
        ]
    )
