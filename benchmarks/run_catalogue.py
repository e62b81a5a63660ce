"""Fetch every model of the catalogue and embed two texts with it; keep what happened.

    python benchmarks/run_catalogue.py --output benchmarks/results/catalogue.json [NAME ...]

What is written is what was seen on this machine, errors included. A name whose line is there already is run again only if
it is given. docs/models.md is made from the file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from embedreg.core.errors import EmbedregError
from embedreg.embed import catalogue, make_embedder

TEXTS = ['{"lr": 0.001, "optimizer": "adam"}', "the learning rate is one thousandth " * 40]
PACKAGES = ("embedreg", "numpy", "tokenizers", "torch", "transformers")


def run(name: str) -> dict[str, object]:
    """Return what fetching and embedding gave; seconds include the fetching if it was not here."""
    start = time.perf_counter()
    try:
        embedder = make_embedder(name)
        shapes = [vectors for _, vectors in embedder.embed_batches(TEXTS)]
    except EmbedregError as error:
        return {"ran": False, "error": error.got}
    vectors = np.concatenate(shapes)
    return {
        "ran": True,
        "dimension": vectors.shape[1],
        "finite": bool(np.isfinite(vectors).all()),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="[default: every model without a line]")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    done = json.loads(options.output.read_text()) if options.output.is_file() else {}
    for name in options.names or [name for name in catalogue() if name not in done]:
        versions = {package: version(package) for package in PACKAGES}
        seen = {
            "date": datetime.date.today().isoformat(),
            "machine": platform.machine(),
            "versions": versions,
        }
        done[name] = run(name) | seen
        options.output.write_text(json.dumps(done, indent=1) + "\n")
        print(f"{name}: {done[name]}", flush=True)


if __name__ == "__main__":
    main()
