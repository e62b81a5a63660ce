"""The command, run inside the test's own process."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass
from typing import Any

import pytest

from embedreg.cli import main


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run `embedreg` with these words and give status, stdout and stderr."""

    def run_command(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        gc.unfreeze()  # this process goes on
        out, err = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), out, err)

    return run_command


@pytest.fixture
def knobs(tmp_path):
    """A CSV table of 60 distinct rows whose target depends on its columns."""
    lines = ["threads,cache,policy,tps"]
    for i in range(60):
        threads, cache, policy = 1 + i % 12, 0.5 * (i // 5), ("lru", "fifo", "random")[i % 3]
        lines.append(f"{threads},{cache},{policy},{threads * 3 + cache + (policy == 'lru') + 0.01 * i}")
    path = tmp_path / "knobs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
