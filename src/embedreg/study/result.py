"""What a comparison found, as plain data, from which the table, the JSON and the report are made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95% bootstrap interval, which resamples seeds and their test rows.

    Attributes
    ----------
    mean, low, high
        In the unit of what is measured.
    per_seed
        One value a seed, in the order of the seeds.
    """

    mean: float
    low: float
    high: float
    per_seed: list[float]


@dataclass(frozen=True)
class Difference:
    """A method's Kendall tau less that of the best traditional method, on the same test rows.

    Attributes
    ----------
    against
        Name of the best traditional method.
    mean, low, high
        Mean over seeds and its 95% interval from the paired bootstrap.
    p
        Two-sided p value of the corrected resampled t-test (Nadeau and Bengio, 2003) over the seeds'
        differences; with a single seed, from the paired bootstrap.
    p_adjusted
        `p` after Holm's correction for the number of methods compared.
    """

    against: str
    mean: float
    low: float
    high: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class MethodResult:
    """One representation with one head, or the combination of both representations.

    Attributes
    ----------
    name
        As in the tables, e.g. "embedding + ridge".
    representation
        "embedding", "tabular", "both" or "none".
    head
        "mlp", "ridge", "xgboost", "combination" or "mean".
    dimension
        Length of the vectors the head saw, mean over seeds rounded; 0 if there is no one vector.
    metrics
        By metric name.
    difference
        None for the best traditional method itself and for the mean of y.
    chosen
        The head's configuration for each seed, as chosen on training and validation rows. Of the combination:
        effort, folds, the Kendall tau of its out-of-fold predictions, and its members with name, kind
        ("tabular" or "embedding"), representation, head, weight and out-of-fold Kendall tau, the heaviest first.
    seconds
        Wall time of all its fits and predictions together; of the combination, with its own representations.
    """

    name: str
    representation: str
    head: str
    dimension: int
    metrics: dict[str, Interval]
    difference: Difference | None
    chosen: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class SmoothnessResult:
    """How rough the target is over one representation: its NLFD on training rows.

    Attributes
    ----------
    mean, deviation
        Of the Lipschitz factors over all seeds' training rows.
    factors
        The factors of the first seed's training rows, at most 2,000 of them, for drawing.
    without_factor
        How many training rows have no factor (first seed): none, or all if all their vectors are equal.
    repeated
        How many training rows have a vector that another training row has too (first seed). Such a row takes
        its neighbour elsewhere; what the target does between equal vectors is in no factor.
    """

    mean: float
    deviation: float
    factors: list[float]
    without_factor: int
    repeated: int = 0


@dataclass(frozen=True)
class Comparison:
    """All that `embedreg compare` found.

    Attributes
    ----------
    data
        path, sha256, rows (in the file), rows_used, target, input (how a record is made), distinct_inputs,
        fields, target_summary (mean, deviation, minimum, median, maximum, distinct), example_text (the first
        record's text, cut at 600 characters for showing).
    settings
        Everything needed to repeat it: command, model, model_sha256, serializer, numbers, pooling, layers,
        seeds, max_rows, split, target_transform, bootstrap, combination, versions.
    methods
        Best first, by mean Kendall tau.
    best_embedding, best_tabular
        Names in `methods`.
    verdict
        One sentence: which won, and whether the difference could be chance.
    smoothness
        By representation.
    smoothness_gap
        Z = (mu_tabular - mu_embedding) / sqrt(var_tabular + var_embedding); positive when the embedding is
        smoother. Mean over seeds.
    smoothness_sentence
        What that says, in words.
    predictions
        For the first seed's test rows: row (index in the file), y, and the predictions by method name.
    seconds
        By stage: features, embedding, heads, combination, smoothness, total.
    warnings
        What the user should know of: inputs that repeat, a combination that was left out, and the like.
    combination_sentence
        What both representations together reach; "" if that was left out.
    """

    data: dict[str, Any]
    settings: dict[str, Any]
    methods: list[MethodResult]
    best_embedding: str
    best_tabular: str
    verdict: str
    smoothness: dict[str, SmoothnessResult]
    smoothness_gap: float
    smoothness_sentence: str
    predictions: dict[str, list[float]]
    seconds: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    combination_sentence: str = ""

    def method(self, name: str) -> MethodResult:
        """Return the method of that name."""
        return next(m for m in self.methods if m.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, with the schema version."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}
