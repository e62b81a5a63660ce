"""How long one answer takes: from the start of a process, and in a process that has the model loaded.

Embeddings are not kept, and every text is another. `import torch` alone stands beside them, as what a process that runs a
model cannot do without.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._texts import config_text
from benchmarks.speed._timing import in_turn, seconds
from embedreg import EmbeddingRegressor
from embedreg.tasks import InputSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

FITTED, ANSWERS = 100, 50
NUMBERS = 5  # of a record, beside a name
PREDICT, HELP, LOADED = "embedreg predict, one record", "embedreg --help", "one record in a loaded process"
TORCH = "python -c 'import torch'"


def measure(options: Options) -> Found:
    records = _records()
    known = list(itertools.islice(records, options.size(FITTED, 20)))
    y = [record["param0"] for record in known]
    model = EmbeddingRegressor(str(options.directory), head="ridge", cache=False).fit(known, y)
    with tempfile.TemporaryDirectory() as scratch:
        rows = _processes(model, next(records), Path(scratch), options.pairs)
    for _ in range(3):
        model.predict([next(records)])
    answers = [
        seconds(functools.partial(model.predict, [next(records)])) for _ in range(options.size(ANSWERS, 3))
    ]
    rows.append({"measure": LOADED, "seconds": [round(one, 6) for one in answers]})
    for row in rows:
        print(f"{row['measure']}: {np.median(row['seconds']):.4f} s", flush=True)
    return Found(rows, settings={"numbers": NUMBERS})


def _processes(model: EmbeddingRegressor, record: Row, scratch: Path, pairs: int) -> list[Row]:
    """Return rows of what is measured from the start of a process."""
    model.save(scratch / "model", extra={"input": InputSpec(target=None).to_json()})
    (scratch / "new.jsonl").write_text(json.dumps(record) + "\n")
    places = [str(scratch / name) for name in ("model", "new.jsonl")]
    command = [sys.executable, "-m", "embedreg"]
    words = {
        PREDICT: [*command, "predict", *places, "--no-cache"],
        HELP: [*command, "--help"],
        TORCH: [sys.executable, "-c", "import torch"],
    }
    # an installed package has its bytecode beside it, which the first run writes
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    calls = {
        name: functools.partial(subprocess.run, line, env=environment, check=True, capture_output=True)
        for name, line in words.items()
    }
    in_turn(calls, 1)  # files are read from the disk once before
    return [{"measure": name, "seconds": taken} for name, taken in in_turn(calls, pairs).items()]


def _records() -> Iterator[Row]:
    """Yield records that are all different."""
    rng = np.random.default_rng(0)
    while True:
        yield json.loads(config_text(rng, NUMBERS))
