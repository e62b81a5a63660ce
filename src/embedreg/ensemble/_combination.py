"""Members fitted to one target on the same folds, their weights, and the distribution of their mean's errors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import kendalltau

from embedreg.core.protocols import SavedState
from embedreg.ensemble._explanation import MemberScore
from embedreg.ensemble._members import Member
from embedreg.ensemble._predictive import Predictive, size_of
from embedreg.ensemble._selection import greedy_weights
from embedreg.ensemble._smearing import learn_offsets, smeared
from embedreg.ensemble._target import NormalScores
from embedreg.heads import Problem, fit_many, head_from_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.heads import Head

_BEYOND: Final = 1.0  # how far beyond the training targets' scores a member may predict
_FAR_BEYOND: Final = 10.0  # how far beyond them what it would have predicted counts as uncertainty
_DRAWN: Final = 4  # models in a function: it is half as far from the mean of all as one of them


@dataclass(frozen=True, eq=False)
class Rows:
    """Training rows of one target.

    Attributes
    ----------
    y
        Targets, shape (n,).
    folds
        The fold of each row, shape (n,).
    weight
        Of each row, shape (n,), or None.
    seed
        Of members that are random.
    """

    y: NDArray[np.float64]
    folds: NDArray[np.intp]
    weight: NDArray[np.float64] | None
    seed: int

    @property
    def count(self) -> int:
        """How many folds."""
        return int(self.folds.max()) + 1


@dataclass(frozen=True, eq=False)
class FittedMember:
    """A member with a head for each fold, fitted to the other folds' rows.

    Attributes
    ----------
    member
        What was fitted.
    heads
        One a fold.
    out_of_fold
        The scores that it predicts for the training rows, each by the head that did not see it, shape (n,).
    seconds
        What fitting took.
    """

    member: Member
    heads: list[Head]
    out_of_fold: NDArray[np.float64]
    seconds: float


def fit_member(member: Member, vectors: Array, rows: Rows, scale: NormalScores) -> FittedMember:
    """Fit a member's heads, one for each fold that is left out."""
    started = time.monotonic()
    target = scale.to_learn(rows.y, member.learns)
    head = member.make(rows.seed, vectors.shape[1])
    problems = [
        Problem(
            vectors[others],
            target[others],
            random_state=rows.seed,
            weight=None if rows.weight is None else rows.weight[others],
        )
        for others in (rows.folds != fold for fold in range(rows.count))
    ]
    heads = fit_many(head, problems, description=f"fitting {member.name}")
    out_of_fold = np.empty(len(target))
    for fold, fitted in enumerate(heads):
        own = rows.folds == fold
        out_of_fold[own] = _scores(member, fitted.predict(vectors[own]), scale)
    return FittedMember(member, heads, out_of_fold, time.monotonic() - started)


def _scores(
    member: Member, predictions: NDArray[np.float64], scale: NormalScores, beyond: float = _BEYOND
) -> NDArray[np.float64]:
    """Return a head's predictions as normal scores, within reach of the training targets'."""
    scores = scale.of_learnt(predictions, member.learns)
    return np.clip(scores, scale.scores[0] - beyond, scale.scores[-1] + beyond)


@dataclass(frozen=True, eq=False)
class Unlike:
    """In what rows are unlike the training rows.

    Attributes
    ----------
    novelty
        How far each row is from what the models of each fold have seen, shape (folds, n); shape (n,) for training rows, each
        of which one fold's models have not seen.
    lacking
        Which rows lack what nearly each training row had, shape (n,). How much that matters is hardly known: they may have
        any training target.
    """

    novelty: NDArray[np.float64]
    lacking: NDArray[np.bool_]

    def widen(self, spreads: NDArray[np.float64], floor: float, of_all: float) -> NDArray[np.float64]:
        """Return the members' spreads, of the novelty's shape, with what is unlike about the rows in them.

        Novelty counts in units of `floor`, what is lacking as `of_all`, the spread of all targets.
        """
        return np.asarray(np.hypot(np.hypot(spreads, floor * self.novelty), of_all * self.lacking))


@dataclass(frozen=True, eq=False)
class Combination:
    """The weighted mean of members, and what its out-of-fold errors say of new rows.

    Attributes
    ----------
    scale
        Between targets and the scores that members predict.
    members
        Those with a weight.
    heads
        One a fold for each of them.
    weights
        Of each, shape (members,); their sum is 1.
    predictive
        The distribution of new targets around the mean.
    offsets
        Scores around the mean over which a prediction averages, shape (q,); see `smeared`.
    """

    scale: NormalScores
    members: list[Member]
    heads: list[list[Head]]
    weights: NDArray[np.float64]
    predictive: Predictive
    offsets: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        fitted: Sequence[FittedMember],
        weights: NDArray[np.float64],
        held_out: NDArray[np.float64],
        rows: Rows,
        scale: NormalScores,
        unlike: Unlike,
    ) -> Combination:
        """Keep the members that have a weight, and learn from the errors of the `held_out` scores of rows, shape (n,).

        How large they may be depends on what is unlike about each row.
        """
        kept = [(member, float(weight)) for member, weight in zip(fitted, weights, strict=True) if weight > 0]
        out_of_fold = np.column_stack([member.out_of_fold for member, _ in kept])
        own = np.array([weight for _, weight in kept])
        center = out_of_fold @ own
        spread = _spread(out_of_fold, center, own)
        residuals = scale.transform(rows.y) - held_out
        return cls(
            scale,
            [f.member for f, _ in kept],
            [f.heads for f, _ in kept],
            own,
            Predictive.learn(
                residuals, unlike.widen(spread, size_of(residuals), size_of(scale.scores)), rows.folds
            ),
            learn_offsets(held_out, rows.y, scale, rows.weight),
        )

    def predict(self, vectors: Mapping[str, Array]) -> NDArray[np.float64]:
        """Return the targets that the mean over members and folds stands for, shape (n,)."""
        return self.of_scores(self._by_fold(vectors)[0].mean(axis=0))

    def of_scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is predicted where the members' mean is `scores`, both of shape (n,)."""
        return smeared(scores, self.offsets, self.scale)

    def quantiles(
        self, vectors: Mapping[str, Array], unlike: Unlike, levels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return quantiles of new targets, shape (n, levels)."""
        return self.scale.inverse(self.predictive.quantiles(*self._around(vectors, unlike), levels))

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return which columns of `models` make each function, drawn by their members' weights, shape (count, models)."""
        folds = len(self.heads[0])
        chances = np.repeat(self.weights, folds)
        drawn = rng.choice(len(chances), (count, _DRAWN), p=chances / chances.sum())
        return np.asarray(drawn, dtype=np.intp)

    def models(self, vectors: Mapping[str, Array]) -> NDArray[np.float64]:
        """Return what each member's model of each fold predicts, in scores, shape (n, members x folds)."""
        predicted = [
            _scores(member, head.predict(vectors[member.representation]), self.scale)
            for member, heads in zip(self.members, self.heads, strict=True)
            for head in heads
        ]
        return np.column_stack(predicted)

    def functions(self, models: NDArray[np.float64], drawn: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what functions say of rows: the mean of the models drawn for each, as targets, shape (n, count)."""
        return self.scale.inverse(models[:, drawn].mean(axis=2))

    def _around(
        self, vectors: Mapping[str, Array], unlike: Unlike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the folds' mean, and how difficult rows are by the members' spread and what is unusual about them."""
        centers, spreads = self._by_fold(vectors)
        of_all = size_of(self.scale.scores) / size_of(self.predictive.residuals)  # which are multiplied by it
        return self.predictive.for_mean(centers, unlike.widen(spreads, self.predictive.floor, of_all))

    def _by_fold(self, vectors: Mapping[str, Array]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each fold's mean and the members' spread around it, in scores, both (folds, n).

        What a member would have predicted beyond its reach is in the spread, though not in the mean.
        """
        centers, spreads = [], []
        for fold in range(len(self.heads[0])):
            predicted = [
                (member, heads[fold].predict(vectors[member.representation]))
                for member, heads in zip(self.members, self.heads, strict=True)
            ]
            bounded = np.column_stack([_scores(member, found, self.scale) for member, found in predicted])
            free = np.column_stack(
                [_scores(member, found, self.scale, _FAR_BEYOND) for member, found in predicted]
            )
            centers.append(bounded @ self.weights)
            spreads.append(_spread(free, centers[-1], self.weights))
        return np.array(centers), np.array(spreads)

    def state(self) -> list[SavedState]:
        """Return what it has learnt: its own part first, then every head's."""
        config = {
            "scale": self.scale.to_json(),
            "members": [member.to_json() for member in self.members],
            "folds": len(self.heads[0]),
            "weights": self.weights.tolist(),
        }
        own = SavedState(config, self.predictive.arrays() | {"offsets": self.offsets})
        return [own, *(head.state() for heads in self.heads for head in heads)]

    @classmethod
    def from_state(cls, states: Sequence[SavedState]) -> Combination:
        """Return the combination whose `state()` this is."""
        own, *heads = states
        config = own.config
        fitted = [head_from_state(state) for state in heads]
        folds = config["folds"]
        return cls(
            NormalScores.from_json(config["scale"]),
            [Member(**saved) for saved in config["members"]],
            [fitted[start : start + folds] for start in range(0, len(fitted), folds)],
            np.array(config["weights"]),
            Predictive.from_arrays(own.arrays),
            own.arrays["offsets"],
        )


def _spread(
    predicted: NDArray[np.float64], center: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the deviation of members (n, members) around the center (n,)."""
    return np.asarray(np.sqrt((predicted - center[:, None]) ** 2 @ weights))


def choose_weights(fitted: Sequence[FittedMember], rows: Rows, scale: NormalScores) -> NDArray[np.float64]:
    """Return the weights that members earn by their out-of-fold scores."""
    predictions = np.column_stack([member.out_of_fold for member in fitted])
    return greedy_weights(predictions, scale.transform(rows.y), rows.weight)


def held_out_means(fitted: Sequence[FittedMember], rows: Rows, scale: NormalScores) -> NDArray[np.float64]:
    """Return the members' mean at each row, shape (n,), by models and weights that did not see the row's fold.

    Weights that saw it would have been chosen for its errors: with few rows and many members these look too small.
    """
    predictions = np.column_stack([member.out_of_fold for member in fitted])
    target = scale.transform(rows.y)
    means = np.empty(len(target))
    for fold in range(rows.count):
        own, others = rows.folds == fold, rows.folds != fold
        weight = None if rows.weight is None else rows.weight[others]
        means[own] = predictions[own] @ greedy_weights(predictions[others], target[others], weight)
    return means


def member_scores(
    fitted: Sequence[FittedMember], weights: NDArray[np.float64], rows: Rows, scale: NormalScores
) -> list[MemberScore]:
    """Return what each member was judged by."""
    return [
        MemberScore(
            member.member.name,
            member.member.representation,
            member.member.head,
            *errors_of(scale.inverse(member.out_of_fold), rows),
            weight=float(weight),
            seconds=member.seconds,
        )
        for member, weight in zip(fitted, weights, strict=True)
    ]


def errors_of(predicted: NDArray[np.float64], rows: Rows) -> tuple[float, float]:
    """Return Kendall tau and the root mean squared error, in the target's unit, of out-of-fold predictions (n,)."""
    tau = float(kendalltau(rows.y, predicted).statistic)
    error = np.average((predicted - rows.y) ** 2, weights=rows.weight)
    return (0.0 if np.isnan(tau) else tau), float(np.sqrt(error))
