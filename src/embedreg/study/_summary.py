"""From test predictions to results: metrics, differences to the best traditional method, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from embedreg.core.errors import UsageError
from embedreg.study._bootstrap import Bootstrap, bootstrap
from embedreg.study._statistics import bootstrap_p, corrected_resampled_t_test, holm
from embedreg.study._verdict import combination_sentence, verdict
from embedreg.study.result import Difference, MethodResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

_DECIDES = "kendall_tau"
_ROUNDING: Final = 1e-12  # of differences of tau


@dataclass(frozen=True, eq=False)
class MethodRuns:
    """What one method did, seed by seed.

    Attributes
    ----------
    name, representation, head, chosen, seconds
        As in `MethodResult`.
    predictions
        For each seed's test rows, shape (n_test,).
    dimensions
        Length of the vectors the head saw, one a seed.
    """

    name: str
    representation: str
    head: str
    predictions: list[Floats]
    dimensions: list[int]
    chosen: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Results in the form that a `Comparison` takes.

    Attributes
    ----------
    methods
        Best first, by mean Kendall tau; as given where they tie.
    best_embedding, best_tabular
        Names in `methods`.
    verdict
        One sentence.
    combination_sentence
        What the method with representation "both" reaches; "" if there is none.
    """

    methods: list[MethodResult]
    best_embedding: str
    best_tabular: str
    verdict: str
    combination_sentence: str = ""


def summarise(
    runs: Sequence[MethodRuns],
    y_by_seed: Sequence[Floats],
    *,
    test_fraction_ratio: float,
    groups_by_seed: Sequence[NDArray[np.integer]] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """Score all methods and compare each with the best traditional one.

    The best method of each side is the one with the highest mean Kendall tau on test rows. Picking a best one
    on test rows flatters it; this is done on both sides alike, and Holm's correction counts every method that
    is compared, also one of both representations, which is on neither side. The mean of y is compared with nothing.

    Parameters
    ----------
    runs
        With representation "embedding", "tabular", "both" or "none"; at least one of each of the first two, and at
        most one of both.
    y_by_seed
        Each seed's test targets, shape (n_test,).
    test_fraction_ratio
        n_test / n_train, for the corrected t-test. With a single seed p is from the paired bootstrap instead.
    groups_by_seed
        Each seed's test inputs by number, shape (n_test,), where inputs repeat.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    UsageError
        If a side has no method, two methods have one name, or two are of both representations.
    DataError
        If predictions do not fit the targets or are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.arange(40.0)
    >>> def runs(name, representation, predictions):
    ...     return MethodRuns(name, representation, "ridge", predictions, [2], [{}], 0.1)
    >>> methods = [runs("ours", "embedding", [y]), runs("theirs", "tabular", [np.sin(y)])]
    >>> found = summarise(methods, [y], test_fraction_ratio=1 / 8)
    >>> [(m.name, round(m.metrics["kendall_tau"].mean, 2)) for m in found.methods]
    [('ours', 1.0), ('theirs', -0.02)]
    """
    _check_runs(runs)
    scores = bootstrap(
        y_by_seed,
        {run.name: run.predictions for run in runs},
        groups_by_seed=groups_by_seed,
        resamples=resamples,
        seed=seed,
    )
    taus = {name: by_metric[_DECIDES] for name, by_metric in scores.items()}
    best_embedding, best_tabular = _best(runs, taus, "embedding"), _best(runs, taus, "tabular")
    compared = [run.name for run in runs if run.representation != "none" and run.name != best_tabular]
    paired = {name: taus[name] - taus[best_tabular] for name in compared}
    differences = _differences(paired, best_tabular, test_fraction_ratio)
    results = [_result(run, scores[run.name], differences.get(run.name)) for run in runs]
    results.sort(key=lambda result: -result.metrics[_DECIDES].mean)
    by_name = {result.name: result for result in results}
    reference = by_name[best_tabular]
    sentences = [combination_sentence(r, reference) for r in results if r.representation == "both"]
    return Summary(
        results,
        best_embedding,
        best_tabular,
        verdict(by_name[best_embedding], reference),
        sentences[0] if sentences else "",
    )


def _best(runs: Sequence[MethodRuns], taus: dict[str, Bootstrap], representation: str) -> str:
    names = [run.name for run in runs if run.representation == representation]
    return max(names, key=lambda name: taus[name].per_seed.mean())


def _differences(
    paired: dict[str, Bootstrap], against: str, test_fraction_ratio: float
) -> dict[str, Difference]:
    p_values = [_p_value(difference, test_fraction_ratio) for difference in paired.values()]
    differences = {}
    for (name, difference), p, adjusted in zip(paired.items(), p_values, holm(p_values), strict=True):
        interval = difference.interval()
        differences[name] = Difference(against, interval.mean, interval.low, interval.high, p, adjusted)
    return differences


def _p_value(difference: Bootstrap, test_fraction_ratio: float) -> float:
    """Return p of a difference over seeds; of one, or of seeds that agree to the last digit, the bootstrap's.

    Tau of a few test rows takes a few values, so that two seeds agree now and then: a spread of zero is no proof.
    """
    if np.ptp(difference.per_seed) <= _ROUNDING:
        return bootstrap_p(difference.replicates)
    return corrected_resampled_t_test(difference.per_seed, test_fraction_ratio)


def _result(run: MethodRuns, scores: dict[str, Bootstrap], difference: Difference | None) -> MethodResult:
    return MethodResult(
        name=run.name,
        representation=run.representation,
        head=run.head,
        dimension=round(sum(run.dimensions) / len(run.dimensions)),
        metrics={metric: found.interval() for metric, found in scores.items()},
        difference=difference,
        chosen=run.chosen,
        seconds=run.seconds,
    )


def _check_runs(runs: Sequence[MethodRuns]) -> None:
    names = [run.name for run in runs]
    kinds = [run.representation for run in runs]
    sides = {"embedding", "tabular"}
    known = sides <= set(kinds) <= sides | {"both", "none"}
    if len(set(names)) < len(names) or not known or kinds.count("both") > 1:
        raise UsageError(
            f"methods {names} with representations {sorted(set(kinds))}",
            expected='distinct names, at least one "embedding" and one "tabular" method, and beside them "none" and '
            'one of "both"',
            mend="run at least one head on each side",
        )
