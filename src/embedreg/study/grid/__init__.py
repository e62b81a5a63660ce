"""Studies: grids of task x representation x head x number of rows x seed, run once and kept."""

from __future__ import annotations

from embedreg.study.grid._plan import Plan, plan_study
from embedreg.study.grid._profiles import profile_rows
from embedreg.study.grid._results import (
    StudyResults,
    collect_results,
    keep_results,
    read_results,
    write_results,
)
from embedreg.study.grid._rows import Estimate, estimate, finished_rows, smoothness_rows
from embedreg.study.grid._run import run_study
from embedreg.study.grid._service_costs import plan_services
from embedreg.study.grid._spec import StudySpec, load_study, parse_study, presets
from embedreg.study.grid._store import StudyStore
from embedreg.study.grid._table import study_means, study_table

__all__ = [
    "Estimate",
    "Plan",
    "StudyResults",
    "StudySpec",
    "StudyStore",
    "collect_results",
    "estimate",
    "finished_rows",
    "keep_results",
    "load_study",
    "parse_study",
    "plan_services",
    "plan_study",
    "presets",
    "profile_rows",
    "read_results",
    "run_study",
    "smoothness_rows",
    "study_means",
    "study_table",
    "write_results",
]
