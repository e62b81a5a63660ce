"""Compiled from `_kernels.c` and its neighbours, where a compiler is; pointers are `Tensor.data_ptr()`, and nothing is checked.

Where `threads` are given, so many of torch's own share the work; what comes out does not hang on how many they are.
"""

def has_avx() -> bool:
    """Return whether the processor has AVX-512 with bfloat16, which all of these want."""

def has_amx() -> bool:
    """Return whether this process may use AMX's tiles, which `attend` wants."""

def add_norm(
    out: int, added: int, to: int, weight: int, bias: int, rows: int, d: int, epsilon: float, /
) -> None:
    """Write the norm of a sum, rows of d, which has to be a multiple of 16."""

def rms_norm(out: int, given: int, weight: int, rows: int, d: int, epsilon: float, /) -> None:
    """Write the norm of rows of d, a multiple of 16, by their root mean square."""

def rotate(out: int, given: int, cos: int, sin: int, tokens: int, places: int, heads: int, d: int, /) -> None:
    """Write heads (tokens, heads, d), d a multiple of 32, turned by angles (places, d), which begin anew after the last one."""

def gelu(out: int, numbers: int, count: int, table: int, /) -> None:
    """Write GELU of so many numbers, in their place if that is `out`; `table`: 65 numbers of float32, see the source."""

def attend(
    out: int,
    queries: int,
    keys: int,
    values: int,
    texts: int,
    count: int,
    steps: int,
    heads: int,
    shared: int,
    d: int,
    scale: float,
    bias: int,
    bias_head: int,
    most_bias: float,
    causal: bool,
    threads: int,
    /,
) -> bool:
    """Write what each query of texts reads; return whether it could, as scores are numbers.

    Parameters
    ----------
    out
        One token's heads after the other's.
    texts
        Six numbers of int64 a text: where its first query, key, value and what it reads are, in elements; its queries and keys.
    steps
        Six numbers of int64: from one token to the next and from one head to the next of queries, keys and values.
    d
        A multiple of 32.
    scale, bias, most_bias
        In powers of two; 0 for no bias.
    """

def finish_layer(
    out: int,
    read: int,
    to: int,
    rows: int,
    width: int,
    d: int,
    wide: int,
    output: int,
    widening: int,
    narrowing: int,
    vectors: int,
    epsilon: float,
    table: int,
    threads: int,
    /,
) -> None:
    """Write what a layer gives, after attention; `out` may be `to`.

    Parameters
    ----------
    read
        What attention read, rows of `width`, a multiple of 32 as the other widths are.
    to
        The layer's input, rows of d.
    output, widening, narrowing
        Weights in tiles, see the source.
    vectors
        Of float32: the output's bias, the first norm's weight and bias, the biases of the perceptron's layers, the second norm's.
    table
        As for `gelu`.
    """

def gated(
    out: int, states: int, rows: int, d: int, wide: int, widening: int, narrowing: int, threads: int, /
) -> None:
    """Write what a perceptron with a gate gives for states, rows of d.

    Parameters
    ----------
    widening, narrowing
        Weights in tiles; those of the gate and of what is gated take turns, 32 outputs each.
    """
