"""Write the generated pages from the code and from stored results, or --check that they are current."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from pathlib import Path

import click
from experiments_page import experiments_page
from members_table import with_members_table
from models_page import models_page
from results_page import results_page
from study_section import numbers_of
from suites_table import with_suites_table

from embedreg.cli import app

DOCS = Path(__file__).parent
API = {
    "embedreg": ["EmbeddingRegressor", "TextEmbedder"],
    "embedreg.serialize": ["make_serializer"],
    "embedreg.embed": [
        "make_embedder",
        "embed_texts",
        "plan_embedding",
        "EmbeddingPlan",
        "EmbeddingCache",
        "EmbeddingEndpoint",
        "catalogue",
    ],
    "embedreg.features": ["TabularFeatures"],
    "embedreg.heads": [
        "make_head",
        "fit_many",
        "RidgeHead",
        "MLPHead",
        "XGBoostHead",
        "GaussianProcessHead",
        "ExtraTreesHead",
        "MeanHead",
        "Problem",
    ],
    "embedreg.ensemble": ["Explanation", "MemberScore"],
    "embedreg.smoothness": [
        "lipschitz_factors",
        "nlfd",
        "NLFD",
        "smoothness_gap",
        "smoothness_gap_interval",
        "GapInterval",
        "smoothness_sentence",
        "smoothness_prediction",
        "compare_smoothness",
        "RepresentationSmoothness",
        "distance_profile",
        "DistanceProfile",
        "rugged_surface",
        "RuggedSurface",
    ],
    "embedreg.report": ["rugged_surface_figure", "distance_profile_figure", "to_svg"],
    "embedreg.tasks": [
        "load_labelled",
        "InputSpec",
        "select_tasks",
        "suites",
        "suite_named",
        "suite_from_toml",
        "Suite",
        "Task",
        "TaskData",
        "packaged_tasks",
        "packaged_task",
    ],
    "embedreg.study": ["compare_representations", "plan_comparison", "CompareSettings", "Comparison"],
    "embedreg.core.errors": [
        "EmbedregError",
        "UsageError",
        "DataError",
        "ModelError",
        "SavedModelError",
        "OutputError",
    ],
}
WARNING = "<!-- Written by `make docs`; edits here are lost. -->\n"


def cli_page() -> str:
    """Return the help of every command."""
    parts = [WARNING, "# The command line\n"]
    for path, command in _commands("embedreg", app):
        context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
        parts.append(f"## `{path}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(parts)


def api_page() -> str:
    """Return signature and docstring of every public name."""
    parts = [WARNING, "# The Python API\n"]
    for module_name, names in API.items():
        module = importlib.import_module(module_name)
        parts.append(f"## `{module_name}`\n\n{inspect.getdoc(module)}\n")
        parts.extend(_entry(getattr(module, name), name) for name in names)
    return "\n".join(parts)


def _commands(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [(path, command)] + [found for name, sub in below for found in _commands(f"{path} {name}", sub)]


def _entry(thing: object, name: str) -> str:
    text = f"### `{name}`\n\n```text\n{name}{inspect.signature(thing)}\n\n{inspect.getdoc(thing)}\n```\n"
    if inspect.isclass(thing):
        text += "".join(_method(name, key, value) for key, value in vars(thing).items())
    return text


def _method(owner: str, name: str, value: object) -> str:
    function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
        return ""
    return f"\n#### `{owner}.{name}`\n\n```text\n{name}{inspect.signature(function)}\n\n{inspect.getdoc(function)}\n```\n"


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not current")
    check = parser.parse_args().check
    results, figures = results_page()
    pages = (
        ("cli.md", cli_page()),
        ("api.md", api_page()),
        ("ensemble.md", with_members_table((DOCS / "ensemble.md").read_text())),
        ("tasks.md", with_suites_table((DOCS / "tasks.md").read_text())),
        ("results.md", WARNING + results),
        ("models.md", WARNING + models_page()),
        ("experiments.md", WARNING + experiments_page()),
    )
    for name, page in pages:
        path = DOCS / name
        if not check:
            path.write_text(page)
        elif not path.is_file() or path.read_text() != page:
            _refuse(name)
    _figures(figures, check=check)


def _figures(figures: dict[str, str], *, check: bool) -> None:
    """Write the figures of results and remove those of results that are no more, or compare the numbers drawn."""
    there = {path.name for pattern in ("study_*.svg", "speed.svg") for path in DOCS.glob(pattern)}
    for name in sorted(there | figures.keys()):
        path = DOCS / name
        if check:
            if name not in there & figures.keys() or numbers_of(path.read_text()) != numbers_of(
                figures[name]
            ):
                _refuse(name)
        elif name in figures:
            path.write_text(figures[name])
        else:
            path.unlink()


def _refuse(name: str) -> None:
    sys.exit(f"got a docs/{name} that is not current; expected what the code says; to mend: make docs")


if __name__ == "__main__":
    main()
