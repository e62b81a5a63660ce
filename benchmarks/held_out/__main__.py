"""Make the held-out tasks from their sources, as suites for `python -m benchmarks.quality`.

    python -m benchmarks.held_out SOURCES FOLDER
    python -m benchmarks.quality run DIRECTORY --tasks FOLDER/*.toml --seeds 0 1
    python -m benchmarks.quality export DIRECTORY --tasks FOLDER/*.toml --seeds 0 1 --output benchmarks/results/held_out.parquet

From the root of the repository. SOURCES holds clones of repositories, named OWNER+NAME, and wheels: what is missing is named
with the command that fetches it. They are read at pinned commits and by the hash of a wheel; some are pickles and a package's own
code, which run when they are read. Of each task 6,000 rows at most are drawn. Nothing of this is in the repository: licences are
those of the sources.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.held_out._tasks import SUITES
from embedreg.core.errors import DataError, EmbedregError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 6000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.held_out",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", type=Path, help="folder of clones and wheels")
    parser.add_argument("folder", type=Path, help="where the tasks are written")
    options = parser.parse_args(arguments)
    try:
        for name, tasks in SUITES.items():
            place = options.folder / name
            place.mkdir(parents=True, exist_ok=True)
            files = [_write(place, task, data) for task, data in tasks(options.sources)]
            suite = options.folder / f"held_{name}.toml"
            suite.write_text(_toml(name, files), encoding="utf-8")
            print(f"{suite}: {len(files)} tasks", flush=True)
    except EmbedregError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _write(place: Path, task: str, data: pd.DataFrame | list[tuple[Any, float]]) -> tuple[Path, bool]:
    """Write a task's rows; return its file, and whether its input is one text."""
    if isinstance(data, pd.DataFrame):
        known = data[np.isfinite(data.y.astype(float))].reset_index(drop=True)
        known = known.iloc[_drawn(len(known))].reset_index(drop=True)
        varies = [name for name in known if name == "y" or known[name].astype(str).nunique() > 1]
        path = place / f"{task}.parquet"
        known[varies].to_parquet(path)
        return path, False
    rows = [data[i] for i in _drawn(len(data))]
    is_text = isinstance(rows[0][0], str)
    if not is_text and any("y" in x for x, _ in rows):
        raise DataError(
            f"an input named y in {task}", expected="another name", mend="rename it where it is read"
        )
    lines = [json.dumps({"x": x, "y": float(y)} if is_text else {**x, "y": float(y)}) for x, y in rows]
    path = place / f"{task}.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return path, is_text


def _drawn(n: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(n)[:MOST])


def _toml(name: str, files: list[tuple[Path, bool]]) -> str:
    parts = [
        f'name = "held_{name}"\ndescription = "{name}: tasks that no choice was made on"\nlicence = "of the sources"\n'
    ]
    for path, is_text in files:
        text = 'text = "x"\n' if is_text else ""
        parts.append(f'[[tasks]]\nfile = "{name}/{path.name}"\ntarget = "y"\n{text}')
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
