"""Results that take the model apart: size, forward pass and training, pooling, and the head."""

from __future__ import annotations

import itertools
from typing import Final

from embedreg.study.findings._finding import (
    INCONCLUSIVE,
    Chart,
    Finding,
    StudyData,
    labelled,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate

_GROUPS: Final = ("bbob", "init2winit", "l2da", "automl", "xla")
_RECIPES: Final = (
    ("minilm", "mpnet"),
    ("smollm2, 8 layers", "smollm2, 16 layers", "smollm2"),
    ("t5-small", "t5-base", "t5-large", "t5-xl", "t5-xxl"),
)
Line = list[tuple[float | str, Estimate]]


def _differences(
    data: StudyData, one: dict[str, str], other: dict[str, str], groups: tuple[str, ...] = _GROUPS
) -> Line:
    """Return the difference in tau of two methods in each group of tasks that has both, at one number of rows."""
    return [
        (labelled(group, data.number_of_rows(one, other, suite=group)), found)
        for group in groups
        if (found := data.difference(one, other, suite=group)) is not None
    ]


def _finding(
    number: int,
    title: str,
    paper: str,
    rule: str,
    parts: dict[str, Line],
    *,
    beside: dict[str, Line] | None = None,
    all_needed: bool = False,
) -> Finding:
    """Return a finding whose verdict is that of differences, each of which the paper expects above 0.

    If all parts are needed and one was not run, the verdict is no more than inconclusive. Lines beside them are
    shown and have no say.
    """
    missing = all_needed and any(not line for line in parts.values())
    verdicts = [verdict_on(value) for line in parts.values() for _, value in line]
    parts = {name: line for name, line in (parts | (beside or {})).items() if line}
    if missing and verdicts:
        verdicts.append(INCONCLUSIVE)
    return Finding(
        number,
        title,
        paper,
        rule,
        overall(verdicts),
        "; ".join(f"{name}: " + ", ".join(f"{x} {shown(v)}" for x, v in line) for name, line in parts.items())
        or "it was not run",
        ["difference in Kendall tau", "tasks of", "mean and 95% interval", "tasks"],
        [[name, x, shown(value), value.tasks] for name, line in parts.items() for x, value in line],
        Chart("tasks", "difference in Kendall tau", parts) if parts else None,
    )


def size(data: StudyData) -> Finding:
    """Return result 5: larger models of one recipe."""

    def steps(*, untrained: bool) -> dict[str, Line]:
        ending, copies = (", random", ", random copies") if untrained else ("", "")
        return {
            f"{larger} less {smaller}{copies}": _differences(
                data,
                {"representation": larger + ending, "head": "ridge"},
                {"representation": smaller + ending, "head": "ridge"},
            )
            for recipe in _RECIPES
            for smaller, larger in itertools.pairwise(recipe)
        }

    return _finding(
        5,
        "Size of the model",
        "With one training recipe (T5), larger models are better; over several recipes (Gemini) not reliably.",
        "Every interval of a larger model less the next smaller one of its recipe is above 0 (ridge). Recipes: mpnet (109M) and "
        "minilm (23M), fine-tuned alike; SmolLM2 cut after 8 and 16 of its 30 layers; T5 itself where its weights are here. "
        "This is not T5's ladder of five sizes by one recipe: it is one pair of sizes, and one model cut at three depths. "
        "Copies with random weights show what size gives without training; they have no say in the verdict.",
        steps(untrained=False),
        beside=steps(untrained=True),
    )


def forward_pass(data: StudyData) -> Finding:
    """Return result 6: the pre-trained forward pass against random weights and the vocabulary alone."""
    return _finding(
        6,
        "Forward pass and pre-training",
        "The pre-trained forward pass is generally best: clearly on Init2Winit and XLA, minimally on AutoML and L2DA.",
        "Every interval of the pre-trained model less its random or vocabulary-only copy (same head, the MLP) is above 0.",
        {
            f"{model}, less {copy}": _differences(
                data,
                {"representation": model, "head": "mlp"},
                {"representation": f"{model}, {copy}", "head": "mlp"},
            )
            for model in dict.fromkeys((data.subject, "smollm2"))
            for copy in ("random", "vocabulary")
        },
    )


def pooling(data: StudyData) -> Finding:
    """Return result 9: average against max and last token."""
    return _finding(
        9,
        "Pooling",
        "The average is best, the maximum slightly behind, the last token worst.",
        "The intervals of the mean less the maximum, and of the maximum less the last token, are above 0 (ridge).",
        {
            "mean less max": _differences(
                data,
                {"representation": data.subject, "head": "ridge"},
                {"representation": f"{data.subject}, max", "head": "ridge"},
            ),
            "max less last token": _differences(
                data,
                {"representation": f"{data.subject}, max", "head": "ridge"},
                {"representation": f"{data.subject}, last token", "head": "ridge"},
            ),
        },
        all_needed=True,
    )


def head(data: StudyData) -> Finding:
    """Return result 10: which head suits which representation."""

    def less(representation: str, one: str, other: str) -> Line:
        return _differences(
            data,
            {"representation": representation, "head": one},
            {"representation": representation, "head": other},
        )

    return _finding(
        10,
        "The head",
        "On traditional features XGBoost beats the MLP; on embeddings the MLP beats XGBoost.",
        "The interval of each difference is above 0 in every group of tasks.",
        {
            "traditional: XGBoost less MLP": less("traditional", "xgboost", "mlp"),
            "embedding: MLP less XGBoost": less(data.subject, "mlp", "xgboost"),
        },
        all_needed=True,
    )


def formats_and_layers(data: StudyData) -> Finding:
    """Return result 13: two choices that the paper leaves open, how numbers are written and which layers are read."""
    plain = {"representation": data.subject, "head": "ridge"}
    return _finding(
        13,
        "Number format and layers",
        "It names number formats as an open question, and reads the last layer alone.",
        "What is held against the numbers is a guess of ours: numbers cut to two decimals, and all layers side by side, are "
        "better than four digits and the last layer. Every interval of the difference (ridge) is above 0.",
        {
            f"{name} less {data.subject} as it is": _differences(
                data, {"representation": f"{data.subject}, {name}", "head": "ridge"}, plain
            )
            for name in ("2 decimals", "all layers")
        },
        all_needed=True,
    )
