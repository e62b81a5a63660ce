"""`embedreg study`: grids of experiments that run once, can be stopped, and are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedreg.cli._options import json_option

if TYPE_CHECKING:
    from embedreg.study.grid import Plan, StudyResults, StudySpec, StudyStore

_spec_argument = click.argument("spec")
_finished_argument = click.argument("spec", metavar="SPEC|FILE.parquet")
_store_option = click.option(
    "--store",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where results are kept. [default: study-NAME, here]",
)


@click.group()
def study() -> None:
    """Run a grid of task x representation x head x rows x seed; SPEC is a TOML file or the name of a preset."""


@study.command("list")
@json_option
def list_presets(as_json: bool) -> None:
    """List the presets."""
    import json

    from embedreg.study.grid import load_study, presets

    found = {name: load_study(name).description for name in presets()}
    if as_json:
        click.echo(json.dumps([{"name": k, "description": v} for k, v in found.items()], indent=1))
        return
    width = max(map(len, found))
    for name, description in found.items():
        click.echo(f"{name:<{width}}  {description}")


@study.command()
@_spec_argument
@_store_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would be done, how long it may take and what services would cost; do nothing.",
)
@click.option("--skip-missing", is_flag=True, help="Leave out tasks whose data are not on this machine.")
def run(spec: str, store: Path | None, dry_run: bool, skip_missing: bool) -> None:
    """Run what of SPEC is not finished. It can be stopped at any time, and goes on where it was."""
    from embedreg.study.grid import finished_rows, plan_services, plan_study, run_study, study_table

    loaded, kept = _load(spec, store)
    if dry_run:
        plan = plan_study(loaded, kept)
        click.echo(str(plan))
        for name, asked in plan_services(loaded, kept, plan).items():
            click.echo(f"\n{name}, by a service:\n{asked}")
        return
    plan = run_study(loaded, kept, skip_missing=skip_missing)
    click.echo(study_table(finished_rows(plan, kept)))
    if plan.absent:
        click.echo(f"\nskipped: {plan.absent_tasks()}")
    click.echo(f"\nresults: {kept.path}")
    _refuse_failures(plan)


@study.command()
@_spec_argument
@_store_option
def status(spec: str, store: Path | None) -> None:
    """Say how many cells of SPEC are finished, and what the rest may take."""
    from embedreg.study.grid import plan_study

    loaded, kept = _load(spec, store)
    plan = plan_study(loaded, kept)
    click.echo(str(plan))
    for message in dict.fromkeys(plan.failed.values()):
        click.echo(f"failed: {message}")


@study.command()
@_finished_argument
@_store_option
@click.option("--metric", default="kendall_tau", show_default=True, help="Which score.")
@click.option("--by-cell", is_flag=True, help="A line of JSON for each finished cell, not means.")
@json_option
def table(spec: str, store: Path | None, metric: str, by_cell: bool, as_json: bool) -> None:
    """Print the scores of the finished cells of SPEC: means over tasks and seeds, with 95% intervals.

    In SPEC's place may stand a file that `study export` wrote.
    """
    import json

    from embedreg.core.records import native
    from embedreg.study.grid import study_means, study_table

    rows = _results(spec, store).rows
    means = study_means(rows, metric)
    if by_cell:
        click.echo("\n".join(json.dumps(native(row)) for row in rows))
    elif as_json:
        click.echo(json.dumps(native(means), indent=1))
    else:
        click.echo(study_table(rows, metric))


@study.command()
@_finished_argument
@_store_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="[default: report.html in the store; beside FILE.parquet]",
)
def report(spec: str, store: Path | None, output: Path | None) -> None:
    """Write an HTML page: each published result beside what SPEC's finished cells say, with a figure and a verdict.

    In SPEC's place may stand a file that `study export` wrote.
    """
    from embedreg.core.files import keep_input
    from embedreg.report import require_report_packages, write_study_report
    from embedreg.study.findings import StudyData, findings
    from embedreg.study.grid import study_means

    keep_input(Path(spec), output)
    require_report_packages()
    results = _results(spec, store)
    found = findings(StudyData.of(results))
    for finding in found:
        click.echo(f"{finding.number:>2}. {finding.title}: {finding.verdict}")
    default = (
        Path(spec).with_suffix(".html")
        if _is_export(spec)
        else _load(spec, store)[1].directory / "report.html"
    )
    path = write_study_report(results, found, study_means(results.rows), output or default)
    click.echo(f"report: {path}")


@study.command()
@_spec_argument
@_store_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to: FILE.parquet.",
)
@click.option(
    "--machine", metavar="WORDS", default="", help="On what the cells were computed, for the record."
)
def export(spec: str, store: Path | None, output: Path, machine: str) -> None:
    """Write the finished cells of SPEC as one small Parquet file.

    `study table` and `study report` read it without the store: results to commit, publish or send.
    """
    from embedreg.core.errors import UsageError
    from embedreg.study.grid import collect_results, write_results

    if not _is_export(str(output)):
        raise UsageError(f"--output {output}", expected="a name that ends in .parquet", mend="add the ending")
    results = collect_results(*_load(spec, store), machine)
    write_results(results, output)
    click.echo(f"{len(results.rows)} of {results.cells} cells: {output}")


@study.command("import")
@_spec_argument
@click.argument("file", metavar="FILE.parquet", type=click.Path(path_type=Path, dir_okay=False))
@_store_option
def import_cells(spec: str, file: Path, store: Path | None) -> None:
    """Take over finished cells that `study export` wrote, on this or another machine.

    `study run` then computes what is left of SPEC. A cell counts as long as everything that decides its numbers is
    what it was: the data, the model, the parameters, the versions of our code.
    """
    from embedreg.study.grid import keep_results, plan_study, read_results

    results = read_results(file)
    loaded, kept = _load(spec, store)
    keep_results(results, kept)
    click.echo(f"{len(results.rows)} cells: {kept.path}")
    click.echo(str(plan_study(loaded, kept)))


def _is_export(spec: str) -> bool:
    return spec.endswith(".parquet")


def _results(spec: str, store: Path | None) -> StudyResults:
    """Return what is finished of a study, from its store or from an exported file."""
    from embedreg.study.grid import collect_results, read_results

    return read_results(Path(spec)) if _is_export(spec) else collect_results(*_load(spec, store))


def _load(spec: str, store: Path | None) -> tuple[StudySpec, StudyStore]:
    from embedreg.study.grid import StudyStore, load_study

    loaded = load_study(spec)
    return loaded, StudyStore(store or Path(f"study-{loaded.name}"))


def _refuse_failures(plan: Plan) -> None:
    from embedreg.core.errors import DataError

    if plan.failed:
        raise DataError(
            f"{len(plan.failed)} cells that failed, such as: {next(iter(plan.failed.values()))}",
            expected="every cell to be fitted",
            mend="`embedreg study status SPEC` lists the messages; the same run tries them again",
        )
