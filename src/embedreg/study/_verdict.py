"""Which won, and whether the difference could be chance, in one sentence; and what both reach together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from embedreg.study.result import Difference, Interval, MethodResult

SIGNIFICANT: Final = 0.05
_LEVEL: Final = 0.005  # a difference in tau that two decimals do not show
_HEADS: Final = {"mlp": "the MLP", "ridge": "ridge", "xgboost": "XGBoost"}


def verdict(best_embedding: MethodResult, best_tabular: MethodResult) -> str:
    """Return the sentence for the best method of each side.

    The rules, in this order. Neither is better than chance if both intervals of Kendall's tau reach zero.
    They are level if the mean difference is under 0.005. The difference is unlikely to be chance if its
    adjusted p is under 0.05 and its interval excludes zero; otherwise it could be chance.

    Parameters
    ----------
    best_embedding
        With its difference against `best_tabular`.
    best_tabular
        The best traditional method.

    Raises
    ------
    UsageError
        If the difference is missing or against another method.

    Examples
    --------
    >>> from embedreg.study.result import Difference, Interval, MethodResult
    >>> def method(name, representation, head, tau, difference=None):
    ...     metrics = {"kendall_tau": Interval(tau, tau - 0.04, tau + 0.04, [tau, tau])}
    ...     return MethodResult(name, representation, head, 9, metrics, difference, [], 1.0)
    >>> difference = Difference("tabular + xgboost", -0.12, low=-0.17, high=-0.07, p=0.002, p_adjusted=0.004)
    >>> embedding = method("embedding + ridge", "embedding", "ridge", 0.62, difference)
    >>> tabular = method("tabular + xgboost", "tabular", "xgboost", 0.74)
    >>> print(verdict(embedding, tabular))
    Traditional features with XGBoost beat the embedding (Kendall tau 0.74): the best embedding method, ridge,
    is 0.12 [0.07, 0.17] behind, which is unlikely to be chance (adjusted p = 0.004).
    """
    difference = _difference(best_embedding, best_tabular)
    if _are_chance(best_embedding, best_tabular):
        return _neither(best_embedding, best_tabular)
    if abs(difference.mean) < _LEVEL:
        return _level(best_embedding, best_tabular, difference)
    if _is_significant(difference):
        return _won(best_embedding, best_tabular, difference)
    return _ahead(best_embedding, best_tabular, difference)


def combination_sentence(combination: MethodResult, best_tabular: MethodResult) -> str:
    """Return the sentence for both representations together, by the rules of `verdict`.

    Parameters
    ----------
    combination
        With its difference against `best_tabular`, and each seed's effort and members in `chosen`.
    best_tabular
        The best traditional method.

    Raises
    ------
    UsageError
        If the difference is missing or against another method.

    Examples
    --------
    >>> from embedreg.study.result import Difference, Interval, MethodResult
    >>> def method(name, representation, head, tau, chosen, difference=None):
    ...     metrics = {"kendall_tau": Interval(tau, tau - 0.04, tau + 0.04, [tau, tau])}
    ...     return MethodResult(name, representation, head, 9, metrics, difference, chosen, 1.0)
    >>> difference = Difference("tabular + xgboost", 0.04, low=0.01, high=0.07, p=0.002, p_adjusted=0.01)
    >>> members = [{"kind": "tabular", "weight": 0.7}, {"kind": "embedding", "weight": 0.3}]
    >>> chosen = [{"effort": "fast", "members": members}]
    >>> both = method("combination", "both", "combination", 0.78, chosen, difference)
    >>> print(combination_sentence(both, method("tabular + xgboost", "tabular", "xgboost", 0.74, [])))
    The combination that `embedreg fit --effort fast` makes: Kendall tau 0.78, 0.04 [0.01, 0.07] ahead of
    traditional features with XGBoost, which is unlikely to be chance (adjusted p = 0.01). Members that read
    embeddings have 30% of the weight.
    """
    difference = _difference(combination, best_tabular)
    opening = f"The combination that `embedreg fit --effort {combination.chosen[0]['effort']}` makes"
    if _are_chance(combination, best_tabular):
        tau = _with_interval(combination.metrics["kendall_tau"])
        return f"{opening} predicts no better than chance: Kendall tau {tau}. {_weight_of_embeddings(combination)}"
    found = f"{_standing(difference, _lower(_subject(best_tabular)))} ({_p(combination, difference)})"
    return f"{opening}: Kendall tau {_tau(combination)}, {found}. {_weight_of_embeddings(combination)}"


def _standing(difference: Difference, other: str) -> str:
    if abs(difference.mean) < _LEVEL:
        judgement = "is too small to matter" if _is_significant(difference) else _could_be_chance(difference)
        return f"level with {other}: the difference, {_with_interval(difference)}, {judgement}"
    place = "ahead of" if difference.mean > 0 else "behind"
    judgement = "is unlikely to be chance" if _is_significant(difference) else _could_be_chance(difference)
    return f"{_margin(difference)} {place} {other}, which {judgement}"


def _weight_of_embeddings(combination: MethodResult) -> str:
    """Say how much of the combination reads embeddings, in the mean over seeds."""
    weights = [
        sum(member["weight"] for member in chosen["members"] if member["kind"] == "embedding")
        for chosen in combination.chosen
    ]
    share = sum(weights) / len(weights)
    if share == 0:
        if not any(chosen.get("embeddings_tried", True) for chosen in combination.chosen):
            return (
                "At this effort no member that reads embeddings is tried on such records (docs/ensemble.md)."
            )
        return "No member that reads embeddings is in it."
    return f"Members that read embeddings have {max(share, 0.01):.0%} of the weight."


def _difference(method: MethodResult, best_tabular: MethodResult) -> Difference:
    difference = method.difference
    if difference is None or difference.against != best_tabular.name:
        raise UsageError(
            f"{method.name} compared with {difference.against if difference else 'nothing'}",
            expected=f"its difference against {best_tabular.name}",
            mend="take both methods from one `summarise`",
        )
    return difference


def _are_chance(method: MethodResult, best_tabular: MethodResult) -> bool:
    return max(found.metrics["kendall_tau"].low for found in (method, best_tabular)) <= 0


def _neither(embedding: MethodResult, tabular: MethodResult) -> str:
    ours, theirs = (_with_interval(m.metrics["kendall_tau"]) for m in (embedding, tabular))
    return (
        f"Neither is shown to predict better than chance: Kendall tau is {ours} for the best embedding method, "
        f"{_head(embedding)}, and {theirs} for the best traditional one, {_head(tabular)}."
    )


def _level(embedding: MethodResult, tabular: MethodResult, difference: Difference) -> str:
    judgement = "is too small to matter" if _is_significant(difference) else _could_be_chance(difference)
    return (
        f"{_subject(embedding)} and {_lower(_subject(tabular))} are level "
        f"(Kendall tau {_tau(embedding)} and {_tau(tabular)}): "
        f"the difference, {_with_interval(difference)}, {judgement} ({_p(embedding, difference)})."
    )


def _won(embedding: MethodResult, tabular: MethodResult, difference: Difference) -> str:
    if difference.mean > 0:
        winner, beats, loser = (
            embedding,
            "beats traditional features",
            f"traditional method, {_head(tabular)},",
        )
    else:
        winner, beats, loser = tabular, "beat the embedding", f"embedding method, {_head(embedding)},"
    return (
        f"{_subject(winner)} {beats} (Kendall tau {_tau(winner)}): "
        f"the best {loser} is {_margin(difference)} behind, "
        f"which is unlikely to be chance ({_p(embedding, difference)})."
    )


def _ahead(embedding: MethodResult, tabular: MethodResult, difference: Difference) -> str:
    first, second, verb = (embedding, tabular, "is") if difference.mean > 0 else (tabular, embedding, "are")
    return (
        f"{_subject(first)} {verb} ahead "
        f"(Kendall tau {_tau(first)} against {_tau(second)} for {_lower(_subject(second))}), "
        f"but the difference of {_margin(difference)} {_could_be_chance(difference)} ({_p(embedding, difference)})."
    )


def _is_significant(difference: Difference) -> bool:
    excludes_zero = difference.low > 0 or difference.high < 0
    return excludes_zero and difference.p_adjusted < SIGNIFICANT


def _could_be_chance(difference: Difference) -> str:
    by_the_interval = difference.p_adjusted < SIGNIFICANT
    return "could be chance, as the interval holds zero" if by_the_interval else "could be chance"


def _subject(method: MethodResult) -> str:
    side = "The embedding" if method.representation == "embedding" else "Traditional features"
    return f"{side} with {_head(method)}"


def _lower(phrase: str) -> str:
    return phrase[0].lower() + phrase[1:]


def _head(method: MethodResult) -> str:
    return _HEADS.get(method.head, method.head)


def _tau(method: MethodResult) -> str:
    return _two(method.metrics["kendall_tau"].mean)


def _margin(difference: Difference) -> str:
    """Write the difference from the side of the one that is ahead."""
    low, high = difference.low, difference.high
    if difference.mean < 0:
        low, high = -high, -low
    return f"{_two(abs(difference.mean))} [{_two(low)}, {_two(high)}]"


def _with_interval(found: Interval | Difference) -> str:
    return f"{_two(found.mean)} [{_two(found.low)}, {_two(found.high)}]"


def _two(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # adding zero turns -0.0 into 0.0


def _p(method: MethodResult, difference: Difference) -> str:
    p = "< 0.001" if difference.p_adjusted < 0.001 else f"= {difference.p_adjusted:.2g}"
    seeds = len(method.metrics["kendall_tau"].per_seed)
    return f"adjusted p {p}" + (", from one split only" if seeds == 1 else "")
