"""What a part of the benchmark is told, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from embedreg.embed import pull

PARTS = ("embedding", "prefix", "sweep", "ridge", "smoothness", "latency", "curves")
GPU_PARTS = ("gpu_embedding", "gpu_compile", "gpu_sweep", "gpu_smoothness")
OURS = "embedreg"
OURS_IN_BFLOAT16 = f"{OURS}, bfloat16"  # the sweep, whose default is float32
Row = dict[str, Any]
Size = TypeVar("Size")


@dataclass(frozen=True)
class Options:
    """How much to measure, of which model.

    Attributes
    ----------
    pairs
        Times that each side is run, in turn.
    model
        A name of the catalogue, or a directory.
    tokens
        Of each set of texts that engines embed.
    threads
        That all sides may use.
    quick
        Whether sizes are the smallest, to try the code.
    """

    pairs: int = 3
    model: str = "minilm"
    tokens: int = 8_000
    threads: int = 1
    quick: bool = False

    @cached_property
    def directory(self) -> Path:
        """Where the model is; it is fetched if need be."""
        given = Path(self.model)
        return given if given.is_dir() else pull(self.model, quiet=True)

    @property
    def model_name(self) -> str:
        """What the model is called, without where it lies."""
        return Path(self.model).name

    def size(self, usual: Size, quick: Size) -> Size:
        """Return the size of this run."""
        return quick if self.quick else usual


@dataclass(frozen=True)
class Found:
    """What a part measured: raw rows, what was left out and why, and settings that the rows share."""

    rows: list[Row]
    left_out: dict[str, str] = field(default_factory=dict)
    settings: Row = field(default_factory=dict)
