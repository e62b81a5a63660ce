"""Compare embeddings with traditional features on real tasks, as `embedreg compare --combination none` does, and keep the scores.

    python benchmarks/real_tasks.py DIRECTORY automl/hpobench_car.parquet text/emobank_valence.jsonl.gz:x --output FILE

DIRECTORY holds the tasks; each has its target in column `y`, and `:COLUMN` names a column of texts. A task whose scores are in FILE
already is not run again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from embedreg.study import CompareSettings, compare_representations
from embedreg.tasks import load_labelled

LEFT_OUT = ("predictions", "smoothness")  # large, and made again by the same command


def compare(path: Path, text: str | None, settings: CompareSettings) -> dict[str, object]:
    """Return what a comparison found, without what is large."""
    table = load_labelled(path, "y", text=text)
    found = compare_representations(table, settings).to_json()
    found["data"] |= {"path": path.name}
    found["settings"] |= {"cache": bool(settings.cache)}
    return {key: value for key, value in found.items() if key not in LEFT_OUT}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("tasks", nargs="+", metavar="FILE[:TEXT]")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--max-rows", type=int, default=500)
    options = parser.parse_args()
    done = json.loads(options.output.read_text()) if options.output.is_file() else {}
    for task in options.tasks:
        name, _, text = task.partition(":")
        if name in done:
            continue
        settings = CompareSettings(seeds=options.seeds, max_rows=options.max_rows, combination=None)
        done[name] = compare(options.directory / name, text or None, settings)
        options.output.write_text(json.dumps(done, indent=1) + "\n")
        print(f"{name}: {done[name]['verdict']}", flush=True)


if __name__ == "__main__":
    main()
