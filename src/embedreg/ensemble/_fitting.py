"""One fit of an ensemble: members are judged on the same folds, and those chosen are fitted to all rows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from embedreg.core.progress import progress_bar
from embedreg.ensemble._combination import (
    Combination,
    FittedMember,
    Rows,
    Unlike,
    choose_weights,
    errors_of,
    fit_member,
    held_out_means,
    member_scores,
)
from embedreg.ensemble._explanation import Explanation
from embedreg.ensemble._folds import grouped_folds, input_groups
from embedreg.ensemble._novelty import Novelty
from embedreg.ensemble._representations import REPRESENTATIONS
from embedreg.ensemble._target import NormalScores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.ensemble._context import Context
    from embedreg.ensemble._members import Member
    from embedreg.ensemble._representations import MemberInput
    from embedreg.ensemble._tabular_inputs import Features

FEATURES: Final = "features"
"""The representation by which rows are near or far."""

FOLDS: Final = {"fast": 5, "balanced": 5, "best": 10}
_RANKS: Final = "feature ranks"
_FEWEST_FITTED: Final = 2  # rows outside a fold


class Fitting:
    """One fit under way: what its targets share.

    Parameters
    ----------
    context
        What the user chose that representations take; its seed is that of folds and members.
    effort
        Which decides the number of folds.
    members
        To be judged.
    records
        n mappings or texts.
    inputs
        The number of each record's input, shape (n,); equal ones have the same.
    judged
        Positions of the records that members are judged on.

    Attributes
    ----------
    left_out : dict
        Why members are not judged after all, by name.
    fitted : dict
        The representations that were needed, learnt from all records.
    """

    def __init__(
        self,
        context: Context,
        effort: str,
        members: list[Member],
        records: Sequence[Record],
        inputs: NDArray[np.intp],
        judged: NDArray[np.intp],
    ) -> None:
        self._effort = effort
        self._records = records
        self._context = context
        self._judged = judged
        self._seed = context.random_state
        self._vectors: dict[tuple[str, bool], Array] = {}
        self._novelty: Novelty | None = None
        self.fitted: dict[str, MemberInput] = {}
        for name in dict.fromkeys(member.representation for member in members):
            if REPRESENTATIONS[name].reads_texts:  # what is wrong with a text or the model is said at once
                self._learn(name)
        self._context = context.of_fit(records)  # features of long texts take their time
        near_by = (self._vectors_of(name, everything=True) for name in (_RANKS, FEATURES))
        groups = input_groups(inputs, *near_by)
        self._groups = groups[judged]
        reasons = {member: self._why_not(member) for member in members}
        self.left_out = {member.name: reason for member, reason in reasons.items() if reason is not None}
        self._members = [member for member, reason in reasons.items() if reason is None]
        self._judged_folds = self._folds(self._groups)
        everything = len(judged) == len(records)
        self._all_folds = self._judged_folds if everything else self._folds(groups)

    def _why_not(self, member: Member) -> str | None:
        width = self._vectors_of(_RANKS, everything=False).shape[1]
        if member.most_columns is not None and width > member.most_columns:
            return f"more than {member.most_columns} features"
        return REPRESENTATIONS[member.representation].why_not_with(self._context.features(self._records))

    def novelty(self) -> Novelty:
        """Return how far a row is from the training rows, which is the same for all targets."""
        if self._novelty is None:
            self._novelty = Novelty.learn(self._vectors_of(FEATURES, everything=True), self._all_folds)
        return self._novelty

    def target(
        self, y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> tuple[Combination, Explanation]:
        """Choose members on the judged rows, and fit those chosen to all rows."""
        scale = NormalScores.learn(y)
        judged = Rows(
            y[self._judged], self._judged_folds, None if weight is None else weight[self._judged], self._seed
        )
        fitted = self._fit(self._members, judged, scale, everything=False)
        weights = choose_weights(fitted, judged, scale)
        scores = member_scores(fitted, weights, judged, scale)
        rows = judged
        held_out = held_out_means(fitted, judged, scale)
        if len(self._judged) < len(self._records):
            chosen = [member.member for member, w in zip(fitted, weights, strict=True) if w > 0]
            rows = Rows(y, self._all_folds, weight, self._seed)
            fitted, weights = self._fit(chosen, rows, scale, everything=True), weights[weights > 0]
            held_out = np.column_stack([member.out_of_fold for member in fitted]) @ weights
        combination = Combination.of(fitted, weights, held_out, rows, scale, self._unlike)
        explanation = Explanation(
            self._effort,
            len(self._records),
            rows.count,
            len(self._judged),
            len(np.unique(self._groups)),
            *errors_of(combination.of_scores(held_out), rows),
            members=sorted(scores, key=lambda score: -score.weight),
        )
        return combination, explanation

    @functools.cached_property
    def _unlike(self) -> Unlike:
        """How unlike each row is to those of other folds."""
        vectors = self._vectors_of(FEATURES, everything=True)
        novelty = self.novelty().of_training(vectors, self._all_folds)
        features = cast("Features", self.fitted[FEATURES])
        return Unlike(novelty, features.lacking(self._records, held_out=True))

    def _folds(self, groups: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return folds of whole groups; of single rows where groups are so few that new rows will be in them again."""
        count, distinct = FOLDS[self._effort], len(np.unique(groups))
        folds = grouped_folds(groups, count, self._seed)
        few = distinct < 2 * count and 2 * distinct <= len(groups)
        if few or len(folds) - np.bincount(folds).max() < _FEWEST_FITTED:
            return grouped_folds(np.arange(len(groups)), count, self._seed)
        return folds

    def _fit(
        self, members: Sequence[Member], rows: Rows, scale: NormalScores, *, everything: bool
    ) -> list[FittedMember]:
        fitted = []
        with progress_bar(len(members), "fitting members", "member") as bar:
            for member in members:
                vectors = self._vectors_of(member.representation, everything=everything)
                fitted.append(fit_member(member, vectors, rows, scale))
                bar.update()
        return fitted

    def _vectors_of(self, name: str, *, everything: bool) -> Array:
        """Return the vectors of the judged rows, or of all, computed once."""
        everything = everything or len(self._judged) == len(self._records)
        self._learn(name)
        if (name, everything) not in self._vectors:
            rows = range(len(self._records)) if everything else self._judged
            self._vectors[name, everything] = self.fitted[name].transform([self._records[i] for i in rows])
        return self._vectors[name, everything]

    def _learn(self, name: str) -> None:
        """Learn a representation from all records, once."""
        if name not in self.fitted:
            way = REPRESENTATIONS[name].cls
            self.fitted[name] = way.learn(self._records, self._context)
