"""Products by weights in the layout of the processor's kernels, held to torch's own."""

from __future__ import annotations

import functools
import platform
import warnings

import pytest
import torch

from embedreg.core import products
from embedreg.core.products import gates, linear_map, packed, packed_gate, packed_map, packs

X86 = platform.machine() in ("x86_64", "AMD64")


@pytest.fixture
def capabilities(monkeypatch):
    """What torch says of a processor like the one measured, to be changed; it is tried anew."""
    packs.cache_clear()
    gates.cache_clear()
    known = {"avx512_bf16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    yield known
    packs.cache_clear()
    gates.cache_clear()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 7), (3, 5, 7), (0, 7), (8, 4, 7), (33, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_map_is_a_product(dtype, shape, bias):
    generator = torch.Generator().manual_seed(0)
    weight, offset, states = (
        torch.randn(size, generator=generator).to(dtype) for size in ((11, 7), (11,), shape)
    )
    offset = offset if bias else None

    found = linear_map(weight, offset)(states)

    assert found.dtype == dtype
    rounding = torch.finfo(dtype).eps
    torch.testing.assert_close(
        found, torch.nn.functional.linear(states, weight, offset), rtol=8 * rounding, atol=8 * rounding
    )


@pytest.mark.skipif(not X86, reason="no x86 processor")
@torch.inference_mode()
def test_weights_keep_their_numbers_and_what_they_say_of_themselves():
    weight = torch.randn(33, 17)
    laid_out = packed(weight)
    assert packs(torch.bfloat16)
    assert (laid_out.shape, laid_out.dtype) == (weight.shape, weight.dtype)
    assert torch.equal(laid_out.to_dense(), weight)


@pytest.mark.skipif(not X86, reason="no x86 processor")
def test_a_map_is_for_inference():
    states = torch.randn(3, 7, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not packed_map(packed(torch.randn(5, 7)), None)(states).requires_grad


@pytest.mark.usefixtures("capabilities")
def test_it_is_tried_on_the_processor():
    with torch.device("meta"):
        assert packs(torch.float32) == X86


def test_with_amx_float32_is_left_to_torch(capabilities):
    capabilities["amx_tile"] = True
    assert not packs(torch.float32)
    assert packs(torch.bfloat16) == X86


@pytest.mark.usefixtures("capabilities")
@pytest.mark.parametrize("reason", ["another processor", "no such operator", "another result"])
def test_elsewhere_torch_multiplies(monkeypatch, reason):
    def missing(_):
        raise AttributeError("_reorder_linear_weight")

    patches = {
        "another processor": (platform, "machine", lambda: "aarch64"),
        "no such operator": (products, "packed", missing),
        "another result": (products, "packed_map", lambda *given: lambda x: packed_map(*given)(x) * 2),
    }
    monkeypatch.setattr(*patches[reason])

    assert not packs(torch.float32)
    assert isinstance(linear_map(torch.ones(2, 2), None), functools.partial)


@pytest.mark.skipif(not X86, reason="no x86 processor")
@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 7), (3, 5, 7), (0, 7), (33, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_gate_is_multiplied_by_what_it_lets_through(dtype, shape, bias):
    generator = torch.Generator().manual_seed(0)
    gate, up, offset, states = (
        torch.randn(size, generator=generator) for size in ((11, 7), (11, 7), (11,), shape)
    )
    gate, up, offset, states = (part.to(dtype) for part in (gate, up, offset, states))
    offset = offset if bias else None

    found = packed_gate((packed(gate), offset), (packed(up), offset))(states)

    exact = (None if part is None else part.double() for part in (states, gate, up, offset))
    x, w, v, b = exact
    linear = torch.nn.functional.linear
    wanted = torch.nn.functional.silu(linear(x, w, b)) * linear(x, v, b)
    assert found.dtype == dtype
    rounding = torch.finfo(dtype).eps
    torch.testing.assert_close(found.double(), wanted, rtol=8 * rounding, atol=32 * rounding)


@pytest.mark.usefixtures("capabilities")
@pytest.mark.parametrize("reason", ["products are torch's own", "no such operator", "another result"])
def test_gates_are_written_out_where_that_does_not_work(monkeypatch, reason):
    def missing(*_):
        raise AttributeError("binary")

    patches = {
        "products are torch's own": ("packs", lambda _: False),
        "no such operator": ("packed_gate", missing),
        "another result": ("packed_gate", lambda *given: lambda x: packed_gate(*given)(x) + 0.1),
    }
    assert gates(torch.float32) == X86
    gates.cache_clear()
    monkeypatch.setattr(products, *patches[reason])
    assert not gates(torch.float32)
