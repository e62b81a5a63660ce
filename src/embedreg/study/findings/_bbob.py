"""The result on the synthetic functions alone: robustness to dimension."""

from __future__ import annotations

from typing import Final

from embedreg.study.findings._finding import (
    Chart,
    Finding,
    StudyData,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import select

SUITE: Final = "bbob"
_TRADITIONAL: Final = (("traditional", "mlp"), ("traditional", "xgboost"))


def dimension(data: StudyData) -> Finding:
    """Return result 1: Kendall tau against degrees of freedom."""
    dofs = data.values("dof", suite=SUITE)
    methods = ((data.subject, "mlp"), *_TRADITIONAL)
    lines = {
        f"{representation} + {head}": [
            (dof, score)
            for dof in dofs
            if (score := data.score(suite=SUITE, dof=dof, representation=representation, head=head))
            is not None
        ]
        for representation, head in methods
    }
    falls = {method: _fall(data, *method) for method in methods}
    ours = falls[methods[0]]
    steeper = {method: _steeper(fall, ours) for method, fall in falls.items() if method in _TRADITIONAL}
    verdicts = [verdict_on(difference) for difference in steeper.values()]
    sentence = "; ".join(
        f"from {dofs[0]} to {dofs[-1]} fields, {' + '.join(method)} loses {shown(difference)} more Kendall tau than "
        "the embedding with the MLP"
        for method, difference in steeper.items()
        if difference is not None
    )
    return Finding(
        1,
        "Robustness to dimension",
        "Kendall tau stays flat as the number of fields grows for embeddings, and falls for XGBoost and the MLP on features.",
        "Over functions, the loss of tau from the fewest to the most fields on traditional features is greater than on "
        "embeddings: the interval of the difference is above 0, for both heads.",
        overall(verdicts),
        sentence or "no functions were run at two dimensions",
        ["method", *(f"{dof} fields" for dof in dofs)],
        [[name, *(shown(dict(line).get(dof)) for dof in dofs)] for name, line in lines.items()],
        Chart("number of fields", "Kendall tau", lines) if dofs else None,
    )


def _fall(data: StudyData, representation: str, head: str) -> dict[tuple[str, int], float]:
    """Return the loss of tau from the fewest to the most fields, by function and seed."""
    rows = select(data.rows, suite=SUITE, representation=representation, head=head)
    dofs = sorted({row["dof"] for row in rows})
    if len(dofs) < 2:
        return {}
    by_place = {(row["task"].split("@")[0], row["seed"], row["dof"]): row["kendall_tau"] for row in rows}
    return {
        (function, seed): tau - by_place[function, seed, dofs[-1]]
        for (function, seed, dof), tau in by_place.items()
        if dof == dofs[0] and (function, seed, dofs[-1]) in by_place
    }


def _steeper(fall: dict[tuple[str, int], float], ours: dict[tuple[str, int], float]) -> Estimate | None:
    both = fall.keys() & ours.keys()
    values = [(function, fall[function, seed] - ours[function, seed]) for function, seed in sorted(both)]
    return estimate(values) if values else None
