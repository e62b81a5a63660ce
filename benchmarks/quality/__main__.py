"""Run the benchmark, keep its rows, make its tables.

    python -m benchmarks.quality run DIRECTORY [--tasks automl bbob/sphere@5,25] [--methods embedreg-balanced catboost] [--seeds 0 1]
    python -m benchmarks.quality import DIRECTORY --input benchmarks/results/quality.parquet
    python -m benchmarks.quality export DIRECTORY --output benchmarks/results/quality.parquet
    python -m benchmarks.quality table DIRECTORY

From the root of the repository, with the extra `benchmarks`; EMBEDREG_DATA names the directory of tasks that do not come with
embedreg. A run may be stopped at any time: the same command goes on where it was, and tries failed cells again; one on another
machine goes on from an exported file. Without
--tasks, --methods and --seeds it is the whole grid, of which they choose a part in each command. docs/results.md is made from the exported file by `make docs`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.quality._grid import ROWS, SEEDS, TASKS, Cell, cells_of, chosen_tasks
from benchmarks.quality._page import quality_section
from benchmarks.quality._results import Results, collect, read, take_over, write
from benchmarks.quality._run import run_cells
from benchmarks.quality.methods import METHODS, Method, require
from embedreg.core.errors import EmbedregError, UsageError, unknown_name
from embedreg.study.grid import StudyStore

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except EmbedregError as error:
        print(error, file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    methods = _methods(options.methods)
    require(methods)
    tasks = chosen_tasks(options.tasks)
    absent = [task.name for task in tasks if not task.is_here()]
    if absent and not options.skip_missing:
        raise UsageError(
            f"a machine without {', '.join(absent[:5])}{' and others' * (len(absent) > 5)}",
            expected="every task's data",
            mend="set EMBEDREG_DATA, install embedreg[bbob], or give --skip-missing",
        )
    os.environ.setdefault("EMBEDREG_PROGRESS", "0")
    here = [task for task in tasks if task.is_here()]
    try:
        failed = run_cells(
            cells_of(here, options.seeds, methods),
            StudyStore(options.directory),
            lambda line: print(line, flush=True),
        )
    except KeyboardInterrupt:
        print("stopped; what is finished is kept, and the same command goes on", file=sys.stderr)
        return INTERRUPTED
    return int(failed > 0)


def _import(options: argparse.Namespace) -> int:
    results = read(options.input)
    count = take_over(results, _all_cells(options), StudyStore(options.directory))
    print(f"{count} of {len(results.rows)} rows are kept; the others' settings have changed since")
    return 0


def _export(options: argparse.Namespace) -> int:
    write(_collected(options), options.output)
    return 0


def _table(options: argparse.Namespace) -> int:
    print(quality_section(_collected(options)))
    return 0


def _collected(options: argparse.Namespace) -> Results:
    cells, store = _all_cells(options), StudyStore(options.directory)
    return collect(cells, store, ROWS, getattr(options, "machine", ""))


def _all_cells(options: argparse.Namespace) -> list[Cell]:
    return cells_of(chosen_tasks(options.tasks), options.seeds, _methods(options.methods))


def _methods(names: list[str]) -> list[Method]:
    for name in names:
        if name not in METHODS:
            raise unknown_name("method", name, METHODS)
    return [METHODS[name] for name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    grid = argparse.ArgumentParser(add_help=False)
    grid.add_argument("directory", type=Path, help="where the results are kept")
    grid.add_argument("--tasks", nargs="+", default=list(TASKS), help="suites, tasks or patterns of tasks")
    grid.add_argument("--methods", nargs="+", default=list(METHODS), help=f"of {', '.join(METHODS)}")
    grid.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    run = commands.add_parser("run", parents=[grid], help="run what is not kept yet")
    run.set_defaults(command=_run)
    run.add_argument("--skip-missing", action="store_true", help="leave out tasks whose data are not here")
    take = commands.add_parser("import", parents=[grid], help="go on from the rows that export wrote")
    take.set_defaults(command=_import)
    take.add_argument("--input", type=Path, required=True)
    export = commands.add_parser("export", parents=[grid], help="write the rows as one small file")
    export.set_defaults(command=_export)
    export.add_argument("--output", type=Path, required=True)
    export.add_argument("--machine", default="", help="what it ran on, in words")
    table = commands.add_parser("table", parents=[grid], help="print the tables of what is finished")
    table.set_defaults(command=_table)
    return parser


if __name__ == "__main__":
    sys.exit(main())
