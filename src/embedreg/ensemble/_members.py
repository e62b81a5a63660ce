"""What an ensemble is made of: pairs of a representation and a head, and the effort from which they take part.

docs/experiments.md says what each of them gave.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sklearn.utils.validation import has_fit_parameter

from embedreg.core.errors import unknown_name
from embedreg.ensemble._representations import REPRESENTATIONS
from embedreg.heads import HEADS

if TYPE_CHECKING:
    from embedreg.heads import Head

EFFORTS: Final = ("fast", "balanced", "best")
KINDS: Final = ("tabular", "embedding")


@dataclass(frozen=True)
class Member:
    """A representation and a head.

    Attributes
    ----------
    name
        As in tables.
    representation
        A name in `REPRESENTATIONS`.
    head
        A name in `embedreg.heads.HEADS`.
    effort
        The least effort that it takes part in.
    settings
        The head's parameters that differ from its defaults.
    wide_settings
        Widths, and the parameters that are others where the representation has more columns than that.
    learns
        "scores", the normal scores of the target; "ranks", the target's ranks; or "plain", the target itself.
    most_rows
        It is left out where there are more training rows.
    most_columns
        It is left out where the records have more traditional features.
    """

    name: str
    representation: str
    head: str
    effort: str = "fast"
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    wide_settings: tuple[tuple[int, dict[str, Any]], ...] = field(default=(), hash=False)
    learns: str = "scores"
    most_rows: int | None = None
    most_columns: int | None = None

    @property
    def kind(self) -> str:
        """Return "tabular" or "embedding"."""
        return REPRESENTATIONS[self.representation].kind

    @property
    def takes_weights(self) -> bool:
        """Whether its head weighs rows."""
        return bool(has_fit_parameter(HEADS[self.head], "sample_weight"))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, from which `Member(**saved)` makes it again."""
        return asdict(self)

    def make(self, random_state: int, columns: int) -> Head:
        """Return its unfitted head, for vectors of so many columns."""
        settings = dict(self.settings)
        for width, others in self.wide_settings:
            settings |= others if columns > width else {}
        head = HEADS[self.head](**settings)
        return head.set_params(random_state=random_state) if "random_state" in head.get_params() else head


_BOOSTING: Final = {"early_stopping_rounds": None, "max_rounds": 300, "max_bin": 256}
# What it saves and costs above 100 columns is in docs/results.md, from benchmarks/tree_settings.py.
_OF_MANY_COLUMNS: Final = ((30, {"max_bin": 64}), (100, {"max_bin": 32}), (400, {"max_depth": 3}))
_LEAF_BY_LEAF: Final = _BOOSTING | {
    "max_bin": 64,
    "max_depth": 0,
    "max_leaves": 15,
    "min_child_weight": 5,
    "reg_lambda": 0.0,
    "subsample": 1.0,
}
_SLOW_BOOSTING: Final = _BOOSTING | {"max_rounds": 1000, "learning_rate": 0.02, "colsample_bytree": 0.5}
_TREES: Final = {"n_trees": 100}  # a fold
_TOGETHER: Final = {"scaling": "together"}
_MOST_KERNEL: Final = 2000  # rows: a Gaussian process takes time in their cube
_MOST_FURTHER_KERNELS: Final = 1000  # for kernels on what another kernel reads already, or nearly so

MEMBERS: Final = (
    Member(
        "boosted trees",
        "features",
        "xgboost",
        settings=_BOOSTING,
        wide_settings=_OF_MANY_COLUMNS,
    ),
    Member(
        "boosted trees, plain target",
        "features",
        "xgboost",
        settings=_BOOSTING,
        wide_settings=_OF_MANY_COLUMNS,
        learns="plain",
        most_columns=60,
    ),
    Member("extra trees", "features", "extra_trees", settings=_TREES, most_rows=20_000),
    Member("ridge on features", "features", "ridge", settings=_TOGETHER),
    Member("ridge on features, plain target", "features", "ridge", settings=_TOGETHER, learns="plain"),
    Member("ridge on splines", "splines", "ridge", most_columns=300),
    Member("ridge on splines, plain target", "splines", "ridge", learns="plain", most_columns=300),
    Member(
        "ridge on splines and products", "splines and products", "ridge", most_rows=20_000, most_columns=60
    ),
    Member(
        "ridge on splines and products, plain target",
        "splines and products",
        "ridge",
        learns="plain",
        most_rows=20_000,
        most_columns=60,
    ),
    Member("ridge on ranks and pooled fields", "ranks and pooled fields", "ridge"),
    Member("gaussian process", "feature ranks", "gp", most_rows=_MOST_KERNEL),
    Member(
        "gaussian process, a length scale each",
        "feature ranks",
        "gp",
        settings={"length_scales": "each"},
        most_rows=_MOST_KERNEL,
        most_columns=100,
    ),
    Member(
        "gaussian process on ranks and pooled fields, a length scale each",
        "ranks and pooled fields",
        "gp",
        settings={"length_scales": "each"},
        most_rows=_MOST_KERNEL,
        most_columns=100,
    ),
    Member(
        "gaussian process on ranks and pooled fields",
        "ranks and pooled fields",
        "gp",
        "balanced",
        most_rows=_MOST_FURTHER_KERNELS,
    ),
    Member(
        "gaussian process on pooled fields",
        "pooled fields",
        "gp",
        "balanced",
        most_rows=_MOST_FURTHER_KERNELS,
    ),
    Member(
        "gaussian process on features",
        "features",
        "gp",
        "balanced",
        settings=_TOGETHER,
        most_rows=_MOST_FURTHER_KERNELS,
    ),
    Member(
        "gaussian process, plain target",
        "feature ranks",
        "gp",
        "balanced",
        learns="plain",
        most_rows=_MOST_FURTHER_KERNELS,
    ),
    Member("ridge on n-grams", "n-grams", "ridge", settings=_TOGETHER, most_rows=20_000),
    Member("gaussian process on n-grams", "n-grams", "gp", settings=_TOGETHER, most_rows=_MOST_KERNEL),
    Member("ridge on fields", "fields", "ridge", settings=_TOGETHER, most_rows=20_000),
    Member(
        "gaussian process on features and fields",
        "features and fields",
        "gp",
        settings=_TOGETHER,
        most_rows=_MOST_KERNEL,
    ),
    Member(
        "boosted trees on features and fields",
        "features and fields",
        "xgboost",
        settings=_BOOSTING | {"colsample_bytree": 0.3},
        wide_settings=_OF_MANY_COLUMNS,
    ),
    Member(
        "extra trees on features and fields",
        "features and fields",
        "extra_trees",
        settings=_TREES,
        most_rows=20_000,
    ),
    Member(
        "boosted shallow trees",
        "features",
        "xgboost",
        "balanced",
        settings=_BOOSTING | {"max_rounds": 500, "max_depth": 3},
        wide_settings=_OF_MANY_COLUMNS,
    ),
    Member(
        "boosted trees, leaf by leaf",
        "features",
        "xgboost",
        "balanced",
        settings=_LEAF_BY_LEAF,
        most_columns=100,
    ),
    Member(
        "boosted trees, ranks of the target",
        "features",
        "xgboost",
        "balanced",
        settings=_BOOSTING,
        wide_settings=_OF_MANY_COLUMNS,
        learns="ranks",
    ),
    Member(
        "extra trees, ranks of the target",
        "features",
        "extra_trees",
        "balanced",
        settings=_TREES,
        learns="ranks",
        most_rows=20_000,
    ),
    Member(
        "gaussian process, a length scale each, ranks of the target",
        "feature ranks",
        "gp",
        "balanced",
        settings={"length_scales": "each"},
        learns="ranks",
        most_rows=_MOST_KERNEL,
        most_columns=100,
    ),
    Member("ridge on text", "text", "ridge", "best", settings=_TOGETHER),
    Member("ridge on text of ranks", "text of ranks", "ridge", "best", settings=_TOGETHER),
    Member(
        "slowly boosted trees",
        "features",
        "xgboost",
        "best",
        settings=_SLOW_BOOSTING,
        wide_settings=_OF_MANY_COLUMNS,
    ),
)
"""Every member there is. A new one is a line here."""


def members_of(effort: str, kinds: tuple[str, ...] = KINDS) -> list[Member]:
    """Return the members of an effort, which are also those of every lesser one.

    Raises
    ------
    UsageError
        If there is no such effort.

    Examples
    --------
    >>> len(members_of("fast")) < len(members_of("best"))
    True
    """
    if effort not in EFFORTS:
        raise unknown_name("effort", effort, EFFORTS)
    allowed = EFFORTS[: EFFORTS.index(effort) + 1]
    return [member for member in MEMBERS if member.effort in allowed and member.kind in kinds]
