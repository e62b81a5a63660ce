"""What stands between a layer's products in bfloat16 on a processor, compiled: one pass over memory each (`_kernels.c`).

Where the package was installed without a compiler, or the processor is another one, `steps_work` and `tiles_suit` are False, and
torch does all of it. So it does where more than two threads share a batch: what is one pass is of one thread. Attention and
perceptrons are shared by torch's own threads (`_team.h`), and give the same however many these are.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from embedreg.embed._distance_bias import DistanceBias

_kernels: Any
try:
    from embedreg.embed import _kernels
except ImportError:  # installed without a compiler
    _kernels = None

_PAIRS: Final = 32  # numbers of which rows have to be a multiple
_IN_TILES: Final = (2, 16, 16, 2)  # how 32 inputs of 32 outputs stand there
_MOST_THREADS: Final = 2
_LEAST_SHARED: Final = 64  # tokens, of whose attention threads do their parts
_LOG2_E: Final = math.log2(math.e)
_GELU_PARTS: Final = 16
_GELU_END: Final = 5.5  # where h is a ten-millionth
_GELU_NODES: Final = 32
_ROUNDINGS: Final = 4  # of a result, by which two right ways may differ


def steps_suit(states: Tensor) -> bool:
    """Return whether norms, activations and rotations can be computed here for states (..., d), and faster."""
    wide = states.shape[-1] % _PAIRS == 0
    return states.dtype == torch.bfloat16 and wide and is_for_few(states) and steps_work()


def tiles_suit(queries: Tensor, keys: Tensor, values: Tensor) -> bool:
    """Return whether `tile_attention` can be used for queries (b, h, t, d), keys and values (b, k, n, d), and is faster."""
    d = queries.shape[3]
    alike = d == keys.shape[3] == values.shape[3] and d % _PAIRS == 0 and keys.shape[2] >= queries.shape[2]
    return queries.dtype == keys.dtype == torch.bfloat16 and alike and is_for_few(queries) and tiles_work()


def is_for_few(states: Tensor) -> bool:
    """Return whether so few threads share a batch on a processor that compiled steps, which are of one thread, are faster."""
    return states.device.type == "cpu" and torch.get_num_threads() <= _MOST_THREADS


@functools.cache
def steps_work() -> bool:
    """Return whether compiled norms, activations and rotations work on this processor, and give what torch gives."""
    if _kernels is None or not _kernels.has_avx():
        return False
    with torch.inference_mode():
        states, to, (weight, bias) = _tried(5, 96), _tried(5, 96, 3), _tried(2, 96, 5)
        wide, heads, (cos, sin) = (
            states.float(),
            _tried(6, 32).view(1, 3, 2, 32),
            _tried(6, 32, 2).view(2, 3, 32),
        )
        first, second = heads.float().chunk(2, dim=-1)
        turned = torch.cat([-second, first], dim=-1) * sin[:, None] + heads.float() * cos[:, None]
        pairs = [
            (rms_norm(states, weight, 1e-6), functional.rms_norm(wide, (96,), weight.float(), 1e-6)),
            (rotated(heads.transpose(1, 2), cos[None, None], sin[None, None]).transpose(1, 2), turned),
            (gelu(8 * to), functional.gelu(8 * to.float())),
            (gelu(8 * to, by_tanh=True), functional.gelu(8 * to.float(), approximate="tanh")),
            (
                add_norm(states, to, (weight, bias), 1e-12),
                functional.layer_norm(wide + to, (96,), weight.float(), bias.float(), 1e-12),
            ),
        ]
        return all(map(is_alike, *zip(*pairs, strict=True)))


@functools.cache
def tiles_work() -> bool:
    """Return whether compiled attention works on this processor, and gives what torch gives."""
    if _kernels is None or not _kernels.has_amx():
        return False
    with torch.inference_mode():
        asked, known, given = (
            _tried(2 * heads * 39, 32, heads).view(2, heads, 39, 32) for heads in (4, 2, 2)
        )
        found = tile_attention(asked, known, given, causal=True)
        wanted = functional.scaled_dot_product_attention(
            asked.float(), known.float(), given.float(), is_causal=True, enable_gqa=True
        )
    return found is not None and is_alike(found, wanted.transpose(1, 2))


def add_norm(added: Tensor, to: Tensor, norm: tuple[Tensor, Tensor], epsilon: float) -> Tensor:
    """Return the layer norm (Ba et al., arXiv 1607.06450) of a sum, written where what was added is.

    Parameters
    ----------
    added, to
        Shape (..., d), contiguous; the first one is lost.
    norm
        Weight and bias, each (d,).
    epsilon
        Added to the variance.
    """
    d = added.shape[-1]
    _check(added.shape == to.shape, added, to, *norm)
    weight, bias = (part.data_ptr() for part in norm)
    out = added.data_ptr()
    _kernels.add_norm(out, out, to.data_ptr(), weight, bias, added.numel() // d, d, epsilon)
    return added


def rms_norm(states: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Return states (..., d) by their root mean square (Zhang and Sennrich, arXiv 1910.07467), times a weight (d,)."""
    states, d = states.contiguous(), states.shape[-1]
    _check(weight.shape == (d,), states, weight)
    found = torch.empty_like(states)
    _kernels.rms_norm(found.data_ptr(), states.data_ptr(), weight.data_ptr(), states.numel() // d, d, epsilon)
    return found


def rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return queries or keys turned by their positions (rotary embeddings, Su et al., arXiv 2104.09864), in halves.

    Parameters
    ----------
    heads
        Shape (b, h, t, d).
    cos, sin
        Shape (b or 1, 1, t, d).
    """
    b, h, t, d = heads.shape
    rows, cos, sin = (part.contiguous() for part in (heads.transpose(1, 2), cos, sin))
    _check(cos.shape == sin.shape and cos.shape in ((b, 1, t, d), (1, 1, t, d)), rows, cos, sin)
    found = torch.empty_like(rows)
    angles = cos.data_ptr(), sin.data_ptr()
    _kernels.rotate(found.data_ptr(), rows.data_ptr(), *angles, b * t, cos.shape[0] * t, h, d)
    return found.transpose(1, 2)


def gelu(numbers: Tensor, *, by_tanh: bool = False) -> Tensor:
    """Return GELU (Hendrycks and Gimpel, arXiv 1606.08415), or its approximation, to .00001 beside its rounding."""
    return _gelu_to(torch.empty_like(numbers), numbers, by_tanh=by_tanh)


def gelu_(numbers: Tensor) -> Tensor:
    """Return GELU of numbers in their place."""
    return _gelu_to(numbers, numbers, by_tanh=False)


def _gelu_to(out: Tensor, numbers: Tensor, *, by_tanh: bool) -> Tensor:
    _check(out.shape == numbers.shape, out, numbers, of=1)
    _kernels.gelu(out.data_ptr(), numbers.data_ptr(), numbers.numel(), _gelu_table(by_tanh).ctypes.data)
    return out


def finish_layer(
    read: Tensor, to: Tensor, tiles: Sequence[Tensor], vectors: Tensor, epsilon: float
) -> Tensor:
    """Return the output of a layer of BERT's families, by AMX, written where what attention read was if it is as wide.

    Parameters
    ----------
    read
        What attention read, (rows, width).
    to
        The layer's input, (rows, d).
    tiles
        Weights of attention's output and of the perceptron's two layers, as `embedreg.embed._tile_weights.in_tiles` has them.
    vectors
        Of float32, one after the other: the output's bias, the weight and the bias of the norm that follows, the biases of
        the perceptron's two layers, and the second norm's weight and bias.
    epsilon
        Added to variances.
    """
    (rows, width), (_, d) = read.shape, to.shape
    wide = len(tiles[1]) * _PAIRS
    wanted = ((d, width), (wide, d), (d, wide))
    suits = [(*(n * _PAIRS for n in part.shape[:2]), *part.shape[2:]) for part in tiles] == [
        (*shape, *_IN_TILES) for shape in wanted
    ]
    suits = suits and vectors.dtype == torch.float32 and vectors.numel() == 6 * d + wide and len(to) == rows
    _check(suits and tiles_work(), read, to)
    _check(vectors.is_contiguous(), *tiles, of=1)
    out = read if width == d else torch.empty_like(to)
    _kernels.finish_layer(
        out.data_ptr(),
        read.data_ptr(),
        to.data_ptr(),
        rows,
        width,
        d,
        wide,
        *(weights.data_ptr() for weights in tiles),
        vectors.data_ptr(),
        epsilon,
        _gelu_table(False).ctypes.data,
        torch.get_num_threads(),
    )
    return out


def gated(states: Tensor, widening: Tensor, narrowing: Tensor) -> Tensor:
    """Return what a perceptron with a gate gives for states (..., d), by AMX.

    Parameters
    ----------
    states
        Contiguous.
    widening
        Weights of the gate and of what is gated, (wide / 32, 2, d / 32, 2, 16, 16, 2), see `embedreg.embed._tile_weights`.
    narrowing
        Weights in tiles.
    """
    d, wide = (n * _PAIRS for n in narrowing.shape[:2])
    suits = states.shape[-1] == d and widening.shape == (wide // _PAIRS, 2, d // _PAIRS, *_IN_TILES)
    _check(suits and narrowing.shape[2:] == _IN_TILES and tiles_work(), states)
    _check(True, widening, narrowing, of=1)
    out = torch.empty_like(states)
    addresses = widening.data_ptr(), narrowing.data_ptr()
    rows, threads = states.numel() // d, torch.get_num_threads()
    _kernels.gated(out.data_ptr(), states.data_ptr(), rows, d, wide, *addresses, threads)
    return out


def tile_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    causal: bool,
    lengths: NDArray[np.int64] | None = None,
    scale: float | None = None,
    bias: DistanceBias | None = None,
) -> Tensor | None:
    """Return what each token reads from the others of its text, (b, t, h, d), by AMX; None where a score may be no number.

    Where the lengths of queries and keys tell that scores are moderate, powers are taken without a maximum, which saves a pass.

    Parameters
    ----------
    queries, keys, values, causal, scale
        As for `embedreg.embed._attention.attention`.
    lengths
        Tokens of texts that follow one another, as many queries as keys in all, where b is one; None for b texts.
    bias
        What is added to scores, where there are as many keys as queries; None for nothing.
    """
    parts = [part if part.stride(3) == 1 else part.contiguous() for part in (queries, keys, values)]
    b, heads, t, d = queries.shape
    shared, n = keys.shape[1:3]
    packed = lengths is None or (b == 1 and t == n == lengths.sum())
    suits = heads % shared == 0 and values.shape == keys.shape == (b, shared, n, d) and n >= t
    _check(suits and packed and (bias is None or t == n), *parts, strided=True)
    read = queries.new_empty(b, t, heads, d)
    asked, known, given = (part.data_ptr() for part in parts)
    texts = _alone(parts) if lengths is None else _one_after_another(parts, lengths)
    steps = np.array([part.stride(axis) for part in parts for axis in (2, 1)])
    powers = None if bias is None else bias.powers(int(texts[:, -1].max()))
    is_done = _kernels.attend(
        read.data_ptr(),
        asked,
        known,
        given,
        texts.ctypes.data,
        len(texts),
        steps.ctypes.data,
        heads,
        shared,
        d,
        (d**-0.5 if scale is None else scale) * _LOG2_E,
        powers.table[0, powers.middle :].data_ptr() if powers else 0,
        powers.table.shape[1] if powers else 0,
        powers.most if powers else 0.0,
        causal,
        torch.get_num_threads() if b * t >= _LEAST_SHARED else 1,
    )
    return read if is_done else None


def _alone(parts: Sequence[Tensor]) -> NDArray[np.int64]:
    """Return where texts of queries, keys and values (b, h or k, t or n, d) are, as `_kernels.attend` wants it, (b, 6)."""
    b, heads, t, d = parts[0].shape
    each = np.array([*(part.stride(0) for part in parts), t * heads * d])
    return np.hstack([np.arange(b)[:, None] * each, np.tile([t, parts[1].shape[2]], (b, 1))])


def _one_after_another(parts: Sequence[Tensor], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the same of texts that follow one another."""
    _, heads, _, d = parts[0].shape
    each = np.array([*(part.stride(2) for part in parts), heads * d])
    return np.hstack([(np.cumsum(lengths) - lengths)[:, None] * each, np.tile(lengths[:, None], 2)])


@functools.cache
def _gelu_table(by_tanh: bool) -> NDArray[np.float32]:
    """Return what `_kernels.gelu` reads: cubics through h(z) = z Phi(-z) at Chebyshev's nodes of each part, and parts a unit."""
    within = (1 - np.cos(np.pi * (np.arange(_GELU_NODES) + 0.5) / _GELU_NODES)) / 2
    z = torch.from_numpy(np.arange(_GELU_PARTS) + within[:, None]) * (
        _GELU_END / _GELU_PARTS
    )  # (nodes, parts)
    h = -functional.gelu(-z, approximate="tanh" if by_tanh else "none")
    cubics = np.polynomial.polynomial.polyfit(within, h.numpy(), 3)  # (4, parts)
    return np.append(cubics, _GELU_PARTS / _GELU_END).astype(np.float32)


def _check(suits: bool, *tensors: Tensor, of: int = _PAIRS, strided: bool = False) -> None:
    """Refuse what compiled code would read, or write, beyond: rows have to be of a multiple of so many numbers."""
    for part in tensors:
        alike = part.dtype == torch.bfloat16 and part.device.type == "cpu" and part.shape[-1] % of == 0
        suits = suits and alike and (strided or part.is_contiguous())
    if not suits:
        given = ", ".join(f"{part.dtype} {tuple(part.shape)}" for part in tensors)
        raise ValueError(f"tensors that compiled steps do not take: {given}")


def _tried(rows: int, d: int, seed: int = 1) -> Tensor:
    return torch.linspace(-9, 9 + seed, rows * d, device="cpu").sin().view(rows, d).to(torch.bfloat16)


def is_alike(found: Tensor, wanted: Tensor) -> bool:
    """Return whether what compiled code found in bfloat16 is what was computed in float32, but for rounding."""
    error = float((found.float() - wanted).abs().max() / wanted.abs().max())
    return error <= _ROUNDINGS * torch.finfo(found.dtype).eps
