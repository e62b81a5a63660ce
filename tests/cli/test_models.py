"""`embedreg models`, on a catalogue entry that needs no network."""

from __future__ import annotations

from pathlib import Path


def test_weights_are_fetched_verified_and_found_damaged(run, tiny_entry, tmp_path) -> None:
    tiny_entry()
    [before] = [row for row in run("models", "list", "--json").json() if row["name"] == "tiny"]
    assert "path" not in before

    pulled = run("models", "pull", "tiny")
    assert pulled.status == 0
    [after] = [row for row in run("models", "list", "--json").json() if row["name"] == "tiny"]
    assert pulled.out == f"tiny is in {after['path']}\n"
    listed = [line for line in run("models", "list").out.splitlines() if line.startswith("tiny ")]
    assert listed[0].endswith(after["path"])

    verified = run("models", "verify")
    assert (verified.status, verified.out) == (0, "tiny: as published\n")

    with (Path(after["path"]) / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\x7f")
    damaged = run("models", "verify", "tiny")
    assert damaged.status == 1
    assert "other weights than published for tiny" in damaged.err
