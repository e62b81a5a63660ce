"""Attention on processors without compiled steps: by blocks of scores that stay in caches, or torch's own with keys filled up.

Where they are, `embedreg.embed._steps.tile_attention` is two to three times as fast with AMX, and taken for what it can do.

torch's own `scaled_dot_product_attention` took 43% of MiniLM's time at 512 tokens in bfloat16, and 31% of SmolLM2's. On two
cores with AVX-512 for bfloat16, in batches of 1,024 tokens, torch's against this one when it still took torch's softmax:

    tokens a text                      32         128          512         1024          2048
    MiniLM, ms a layer            1.5, .7    3.2, 1.7     8.3, 5.2
    MiniLM, tokens/s         10,800 11,800  10,500 11,400  7,700 8,900
    SmolLM2, ms a layer           1.7, .8    4.2, 1.8     9.8, 4.6    12.9, 8.3    43.7, 27.9
    SmolLM2, tokens/s          1,170 1,230   970 1,160    950 1,200    880 1,010

In float32 MiniLM read 5,300 and 5,600 tokens/s in texts of 32 tokens, as many with either in those of 64, and fewer with
this one in longer ones.

On processors with AMX torch's own has faster products, in bfloat16, for numbers of keys that fill its tiles: with keys filled
up it is the fastest there, but for many short texts, where blocks are. docs/results.md has what each way takes
(`benchmarks/attention.py`).
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from embedreg.core.devices import processor_has
from embedreg.embed._steps import tile_attention, tiles_suit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_SCORES_AT_ONCE: Final = 2**21  # half as many, or twice, took a tenth longer
_CAUSAL_ROWS: Final = 128  # the fewer, the fewer scores of keys that come later, and the smaller the products
_LOG2_E: Final = math.log2(math.e)
_SUMS: Final = (2.0**-60, 2.0**90)  # of the exponents that float32 and bfloat16 have, leaving some for values
_SHORT: Final = 32  # tokens up to which float32 gains too
_TILE: Final = 16  # keys, of which AMX has as many in a tile
_SHORT_WITH_AMX: Final = 96  # tokens up to which blocks are faster there, where they do not fill torch's own
_FULL_WITH_AMX: Final = 32
_MANY_WITH_AMX: Final = 8  # texts from which on they are
_BIASED: Final = "_embedreg_biased"


def attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    seen: Tensor | None = None,
    bias: Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return what each token reads from the others, by the way that was measured to be the faster one.

    Parameters
    ----------
    queries
        Shape (b, h, t, d).
    keys, values
        Shape (b, k, n, d): h / k heads of queries share a head of keys. The queries are those of the last t of n tokens.
    seen
        Boolean, shape (b, 1, 1, n): which keys may be read; None for all. At least one of each text.
    bias
        What is added to scores, shape (1, h, t, n) or (b, h, t, n), where no heads share keys; None for nothing.
    causal
        Whether a token reads only those up to itself.
    scale
        Of the scores; 1 / sqrt(d) by default.

    Returns
    -------
    Tensor of shape (b, t, h, d)
    """
    if seen is None and bias is None and tiles_suit(queries, keys, values):
        read = tile_attention(queries, keys, values, causal=causal, scale=scale)
        if read is not None:
            return read
    if is_blockwise_faster(queries):
        return blockwise_attention(queries, keys, values, seen=seen, bias=bias, causal=causal, scale=scale)
    t, n = queries.shape[2], keys.shape[2]
    if causal and (seen is not None or bias is not None or t < n):
        before = torch.ones(t, n, dtype=torch.bool, device=queries.device).tril(n - t)
        seen, causal = before if seen is None else seen & before, False
    more = missing_keys(queries, n)
    if bias is not None:
        seen = biased(bias, seen, more)
    if more:
        if not causal and bias is None:  # else no query is of a token that comes so late, or its bias says so
            seen = torch.ones(1, 1, 1, n, dtype=torch.bool, device=keys.device) if seen is None else seen
            seen = functional.pad(seen, (0, more))
        keys, values = filled(keys, more), filled(values, more)
    shared = {"enable_gqa": True} if queries.shape[1] != keys.shape[1] else {}
    if shared and seen is not None and queries.device.type == "cuda":  # whose kernels take one or the other
        times = queries.shape[1] // keys.shape[1]
        keys, values = (part.repeat_interleave(times, dim=1) for part in (keys, values))
        shared = {}
    read = functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=seen, is_causal=causal, scale=scale, **shared
    )
    return read.transpose(1, 2)


def biased(bias: Tensor, seen: Tensor | None, more: int) -> Tensor:
    """Return a bias (b, h, t, n + more) that is at its least where nothing is seen, nor are the last keys.

    Of layers that share a bias the first one makes it, and it is kept with the bias: of a batch of T5 XXL's it takes gigabytes.

    Parameters
    ----------
    bias
        Shape (b or 1, h, t, n).
    seen
        Boolean, of a shape that goes with it; None for all.
    more
        How many keys are filled up.
    """
    known: tuple[Tensor | None, int, Tensor] | None = getattr(bias, _BIASED, None)
    if known is None or known[0] is not seen or known[1] != more:
        least = torch.finfo(bias.dtype).min
        full = functional.pad(bias, (0, more), value=least) if more else bias
        if seen is not None:
            full = torch.where(functional.pad(seen, (0, more)) if more else seen, full.contiguous(), least)
        known = seen, more, full
        setattr(bias, _BIASED, known)
    return known[2]


def is_own_faster(queries: Tensor) -> bool:
    """Return whether `attention` has a faster way than torch's own for such queries (b, h, t, d), as far as is known."""
    return is_blockwise_faster(queries) or is_filling_faster(queries)


def is_filling_faster(queries: Tensor) -> bool:
    """Return whether torch's own attention is faster for such queries (b, h, t, d) where keys fill a processor's tiles."""
    return queries.device.type == "cpu" and queries.dtype == torch.bfloat16 and processor_has("amx_tile")


def missing_keys(queries: Tensor, n: int) -> int:
    """Return how many keys torch's own attention lacks to n to be fast for such queries (b, h, t, d)."""
    return -n % _TILE if is_filling_faster(queries) else 0


def filled(keys: Tensor, more: int) -> Tensor:
    """Return keys, or values, (b, k, n, d) with so many of zeros behind them."""
    return functional.pad(keys, (0, 0, 0, more)) if more else keys


def is_blockwise_faster(queries: Tensor) -> bool:
    """Return whether `blockwise_attention` is faster than torch's own for such queries (b, h, t, d), as far as is known."""
    texts, _, tokens, _ = queries.shape
    if is_filling_faster(queries):
        return texts >= _MANY_WITH_AMX and tokens <= _SHORT_WITH_AMX and tokens % _FULL_WITH_AMX != 0
    if queries.device.type != "cpu" or processor_has("amx_tile") or not processor_has("avx512_bf16"):
        return False
    return queries.dtype == torch.bfloat16 or (queries.dtype == torch.float32 and tokens <= _SHORT)


def blockwise_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    seen: Tensor | None = None,
    bias: Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return what `attention` does, block by block; scores are rounded to the tensors' precision before the softmax.

    That is taken as powers of two, divided by their sum once values are weighted: torch's softmax looks for each row's greatest
    score first, which no finite sum needs, and divides every score. From the first block on whose sums are far from one it is
    torch's softmax.

    Examples
    --------
    >>> ones = torch.ones(1, 2, 3, 4)
    >>> blockwise_attention(ones, ones[:, :1], ones[:, :1], causal=True).shape
    torch.Size([1, 3, 2, 4])
    """
    b, h, t, d = queries.shape
    shared = keys.shape[1]
    groups, heads = b * shared, h // shared  # heads: of queries, which share a group's keys
    n = keys.shape[2]
    asked = queries.reshape(groups, heads, t, d)
    keys = keys.reshape(groups, n, d).transpose(1, 2)
    values = values.reshape(groups, n, d)
    unseen = None if seen is None else _bias(~seen[:, 0], asked).repeat_interleave(shared, dim=0)
    first = n if seen is None else _first_unseen(seen)
    scale = d**-0.5 if scale is None else scale
    read = asked.new_empty(b, t, shared, heads, d)
    scratch = asked.new_empty(min(max(_SCORES_AT_ONCE, heads * n), groups * heads * t * n))
    by_powers = True
    for some, rows, end in _blocks(b, shared, heads, t, n, causal=causal):
        block = asked[some, :, rows]  # (g, heads, r, d)
        hidden = None if unseen is None or first >= end else unseen[some, None, :, first:end]
        later = _later(block) if causal else None
        own = None if bias is None else _bias_of(bias, some, rows, end)
        scored = functools.partial(_scores, block, keys[some, :, :end], own, hidden, later, scratch, scale)
        if by_powers:
            weights = scored(_LOG2_E).exp2_()
            sums = weights.sum(dim=-1, keepdim=True)
            by_powers = _is_moderate(sums)
        if not by_powers:
            weights = torch.softmax(scores := scored(1.0), dim=-1, out=scores)
        found = torch.bmm(weights.flatten(1, 2), values[some, :end])
        part = _part(read, some, rows)
        if by_powers:
            torch.div(found.view(part.shape), sums.view(*part.shape[:-1], 1), out=part)
        else:
            part.copy_(found.view(part.shape))
    return read.view(b, t, h, d)


def _blocks(
    b: int, shared: int, heads: int, t: int, n: int, *, causal: bool
) -> Iterator[tuple[slice, slice, int]]:
    """Yield (groups, queries, how many of n keys they read) of blocks of about as many scores as are held at once.

    Groups are of whole texts, or of one text.
    """
    most = max(1, min(t, _SCORES_AT_ONCE // (heads * n)))
    size = min(most, _CAUSAL_ROWS) if causal else most
    for start in range(0, t, size):
        rows = slice(start, min(start + size, t))
        end = n - t + rows.stop if causal else n
        together = max(1, _SCORES_AT_ONCE // (heads * (rows.stop - start) * end))
        within = b * shared if together >= shared else shared
        together -= together % shared if together >= shared else 0
        for text in range(0, b * shared, max(1, within)):
            for first in range(text, text + within, together):
                yield slice(first, min(first + together, text + within)), rows, end


def _part(read: Tensor, some: slice, rows: slice) -> Tensor:
    """Return where such groups' queries are in what is read (b, t, shared, heads, d), as (texts, groups, heads, r, d)."""
    texts, groups = _places(some, read.shape[2])
    return read[texts, rows, groups].permute(0, 2, 3, 1, 4)


def _bias_of(bias: Tensor, some: slice, rows: slice, end: int) -> Tensor:
    """Return a bias's part (texts or 1, heads, r, end) for such groups' queries and keys."""
    texts, heads = _places(some, bias.shape[1])
    return bias[texts if len(bias) > 1 else slice(1), heads, rows, :end]


def _places(some: slice, shared: int) -> tuple[slice, slice]:
    """Return which texts groups are of, `shared` to a text, and which of a text's groups they are."""
    text, first = divmod(some.start, shared)
    count = some.stop - some.start
    return slice(text, text + max(1, count // shared)), slice(first, min(first + count, shared))


def _scores(
    queries: Tensor,
    keys: Tensor,
    bias: Tensor | None,
    hidden: Tensor | None,
    later: Tensor | None,
    scratch: Tensor,
    scale: float,
    factor: float,
) -> Tensor:
    """Return the scores (g, heads, r, end) of queries (g, heads, r, d) and keys (g, d, end) by a factor, kept in `scratch`.

    What is added is `bias` (texts or 1, g / texts, r, end) to all of them, and to the last ones `hidden` (g, 1, 1, k) and
    `later` (r, r).
    """
    flat = queries.flatten(1, 2)
    shape = *flat.shape[:2], keys.shape[2]
    products = scratch[: math.prod(shape)].view(shape)
    torch.baddbmm(products, flat, keys, beta=0, alpha=scale * factor, out=products)
    if bias is not None:
        products.view(-1, *bias.shape[1:]).add_(bias, alpha=factor)
    scores = products.view(*queries.shape[:3], -1)
    for added in (hidden, later):
        if added is not None:
            scores[..., -added.shape[-1] :] += added
    return scores


def _is_moderate(sums: Tensor) -> bool:
    """Return whether no power was lost or too great, nor will be what is summed up of values that they weight."""
    least, greatest = sums.aminmax()
    return bool(least > _SUMS[0]) and bool(greatest < _SUMS[1])


def _later(queries: Tensor) -> Tensor:
    """Return what hides from each query (g, heads, r, d) the keys after it, shape (r, r)."""
    r = queries.shape[2]
    return _bias(torch.ones(r, r, dtype=torch.bool).triu(1), queries)


def _first_unseen(seen: Tensor) -> int:
    """Return the first key that some text (b, 1, 1, n) does not see, or n: of padded texts of like length, one of the last."""
    everywhere = seen.flatten(0, 2).all(dim=0)
    return int(everywhere.long().cumprod(0).sum())


def _bias(hidden: Tensor, like: Tensor) -> Tensor:
    """Return what is added to scores: minus infinity where they are hidden."""
    return like.new_zeros(hidden.shape).masked_fill_(hidden, -math.inf)
