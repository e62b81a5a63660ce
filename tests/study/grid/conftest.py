"""A study on small synthetic tasks, which needs no language model."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from embedreg.core.errors import UsageError
from embedreg.study.grid import StudyStore, _cells, parse_study

SPEC = (Path(__file__).parent / "small.toml").read_text()


@dataclass(frozen=True)
class Data:
    records: list
    y: np.ndarray


@dataclass
class ToyTask:
    name: str
    suite: str = "toy"
    kind: str = "table"
    dof: int = 3
    loads: list = field(default_factory=list)
    here: bool = True

    def identity(self):
        return {"toy": 1}

    def is_here(self):
        return self.here

    def load(self, seed, rows):
        self.loads.append((seed, rows))
        rng = np.random.default_rng(len(self.name))
        x = rng.uniform(-1, 1, (80, 3))
        y = x[:, 0] + (self.name == "toy/curve") * x[:, 1] ** 2
        if self.name == "toy/flat":
            y = np.full(80, 2.0)
        return Data([{f"x{i}": float(v) for i, v in enumerate(row)} for row in x], y)


class Lengths:
    name = "lengths"
    dimension = 5

    def fingerprint(self):
        return {"kind": "lengths"}

    def embed_batches(self, texts):
        vectors = [
            [len(t), t.count("1"), t.count("-"), len(set(t)), crc32(t.encode()) / 2**32] for t in texts
        ]
        yield list(range(len(texts))), np.array(vectors, np.float32)


@pytest.fixture
def toys(monkeypatch, tmp_path):
    tasks = [ToyTask("toy/line"), ToyTask("toy/curve")]

    def select(patterns):
        found = [t for t in tasks if any(fnmatch.fnmatch(t.name, p) for p in patterns)]
        if not found:
            raise UsageError("no such task", expected="a task", mend="name one")
        return found

    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(_cells, "select_tasks", select)
    _cells._representation_identity.cache_clear()
    import embedreg.text_embedder as module

    make = module.make_embedder
    monkeypatch.setattr(
        module,
        "make_embedder",
        lambda model, **rest: Lengths() if model == "LENGTHS" else make(model, **rest),
    )
    return tasks


@pytest.fixture
def spec(toys):
    return parse_study(SPEC, "the test")


@pytest.fixture
def store(tmp_path):
    return StudyStore(tmp_path / "store")
