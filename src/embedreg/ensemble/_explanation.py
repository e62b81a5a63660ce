"""What an ensemble tried, what it chose, and what error to expect."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

_MEAN: Final = "their weighted mean"


@dataclass(frozen=True)
class MemberScore:
    """A member, judged on rows that it had not seen.

    Attributes
    ----------
    name, representation, head
        What it is.
    kendall_tau
        Of its out-of-fold predictions.
    rmse
        Root mean squared error of them, in the unit of the target.
    weight
        Its share of the prediction; 0 if it was not chosen.
    seconds
        What fitting it took.
    """

    name: str
    representation: str
    head: str
    kendall_tau: float
    rmse: float
    weight: float
    seconds: float


@dataclass(frozen=True)
class Explanation:
    """What an ensemble tried, what it chose, and what error to expect.

    Attributes
    ----------
    effort
        How much was tried.
    rows, folds
        Training rows, and the folds on which all members were judged.
    judged_on
        How many of the rows members were chosen on.
    groups
        How many groups of equal or nearly equal inputs the rows are; a group is in one fold.
    kendall_tau, rmse
        Of the combination's predictions of each fold by models and weights that had not seen it: what to expect on new rows
        like these.
    members
        Every member that was tried, the heaviest first.
    left_out
        Members that were not tried, and fields whose texts no member reads as language, and why.
    """

    effort: str
    rows: int
    folds: int
    judged_on: int
    groups: int
    kendall_tau: float
    rmse: float
    members: list[MemberScore]
    left_out: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Explanation:
        """Return what `to_json` saved."""
        return cls(**{**saved, "members": [MemberScore(**member) for member in saved["members"]]})

    def __str__(self) -> str:
        width = max(len(name) for name in (_MEAN, *(member.name for member in self.members)))
        lines = [
            f"{'member':{width}}  weight  Kendall tau      RMSE  seconds",
            *(
                f"{m.name:{width}}  {m.weight:6.2f}  {m.kendall_tau:11.3f}  {m.rmse:8.4g}  {m.seconds:7.1f}"
                for m in self.members
            ),
            f"{_MEAN:{width}}  {1:6.2f}  {self.kendall_tau:11.3f}  {self.rmse:8.4g}",
            f"out of fold: {self.folds} folds of {self.judged_on} rows in {self.groups} groups of like inputs",
        ]
        return "\n".join(lines + [f"not tried: {name} ({why})" for name, why in self.left_out.items()])
