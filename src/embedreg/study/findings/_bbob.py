"""Results on the synthetic functions alone: robustness to dimension, and what the place of the optimum does to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from embedreg.study.findings._finding import (
    NOT_RUN,
    Chart,
    Finding,
    Part,
    StudyData,
    labelled,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import select

SUITE: Final = "bbob"
CENTRED: Final = "bbob-centred"
_FLAT: Final = 0.05
_TRADITIONAL: Final = (("traditional", "mlp"), ("traditional", "xgboost"))
Method = tuple[str, str]
Line = list[tuple[float | str, Estimate]]


@dataclass(frozen=True)
class _Side:
    """An embedding beside traditional features, on the splits that were run with all three methods.

    `taus` has, by method, Kendall tau by (function, seed, number of fields).
    """

    embedding: str
    rows: int
    taus: dict[Method, dict[tuple[str, int, int], float]]

    @property
    def ours(self) -> Method:
        return self.embedding, "mlp"

    @property
    def dofs(self) -> list[int]:
        return sorted({dof for _, _, dof in self.taus[self.ours]})

    @property
    def functions(self) -> list[str]:
        return sorted({function for function, _, _ in self.taus[self.ours]})

    def line(self, method: Method, function: str | None = None) -> Line:
        """Return the mean tau at each number of fields, of one function or of all."""
        points = [(place, tau) for place, tau in self.taus[method].items() if function in {None, place[0]}]
        return [
            (dof, estimate([(place[0], tau) for place, tau in points if place[2] == dof]))
            for dof in self.dofs
            if any(place[2] == dof for place, _ in points)
        ]

    def loses_more(self, method: Method) -> Estimate | None:
        """Return by how much more tau a method loses than the embedding, from the fewest fields to the most."""
        theirs, ours = self._losses(method), self._losses(self.ours)
        return estimate([(place[0], theirs[place] - ours[place]) for place in ours]) if ours else None

    def loses(self) -> Estimate | None:
        """Return how much tau the embedding loses, from the fewest fields to the most."""
        losses = self._losses(self.ours)
        return estimate([(place[0], loss) for place, loss in losses.items()]) if losses else None

    def _losses(self, method: Method) -> dict[tuple[str, int], float]:
        """Return a method's loss of tau by (function, seed)."""
        first, last = self.dofs[0], self.dofs[-1]
        taus = self.taus[method]
        return {
            (function, seed): taus[function, seed, first] - taus[function, seed, last]
            for function, seed, dof in sorted(taus)
            if dof == first != last and (function, seed, last) in taus
        }


def dimension(data: StudyData) -> Finding:
    """Return result 1: Kendall tau against degrees of freedom."""
    sides = [side for name in data.embeddings(suite=SUITE) if (side := _side(data, name)) is not None]
    subject = next((side for side in sides if side.embedding == data.subject), None)
    return Finding(
        1,
        "Robustness to dimension",
        "Kendall tau stays flat as the number of fields grows for embeddings, and falls for XGBoost and the MLP on features; "
        "not on every function: on Discus and DifferentPowers, for example, the embedding does not beat XGBoost.",
        f"From the fewest to the most fields {data.subject} loses less than {_FLAT} of tau (all of the interval over functions), "
        "and traditional features lose more than it does: the interval of the difference is above 0, for both heads. "
        f"It disagrees where {data.subject} loses more than that and traditional features no more than it does.",
        _verdict(subject) if subject else NOT_RUN,
        _sentence(subject),
        ["method", *(f"{dof} fields" for dof in _dofs(sides)), "functions"],
        _means(sides),
        Chart(
            "number of fields",
            "Kendall tau",
            {_name(method): subject.line(method) for method in (subject.ours, *_TRADITIONAL)},
        )
        if subject
        else None,
        ([_losses(sides)] if sides else []) + ([_by_function(subject)] if subject else []),
    )


def _side(data: StudyData, embedding: str, suite: str = SUITE) -> _Side | None:
    methods: list[Method] = [(embedding, "mlp"), *_TRADITIONAL]
    wanted = [{"representation": representation, "head": head} for representation, head in methods]
    size = data.number_of_rows(*wanted, suite=suite)
    if size is None:
        return None
    rows = select(data.rows, suite=suite, rows=size)
    taus = [
        {(_function(r["task"]), r["seed"], r["dof"]): r["kendall_tau"] for r in select(rows, **method)}
        for method in wanted
    ]
    shared = sorted(set.intersection(*map(set, taus)))
    return _Side(
        embedding,
        size,
        {method: {place: tau[place] for place in shared} for method, tau in zip(methods, taus, strict=True)},
    )


def _verdict(side: _Side) -> str:
    loss = side.loses()
    if loss is None:
        return NOT_RUN
    room = Estimate(_FLAT - loss.mean, _FLAT - loss.high, _FLAT - loss.low, loss.tasks)
    return overall([verdict_on(room), *(verdict_on(side.loses_more(method)) for method in _TRADITIONAL)])


def _name(method: Method, rows: int | None = None) -> str:
    representation, head = method
    return labelled(representation, rows).replace(representation, f"{representation} + {head}", 1)


def _dofs(sides: list[_Side]) -> list[int]:
    return sorted({dof for side in sides for dof in side.dofs})


def _means(sides: list[_Side]) -> list[list[object]]:
    """Return a line for each embedding, and for traditional features on as many rows."""
    dofs, sizes = _dofs(sides), set()
    table: list[list[object]] = []
    for side in sides:
        methods = (side.ours, *_TRADITIONAL) if side.rows not in sizes else (side.ours,)
        sizes.add(side.rows)
        for method in methods:
            line = dict(side.line(method))
            means = [shown(line.get(dof)) for dof in dofs]
            table.append([_name(method, side.rows), *means, _counts(side)])
    return table


def _counts(side: _Side) -> str:
    counts = sorted({value.tasks for _, value in side.line(side.ours)})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _losses(sides: list[_Side]) -> Part:
    return Part(
        "Loss of Kendall tau with the MLP, from the fewest fields to the most, and how much more traditional features lose",
        ["embedding", "fields", "it loses", *(f"{_name(method)} loses more" for method in _TRADITIONAL)],
        [
            [
                labelled(side.embedding, side.rows),
                f"{side.dofs[0]} to {side.dofs[-1]}",
                shown(side.loses()),
                *(shown(side.loses_more(method)) for method in _TRADITIONAL),
            ]
            for side in sides
        ],
    )


def _by_function(side: _Side) -> Part:
    """Return each function's tau at the fewest and the most fields, and its curves."""
    methods = (side.ours, *_TRADITIONAL)
    ends = list(dict.fromkeys((side.dofs[0], side.dofs[-1])))
    lines = {f: {_name(method): side.line(method, f) for method in methods} for f in side.functions}
    return Part(
        "By function, mean over seeds",
        ["function", *(f"{_name(method)}, {dof} fields" for method in methods for dof in ends)],
        [
            [function, *(_tau(dict(line).get(dof)) for line in own.values() for dof in ends)]
            for function, own in lines.items()
        ],
        {function: Chart("number of fields", "Kendall tau", dict(own)) for function, own in lines.items()},
    )


def _function(task: str) -> str:
    """Return a task's function.

    Examples
    --------
    >>> _function("bbob-centred/sphere@5")
    'sphere'
    """
    return task.rpartition("/")[2].partition("@")[0]


def _tau(value: Estimate | None) -> str:
    return "-" if value is None else f"{value.mean:z.2f}"


def _sentence(side: _Side | None) -> str:
    loss = None if side is None else side.loses()
    if side is None or loss is None:
        return "no functions were run at two dimensions with the embedding and with traditional features"
    more = " and ".join(f"{_name(method)} {shown(side.loses_more(method))}" for method in _TRADITIONAL)
    return (
        f"from {side.dofs[0]} to {side.dofs[-1]} fields, {_name(side.ours, side.rows)} loses {shown(loss)} of Kendall tau; "
        f"{more} more than that"
    )


def optimum(data: StudyData) -> Finding:
    """Return result 14: the gap to traditional features where the optimum is at the origin, and where it is drawn."""
    drawn, centred = (_side(data, data.subject, suite) for suite in (SUITE, CENTRED))
    gains = {} if drawn is None or centred is None else _gains(drawn, centred)
    return Finding(
        14,
        "Where the optimum lies",
        "Its functions are most likely Vizier's, whose optimum is at the origin or at one place for all; BBOB draws it, and so "
        "does everything above.",
        f"The gap of {data.subject} to traditional features (tau, MLP on the embedding) grows when the optimum is moved to the "
        "origin, other things being equal: the interval of the difference is above 0, for both heads.",
        overall([verdict_on(gain) for gain in gains.values()]),
        "; ".join(
            f"with the optimum at the origin {_name((data.subject, 'mlp'))} gains {shown(gain)} on {_name(method)}"
            for method, gain in gains.items()
        )
        or "no functions were run with both places of the optimum",
        [
            "method",
            "optimum",
            *(f"{dof} fields" for dof in _dofs([side for side in (drawn, centred) if side])),
        ],
        _by_place(drawn, centred) if gains and drawn and centred else [],
        _places_chart(drawn, centred) if gains and drawn and centred else None,
    )


def _gains(drawn: _Side, centred: _Side) -> dict[Method, Estimate]:
    """Return by how much the embedding's gap to each method grows, over the functions, seeds and fields of both."""
    shared = sorted(set(drawn.taus[drawn.ours]) & set(centred.taus[centred.ours]))

    def gap(side: _Side, method: Method, place: tuple[str, int, int]) -> float:
        return side.taus[side.ours][place] - side.taus[method][place]

    return {
        method: estimate([(p[0], gap(centred, method, p) - gap(drawn, method, p)) for p in shared])
        for method in _TRADITIONAL
        if shared
    }


def _places(drawn: _Side, centred: _Side) -> dict[tuple[Method, str], Line]:
    """Return each method's means over the functions that both have, by where the optimum is."""
    both = set(centred.functions)
    alike = replace(
        drawn,
        taus={m: {p: tau for p, tau in taus.items() if p[0] in both} for m, taus in drawn.taus.items()},
    )
    return {
        (method, place): side.line(method)
        for method in (drawn.ours, *_TRADITIONAL)
        for place, side in (("origin", centred), ("drawn", alike))
    }


def _by_place(drawn: _Side, centred: _Side) -> list[list[object]]:
    dofs = _dofs([drawn, centred])
    return [
        [_name(method), place, *(shown(dict(line).get(dof)) for dof in dofs)]
        for (method, place), line in _places(drawn, centred).items()
    ]


def _places_chart(drawn: _Side, centred: _Side) -> Chart:
    """Draw the embedding and XGBoost alone: with the MLP six lines would cross."""
    drawn_ones = (drawn.ours, ("traditional", "xgboost"))
    return Chart(
        "number of fields",
        "Kendall tau",
        {
            f"{_name(method)}, optimum {'at the origin' if place == 'origin' else place}": line
            for (method, place), line in _places(drawn, centred).items()
            if method in drawn_ones
        },
    )
