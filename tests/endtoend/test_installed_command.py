"""The command as a user gets it: a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("embedreg")
COMMANDS = [
    "",
    "compare",
    "fit",
    "predict",
    "evaluate",
    "explain",
    "suggest",
    "embed",
    "models",
    "models list",
    "models pull",
    "cache",
    "cache stats",
]


def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, check=False, **options)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{i % 7},{i % 5},{'abc'[i % 3]},{(i % 7) * 2 + (i % 5) + i / 1000}" for i in range(60)]
    path.write_text("a,b,c,y\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_answers_at_once(command):
    seconds = []
    for _ in range(3):  # the best of three, as the machine may be busy with something else
        started = time.monotonic()
        found = run(*command.split(), "--help")
        seconds.append(time.monotonic() - started)
        assert found.returncode == 0
        assert "Usage: embedreg" in found.stdout
        if seconds[-1] < 0.5:
            break
    assert min(seconds) < 0.5


def test_import_is_light():
    code = "import embedreg, sys; sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'sklearn', 'xgboost')))"
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.5


def test_predicting_with_one_head_loads_no_more_than_that_takes(table, tiny_bert, tmp_path):
    """What predicting does not need would take longer to import than a row takes to embed."""
    model = tmp_path / "model"
    run("fit", table, "--target", "y", "-o", model, "--model", tiny_bert, "--head", "ridge")
    code = f"""
import sys
from embedreg.cli import main
sys.argv = ["embedreg", "predict", {str(model)!r}, {str(table)!r}, "--no-cache"]
try:
    main()
finally:
    heavy = "transformers", "xgboost", "matplotlib", "sklearn.ensemble", "embedreg.ensemble._ensemble"
    sys.stderr.write(repr([name for name in heavy if name in sys.modules]))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == "[]"
    assert found.stdout.startswith("a,b,c,y,prediction")


def test_results_go_to_stdout_and_the_rest_to_stderr(table, tiny_bert, tmp_path):
    model = tmp_path / "model"
    fitted = run(
        "fit", table, "--target", "y", "-o", model, "--model", tiny_bert, "--head", "ridge", "--json"
    )
    assert fitted.returncode == 0, fitted.stderr
    assert json.loads(fitted.stdout)["rows"] == 60
    predicted = run("predict", model, table)
    assert predicted.returncode == 0, predicted.stderr
    assert len(predicted.stdout.splitlines()) == 61
    assert predicted.stderr == ""


def test_the_reader_of_the_output_may_go_away(table, tiny_bert, tmp_path):
    model = tmp_path / "model"
    assert (
        run("fit", table, "--target", "y", "-o", model, "--model", tiny_bert, "--head", "ridge").returncode
        == 0
    )
    piped = subprocess.run(
        f"{COMMAND} predict {model} {table} | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert piped.stdout == "a,b,c,y,prediction\n"
    assert piped.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_one_line(table, tiny_bert, tmp_path):
    model = tmp_path / "model"
    assert (
        run("fit", table, "--target", "y", "-o", model, "--model", tiny_bert, "--head", "ridge").returncode
        == 0
    )
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [COMMAND, "predict", model, table], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert found.returncode == 1
    assert "space" in found.stderr
    assert found.stderr.count("\n") == 1


def test_interrupted_and_gone_on(table, tiny_bert, tmp_path):
    """Ctrl-C in the middle of a comparison, and the same command again."""
    words = [
        "compare",
        table,
        "--target",
        "y",
        "--model",
        tiny_bert,
        "--seeds",
        "2",
        "--bootstrap",
        "20",
        "--output",
        tmp_path,
    ]
    process = subprocess.Popen(
        [COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    stored = "runs/*/[!.]*.json"  # not one that is being written, which an interruption takes away
    while process.poll() is None and not list(tmp_path.glob(stored)):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert said.splitlines()[-1].startswith("embedreg: interrupted")
    finished = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob(stored)}
    assert finished
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert {
        name: Path(next(tmp_path.glob(f"runs/*/{name}"))).stat().st_mtime_ns for name in finished
    } == finished


def test_a_cache_that_cannot_be_used_is_said_and_no_more(table, tiny_bert, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = run(
        "embed",
        table,
        "--model",
        tiny_bert,
        "-o",
        tmp_path / "v.npy",
        env=os.environ | {"EMBEDREG_CACHE_DIR": str(blocked)},
    )
    assert found.returncode == 0, found.stderr
    assert "warning" in found.stderr
    assert (tmp_path / "v.npy").is_file()
