"""How much memory `embedreg embed` takes for files of growing length, with the cache of embeddings and without it.

    python benchmarks/stream_memory.py --output benchmarks/results/stream_memory.json

Records of 20 fields, the static model `wordllama`, which is quick enough for a million records. Linux alone tells a process's own peak.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL, FIELDS = "wordllama", 20
SAYS_ITS_PEAK = """
import atexit, pathlib, sys
from embedreg.cli import main
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--records", type=int, nargs="+", default=[20_000, 100_000, 1_000_000])
    options = parser.parse_args()
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        own = os.environ | {"EMBEDREG_CACHE_DIR": f"{folder}/cache", "EMBEDREG_PROGRESS": "0"}
        subprocess.run([sys.executable, "-m", "embedreg", "models", "pull", MODEL], check=True, env=own)
        for records in options.records:
            path = write(Path(folder) / "records.jsonl", records)
            for cache in ("--cache", "--no-cache"):
                found.append({"records": records, "cache": cache, **run(path, cache, own)})
                print(found[-1], flush=True)
                stored = {"model": MODEL, "fields": FIELDS, "rows": found}
                options.output.write_text(json.dumps(stored, indent=1) + "\n")


def write(path: Path, records: int) -> Path:
    """Write records that are all different, also from those of another number of them, which the cache has by then."""
    with path.open("w") as file:
        for i in range(records):
            values = {f"field{j}": (i * (2 * j + 7919)) % 100_003 / 1000 for j in range(FIELDS - 1)}
            file.write(json.dumps({"number": f"{i} of {records}", **values}) + "\n")
    return path


def run(path: Path, cache: str, env: dict[str, str]) -> dict[str, float]:
    """Embed a file in a process of its own, and return its seconds and peak memory."""
    words = ["embed", str(path), "-o", str(path.with_suffix(".npy")), "--model", MODEL, cache]
    started = time.monotonic()
    command = [sys.executable, "-c", SAYS_ITS_PEAK, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    peak = re.search(r"VmHWM:\s+(\d+) kB", ended.stderr)
    assert peak is not None, ended.stderr
    return {"seconds": round(time.monotonic() - started, 1), "peak_mib": round(int(peak[1]) / 1024, 1)}


if __name__ == "__main__":
    main()
