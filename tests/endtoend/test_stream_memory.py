"""Files of any length in bounded memory: the whole process's, as the system counts it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedreg import EmbeddingRegressor

STATUS = Path("/proc/self/status")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not STATUS.exists(), reason="a process's own peak of memory is Linux's to tell"),
]

COMMAND_SAYING_ITS_PEAK = f"""
import atexit, pathlib, sys
from embedreg.cli import main
atexit.register(lambda: sys.stderr.write(pathlib.Path("{STATUS}").read_text()))
main()
"""
FEW, MANY = 10_000, 100_000
MOST_MIB = 400
GROWTH_MIB = (
    20  # of the allocators and of SQLite; the rows of the longer file as Python objects are three times that
)


def peak(*words: object) -> float:
    """Run a command and return its peak of memory in MiB, which a fork does not inherit, unlike getrusage's."""
    command = [sys.executable, "-c", COMMAND_SAYING_ITS_PEAK, *map(str, words)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return int(re.search(r"VmHWM:\s+(\d+) kB", found.stderr)[1]) / 1024


def table(path: Path, rows: int) -> Path:
    """Write records that are all different."""
    lines = (f"{i},{i * 7919 % rows / rows},{'abc'[i % 3]},{i % 11}" for i in range(rows))
    path.write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def few_and_many(tmp_path):
    return table(tmp_path / "few.csv", FEW), table(tmp_path / "many.csv", MANY)


@pytest.mark.parametrize("cache", ["--cache", "--no-cache"])
def test_embedding_a_long_file_takes_the_memory_of_a_short_one(few_and_many, tiny_static, tmp_path, cache):
    output = tmp_path / "vectors.npy"
    peaks = [peak("embed", path, "-o", output, "--model", tiny_static, cache) for path in few_and_many]
    assert len(np.load(output, mmap_mode="r")) == MANY
    assert peaks[1] < min(peaks[0] + GROWTH_MIB, MOST_MIB)


def test_predicting_a_long_file_takes_the_memory_of_a_short_one(few_and_many, tiny_static, tmp_path):
    saved, output = tmp_path / "model", tmp_path / "out.csv"
    records = [{"a": i, "b": i / 50, "c": "abc"[i % 3]} for i in range(50)]
    EmbeddingRegressor(model=tiny_static, head="ridge").fit(records, range(50)).save(
        saved, extra={"input": {"target": "y", "columns": ["a", "b", "c"]}}
    )
    peaks = [peak("predict", saved, path, "-o", output) for path in few_and_many]
    with output.open() as lines:
        assert sum(1 for _ in lines) == MANY + 1
    assert peaks[1] < min(peaks[0] + GROWTH_MIB, MOST_MIB)
