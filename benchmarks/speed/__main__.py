"""Run the benchmark of speed and keep its rows.

    python -m benchmarks.speed --output benchmarks/results/speed.json [--only embedding,prefix,sweep,ridge,smoothness,latency,curves,gpu_embedding,gpu_compile,gpu_sweep,gpu_smoothness] [--pairs 3]

From the root of the repository. What is compared runs in turn (A B A B), so that a ratio is of neighbours in time and what
else the machine does falls on both. The file keeps one run of each part, model and machine; one that is run again replaces
what is there, but for --beside, which keeps that too. Peers that are not installed are left out, which is said in the file and on the page. All of
them, of which the exports to ONNX need a transformers below 4.58:

    pip install -e '.[report]' 'transformers<4.58' sentence-transformers skorch onnxruntime optimum-onnx optimum-intel openvino

docs/results.md and docs/speed.svg are made from the file by `make docs`. Do nothing else on the machine meanwhile: its load
is kept too.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

import torch

from benchmarks.speed._machine import limited_threads, load, machine
from benchmarks.speed._options import GPU_PARTS, PARTS, Options
from benchmarks.speed._store import Run, keep
from embedreg.core.errors import EmbedregError


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    os.environ["EMBEDREG_PROGRESS"] = "0"
    options = Options(
        pairs=given.pairs, model=given.model, tokens=given.tokens, threads=given.threads, quick=given.quick
    )
    try:
        with limited_threads(options.threads):
            for part in given.only:
                keep(given.output, _measured(part, options, given.note), beside=given.beside)
    except EmbedregError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _measured(part: str, options: Options, note: str) -> Run:
    """Return a run of a part, with what it was made on."""
    measure = importlib.import_module(f"benchmarks.speed.{part}").measure
    before = load()
    found = measure(options)
    settings = {
        "pairs": options.pairs,
        "model": options.model_name,
        "load": [before, load()],
        **found.settings,
        **({"note": note} if note else {}),
    }
    for name, reason in found.left_out.items():
        print(f"{part}: left out {name}: {reason}", flush=True)
    return Run(part, machine(options.threads), settings, found.rows, found.left_out)


def _parts(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in (*PARTS, *GPU_PARTS):
            known = ", ".join((*PARTS, *GPU_PARTS))
            raise argparse.ArgumentTypeError(f"got {name!r}; expected some of {known}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file of runs")
    parser.add_argument(
        "--only",
        type=_parts,
        default=PARTS,
        help=f"parts to run, with commas between [default: {','.join(PARTS)}]; with a GPU also {', '.join(GPU_PARTS)}",
    )
    parser.add_argument(
        "--pairs", type=int, default=3, help="times that each side is run, in turn (default 3)"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--tokens", type=int, default=Options.tokens, help="of each set of texts to embed (default 8000)"
    )
    parser.add_argument("--model", default="minilm", help="a name of the catalogue, or a directory")
    parser.add_argument(
        "--note",
        default="",
        help="what a reader has to know of these runs beside their settings; kept with them",
    )
    parser.add_argument(
        "--beside",
        action="store_true",
        help="keep earlier runs of the same part and machine, to show how much a busy machine's differ",
    )
    parser.add_argument(
        "--quick", action="store_true", help="the smallest sizes, to try the code: no numbers to keep"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
