"""Checkpoints become safetensors with every tensor, whatever storage tensors share."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load_file

from embedreg.embed._checkpoint import convert_checkpoint


def test_parts_of_one_tensor_are_kept_and_the_same_one_once(tmp_path):
    whole = torch.arange(12.0).view(4, 3)
    weights = {"whole": whole, "tied": whole, "first": whole[:2], "last": whole[2:], "other": torch.ones(2)}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))

    convert_checkpoint(tmp_path, "0" * 64)

    [path] = tmp_path.glob("*.safetensors")
    found = load_file(path)
    assert found.keys() == {"whole", "first", "last", "other"}
    assert all(torch.equal(found[name], weights[name]) for name in found)
