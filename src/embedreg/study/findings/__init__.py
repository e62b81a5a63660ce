"""What a study says about each published result. A new one is a function and a line in `FINDINGS`."""

from __future__ import annotations

from typing import Final

from embedreg.study.findings import _ablations, _bbob, _distance, _families, _smoothness
from embedreg.study.findings._finding import VERDICTS, Chart, Finding, Part, StudyData

FINDINGS: Final = (
    _bbob.dimension,
    _families.wins,
    _smoothness.functions,
    _distance.distance,
    _ablations.size,
    _ablations.forward_pass,
    _families.names,
    _families.amount,
    _ablations.pooling,
    _ablations.head,
    _smoothness.real_tasks,
    _smoothness.choice,
    _ablations.formats_and_layers,
    _bbob.optimum,
)

__all__ = ["FINDINGS", "VERDICTS", "Chart", "Finding", "Part", "StudyData", "findings"]


def findings(data: StudyData) -> list[Finding]:
    """Return every result, in the order of their numbers; what was not run says so."""
    return [find(data) for find in FINDINGS]
