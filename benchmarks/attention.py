"""What attention takes on a processor, by each way that embedreg has: torch's own, with keys filled up, by blocks, and compiled.

    python -m benchmarks.attention --output benchmarks/results/attention.json

From the root of the repository. Microseconds of a layer's attention of so many texts of so many tokens, by turns, in the heads of MiniLM, of
SmolLM2 (a decoder whose queries share keys) and of MPNet (with a bias of distances), on one thread and on all. In float32 of fewer numbers
of texts. The file keeps what other processors gave. Do nothing else on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import torch

from benchmarks.speed._machine import limited_threads, machine
from benchmarks.speed._timing import seconds
from embedreg.embed import _attention
from embedreg.embed._distance_bias import DistanceBias
from embedreg.embed._steps import tile_attention, tiles_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


class Heads(NamedTuple):
    """Heads of queries and of keys, and their width."""

    model: str
    queries: int
    keys: int
    width: int
    causal: bool = False
    biased: bool = False


HEADS = (
    Heads("MiniLM", 12, 12, 32),
    Heads("SmolLM2", 9, 3, 64, causal=True),
    Heads("MPNet", 12, 12, 64, biased=True),
)
TOKENS = (20, 45, 64, 100, 205, 478)
TEXTS = (1, 4, 16, 64)
MOST_TOKENS = 3000  # of a batch
OWN, FILLED, BLOCKS, COMPILED = "torch's own", "keys filled up", "by blocks", "compiled"
WAYS = {OWN: (False, False), FILLED: (False, True), BLOCKS: (True, False)}  # which way is said to be faster


def measured(
    heads: Heads, dtype: torch.dtype, texts: int, tokens: int, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each way, round by round: a call of each in turn, after one that is not counted."""
    ways = dict.fromkeys(WAYS, layer(heads, dtype, texts, tokens))
    if is_compiled(dtype):
        ways[COMPILED] = layer(heads, dtype, texts, tokens, compiled=True)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, attend in ways.items():
            with torch.inference_mode(), taking(name):
                found[name].append(seconds(attend))
    return {name: taken[1:] for name, taken in found.items()}


def is_compiled(dtype: torch.dtype) -> bool:
    """Return whether there is compiled attention here."""
    return dtype == torch.bfloat16 and tiles_work() and torch.get_num_threads() <= 2


def layer(
    heads: Heads, dtype: torch.dtype, texts: int, tokens: int, *, compiled: bool = False
) -> Callable[[], Tensor | None]:
    """Return what attends once."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    queries, keys, values = (
        drawn(texts, tokens, count, heads.width).transpose(1, 2)
        for count in (heads.queries, heads.keys, heads.keys)
    )
    bias = DistanceBias(drawn(32, heads.queries)) if heads.biased else None
    if compiled:
        return functools.partial(tile_attention, queries, keys, values, bias=bias, causal=heads.causal)
    between = None if bias is None else bias.between(tokens)
    return functools.partial(_attention.attention, queries, keys, values, bias=between, causal=heads.causal)


@contextlib.contextmanager
def taking(way: str) -> Iterator[None]:
    """Let attention take a way, whatever is faster here."""
    if way == COMPILED:
        yield
        return
    blocks, filled = map(_saying, WAYS[way])
    with mock.patch.multiple(
        _attention, is_blockwise_faster=blocks, is_filling_faster=filled, tiles_suit=_saying(False)
    ):
        yield


def _saying(answer: bool) -> Callable[..., bool]:
    def say(*_tensors: Tensor) -> bool:
        return answer

    return say


def cases(few: bool) -> Iterator[tuple[Heads, torch.dtype, int, int, int]]:
    """Yield heads, precision, texts, tokens and threads."""
    most = os.cpu_count() or 1
    for threads in sorted({1, most}):
        for heads in HEADS[: 1 if few else None]:
            for dtype in (torch.bfloat16, torch.float32):
                for tokens in TOKENS[: 2 if few else None]:
                    for texts in TEXTS if dtype == torch.bfloat16 else TEXTS[::2]:
                        if texts * tokens <= MOST_TOKENS:
                            yield heads, dtype, texts, tokens, threads


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--few", action="store_true", help="a few cases, to try the script")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for heads, dtype, texts, tokens, threads in cases(options.few):
        with limited_threads(threads):
            taken = measured(heads, dtype, texts, tokens, options.rounds)
            way = used(heads, dtype, texts, tokens)
        micro = {name: round(1e6 * statistics.median(each)) for name, each in taken.items()}
        kind = str(dtype).removeprefix("torch.")
        rows.append(
            {"model": heads.model, "dtype": kind, "texts": texts, "tokens": tokens, "threads": threads}
            | {"microseconds": micro, "used": way}
        )
        print(rows[-1], flush=True)
    about = machine(os.cpu_count() or 1) | {"rounds": options.rounds}
    kept = json.loads(options.output.read_text()) if options.output.is_file() else []
    others = [other for other in kept if other["machine"]["cpu"] != about["cpu"]]
    options.output.write_text(json.dumps([*others, {"machine": about, "rows": rows}]) + "\n")


def used(heads: Heads, dtype: torch.dtype, texts: int, tokens: int) -> str:
    """Return the way that embedreg takes here."""
    if is_compiled(dtype):
        return COMPILED
    queries = torch.empty(texts, heads.queries, tokens, heads.width, dtype=dtype)
    if _attention.is_blockwise_faster(queries):
        return BLOCKS
    return FILLED if _attention.is_filling_faster(queries) else OWN


if __name__ == "__main__":
    main()
