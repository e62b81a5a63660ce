"""Whether torch.compile pays on a GPU: a loop over transformers' model, compiled and not, and embedreg, which compiles nothing.

Kernels of elementwise work are fused, and shapes are dynamic, as batches differ. Seconds of the first call, in which it is
compiled, stand beside those of later ones.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.speed._gpu import gpu, release, wait
from benchmarks.speed._gpu_models import MODELS, small
from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._texts import text_sets
from benchmarks.speed._timing import in_turn, seconds
from benchmarks.speed.gpu_embedding import WINDOW, engines, transformers_loop
from embedreg.embed import TransformerEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.speed._gpu_models import GpuModel
    from benchmarks.speed.gpu_embedding import Engine

_TRIED = 2  # models: those whose elementwise work takes longer than their products
_TOKENS = 200_000
_MIXED = 1
_BATCH = 128


def measure(options: Options) -> Found:
    device = gpu(options)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        counter = TransformerEmbedder(options.directory, device="cpu", window=WINDOW)
        texts = text_sets(counter, options.size(_TOKENS, 500))[_MIXED]
        for usual in MODELS[:_TRIED]:
            model = options.size(usual, small(usual))
            directory = model.directory(options.directory, Path(scratch))
            for engine in _engines(model, directory, device):
                embed = functools.partial(engine.embed, texts.texts)
                first = seconds(embed)
                taken = in_turn({engine.name: embed}, options.pairs)[engine.name]
                wait(device)
                rows.append(
                    {
                        "model": model.name,
                        "engine": engine.name,
                        "tokens": sum(texts.tokens),
                        "first": first,
                        "seconds": taken,
                    }
                )
                print(
                    f"{model.name}: {engine.name}: first {first:.1f} s, then {min(taken):.3f} s", flush=True
                )
                del engine, embed
                release(device)
    return Found(rows, {}, {"batch_size": _BATCH})


def _engines(model: GpuModel, directory: Path, device: str) -> Iterator[Engine]:
    yield next(engines(model, directory, device, {}))
    compiled = functools.partial(
        torch.compile, dynamic=True, backend="inductor" if device == "cuda" else "eager"
    )
    changes: dict[str, Any] = {
        "transformers loop": lambda given: given,
        "transformers loop, torch.compile": compiled,
    }
    for name, change in changes.items():
        engine = transformers_loop(directory, device, name, change)
        assert engine.sizes is not None
        engine.sizes["batch_size"] = _BATCH
        yield engine
