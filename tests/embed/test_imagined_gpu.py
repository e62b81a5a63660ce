"""What runs on a GPU alone, where there is none: of the right shape, precision and device, and waiting for no number.

`test_on_gpu.py` compares numbers, on a GPU.
"""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch
from imagined_gpu import imagined_gpu, where_one_can_be_imagined

from embedreg.embed._batch import Batch
from embedreg.embed._bert import BertEncoder, bert_tensors
from embedreg.embed._bert_families import family_of
from embedreg.embed._layers import chosen_layers
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory
from embedreg.embed._pooling import pooling_named
from embedreg.embed._read_out import ReadOut

pytestmark = where_one_can_be_imagined
UNLIKE = (7, 24, 12, 3)
LIKE = (6, 6, 6)
DTYPES = ["float32", "bfloat16", "float16"]


def tensors_of(path):
    """Return the tensors of a model of BERT's families, which are read before a GPU is imagined; None of others."""
    directory = ModelDirectory(path, with_weights=True)
    family = family_of(directory.config)
    return bert_tensors(family, directory.weights) if family else None


def network_on(device, path, tensors, dtype):
    directory = ModelDirectory(path, with_weights=True)
    if tensors is not None:
        return BertEncoder(family_of(directory.config), directory.config, tensors, dtype, device)
    with device:
        return make_network(directory, dtype, device, seed=0)


def batch_of(lengths, device):
    rng = np.random.default_rng(0)
    return Batch([rng.integers(5, 90, n).astype(np.int32) for n in lengths], 0, device)


@pytest.fixture(params=["tiny_bert", "tiny_roberta", "tiny_llama", "tiny_t5", "tiny_gpt2"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", [UNLIKE, LIKE])
def test_states_and_what_poolings_take_from_them(model, dtype, lengths):
    precision, tensors = getattr(torch, dtype), tensors_of(model)
    with imagined_gpu() as gpu:
        network = network_on(gpu, model, tensors, precision)
        batch = batch_of(lengths, gpu)

        with torch.no_grad():
            [state] = network.states(batch, [1])

        sums = torch.float32 if model.name == "tiny-t5" else precision
        assert (state.device, state.dtype) == (gpu, sums)
        assert tuple(state.shape) == (len(lengths), max(lengths), network.vocabulary.shape[1])
        for pooling in ("mean", "weighted", "last", "max", "first"):
            read = ReadOut(chosen_layers(1, 2), pooling_named(pooling))
            part = read.over_window({1: state.float()}, batch.mask)
            assert (part.device, part.dtype, len(part)) == (gpu, torch.float32, len(lengths))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tiny_bert", "tiny_llama"])
def test_texts_of_unlike_lengths_are_read_without_padding(name, dtype, request):
    path = request.getfixturevalue(name)
    tensors = tensors_of(path)
    with imagined_gpu() as gpu:
        network = network_on(gpu, path, tensors, getattr(torch, dtype))
        spy = mock.patch.object(Batch, "attention", autospec=True, side_effect=Batch.attention)
        with spy as attention, torch.no_grad():
            network.states(batch_of(UNLIKE, gpu), [2])

    in_half = dtype != "float32"
    assert network.packs == (in_half or name == "tiny_bert")
    assert attention.call_count == (2 if network.packs else 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_texts_begin_with_is_read_once(tiny_llama, dtype):
    precision = getattr(torch, dtype)
    beginning, rest = np.arange(40, dtype=np.int32), np.arange(50, 56, dtype=np.int32)
    with imagined_gpu() as gpu:
        network = network_on(gpu, tiny_llama, None, precision)
        vars(network._prefix)["works"] = True
        batch = Batch([np.concatenate([beginning, rest[i:]]) for i in range(4)], 0, gpu)
        with torch.no_grad():
            [state] = network.states(batch, [2])

    assert len(network._prefix._kept.last.ids) == len(beginning)
    assert (state.device, state.dtype, tuple(state.shape)) == (gpu, precision, (4, 46, 32))
