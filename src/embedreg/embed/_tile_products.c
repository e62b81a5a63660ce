/* Perceptrons of transformers in bfloat16 by AMX; in BERT's families with all that follows attention in a layer, norms included.
 *
 * Some rows go through all of it before the next ones do, so that what is between stays in a core's own cache: what cores share
 * is slow to read. Activations are worked out while the next product runs, which
 * AMX does beside the vector units. Weights stand in tiles, (outputs / 32, inputs / 32, 2, 16 pairs of inputs, 16 outputs, 2),
 * and so do rows that are multiplied, (rows / 32, inputs / 32, 32, 32).
 */
#include "_bfloat16.h"

#ifdef SUPPORTED

#define BLOCK 32                 /* rows, and outputs, of four tiles of sums */
#define MIDDLE_BYTES (768 << 10) /* of the perceptron's inner numbers at once */
#define DEPTH 384                /* inputs at once: of more, rows and weights leave the first cache between two blocks */

typedef struct {
    Size rows;
    Size read, d, wide; /* widths of what attention read, of a state, and within the perceptron: multiples of 32 */
    const bf16 *output, *widening, *narrowing;
    const float *output_bias, *first_weight, *first_bias, *wide_bias, *narrow_bias, *second_weight, *second_bias;
    float epsilon;
} Shape;

/* Sums of a block, and what is to become of them. */
typedef struct {
    const float *sums;
    bf16 *out;
    Size rows;
    __m512 low, high; /* biases */
} Sums;

/* Where row r of n numbers begins among tiles; 32 numbers on, it goes on 32 x 32 further. */
INLINE Size in_tiles(Size r, Size n) { return r / BLOCK * BLOCK * n + r % BLOCK * PAIRS; }

AVX static void lay(bf16 *to, const bf16 *rows, Size count, Size n) {
    for (Size r = 0; r < (count + BLOCK - 1) / BLOCK * BLOCK; r++)
        for (Size i = 0; i < n; i += PAIRS) {
            const __m512i numbers = r < count ? _mm512_loadu_si512(rows + r * n + i) : _mm512_setzero_si512();
            _mm512_store_si512(to + in_tiles(r, n) + i * BLOCK, numbers);
        }
}

AMX INLINE void begin(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

AMX INLINE void go_on(const float *sums, Size step) {
    _tile_loadd(0, sums, step * sizeof(float));
    _tile_loadd(1, sums + LANES, step * sizeof(float));
    _tile_loadd(2, sums + LANES * step, step * sizeof(float));
    _tile_loadd(3, sums + LANES * step + LANES, step * sizeof(float));
}

AMX INLINE void keep(float *sums, Size step) {
    _tile_stored(0, sums, step * sizeof(float));
    _tile_stored(1, sums + LANES, step * sizeof(float));
    _tile_stored(2, sums + LANES * step, step * sizeof(float));
    _tile_stored(3, sums + LANES * step + LANES, step * sizeof(float));
}

/* the products of 32 inputs */
AMX INLINE void multiply(const bf16 *rows, const bf16 *weights) {
    _tile_loadd(4, rows, 64);
    _tile_loadd(6, weights, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, weights + TILE, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, rows + TILE, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/* What is done with sums: GELU of them and a bias, or the sigmoid of a gate's times it and those that are gated. */
enum { GELU, SILU };

AVX INLINE __m512 silu(__m512 x) {
    const __m512 most = _mm512_set1_ps(126.0f), y = _mm512_mul_ps(x, _mm512_set1_ps(-1.442695f)); /* e^-x in powers of two */
    const __m512 rest = power(_mm512_max_ps(_mm512_sub_ps(_mm512_setzero_ps(), most), _mm512_min_ps(most, y)));
    return _mm512_mul_ps(x, _mm512_rcp14_ps(_mm512_add_ps(_mm512_set1_ps(1.0f), rest)));
}

AVX INLINE void activate(const Sums *block, Size row, const Gelu *by, const int how) {
    const float *at = block->sums + row * BLOCK;
    __m512 low = _mm512_load_ps(at), high = _mm512_load_ps(at + LANES);
    if (how == GELU) {
        low = activated(_mm512_add_ps(low, block->low), by);
        high = activated(_mm512_add_ps(high, block->high), by);
    } else {
        low = _mm512_mul_ps(silu(low), _mm512_load_ps(at + BLOCK * BLOCK));
        high = _mm512_mul_ps(silu(high), _mm512_load_ps(at + BLOCK * BLOCK + LANES));
    }
    _mm512_store_si512(block->out + row * PAIRS, both(low, high));
}

/* out = the activation of rows by weights, all in tiles; a block is activated while the next one is multiplied. Of SILU weights
 * of a gate and of what is gated take turns, 32 outputs each. */
AMX INLINE void widen(bf16 *out, const bf16 *rows, Size count, Size d, const bf16 *weights, const float *bias, Size wide,
                      const Gelu *by, float *room, const int how) {
    const Size products = how == SILU ? 2 : 1, steps = products * d / PAIRS, each = (BLOCK + steps - 1) / steps;
    Sums last = {.rows = 0};
    int turn = 0;
    for (Size o = 0; o < wide; o += BLOCK, weights += products * BLOCK * d)
        for (Size r = 0; r < count; r += BLOCK, turn ^= 1) {
            float *sums = room + turn * 2 * BLOCK * BLOCK;
            Size done = 0;
            for (Size product = 0; product < products; product++) {
                begin();
                for (Size i = 0; i < d; i += PAIRS) {
                    multiply(rows + r * d + i * BLOCK, weights + product * BLOCK * d + i * BLOCK);
                    for (Size next = done + each; done < next && done < last.rows; done++) activate(&last, done, by, how);
                }
                keep(sums + product * BLOCK * BLOCK, BLOCK);
            }
            last = (Sums){.sums = sums, .out = out + r * wide + o * BLOCK, .rows = BLOCK};
            if (how == GELU) {
                last.low = _mm512_loadu_ps(bias + o);
                last.high = _mm512_loadu_ps(bias + o + LANES);
            }
        }
    for (Size done = 0; done < last.rows; done++) activate(&last, done, by, how);
}

/* sums (count, outputs) = rows in tiles by weights */
AMX static void sum_up(float *sums, const bf16 *rows, Size count, Size inputs, const bf16 *weights, Size outputs) {
    for (Size first = 0; first < inputs; first += DEPTH) {
        const Size end = first + DEPTH < inputs ? first + DEPTH : inputs;
        for (Size o = 0; o < outputs; o += BLOCK)
            for (Size r = 0; r < count; r += BLOCK) {
                float *at = sums + r * outputs + o;
                if (first)
                    go_on(at, outputs);
                else
                    begin();
                const bf16 *of_rows = rows + r * inputs, *of_weights = weights + o * inputs;
                for (Size i = first; i < end; i += PAIRS) multiply(of_rows + i * BLOCK, of_weights + i * BLOCK);
                keep(at, outputs);
            }
    }
}

/* out = the norm of sums + bias + to, a row of d; the sums are lost. In `out` and `to` the next 32 numbers are `further` on. */
AVX static void norm(bf16 *out, Size out_further, float *sums, const float *bias, const bf16 *to, Size to_further,
                     const float *weight, const float *shift, Size d, float epsilon) {
    __m512 total = _mm512_setzero_ps(), squares = total;
    for (Size i = 0; i < d; i += PAIRS, to += to_further)
        for (Size half = 0; half < PAIRS; half += LANES) {
            float *at = sums + i + half;
            const __m512 x = _mm512_add_ps(_mm512_add_ps(_mm512_load_ps(at), _mm512_loadu_ps(bias + i + half)), load(to + half));
            _mm512_store_ps(at, x);
            total = _mm512_add_ps(total, x);
        }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(total) / (float)d);
    for (Size i = 0; i < d; i += LANES) {
        const __m512 x = _mm512_sub_ps(_mm512_load_ps(sums + i), mean);
        squares = _mm512_fmadd_ps(x, x, squares);
    }
    const __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)d + epsilon));
    for (Size i = 0; i < d; i += PAIRS, out += out_further) {
        __m512 found[2];
        for (int half = 0; half < 2; half++) {
            const Size at = i + half * LANES;
            const __m512 x = _mm512_mul_ps(_mm512_sub_ps(_mm512_load_ps(sums + at), mean), scale);
            found[half] = _mm512_fmadd_ps(x, _mm512_loadu_ps(weight + at), _mm512_loadu_ps(shift + at));
        }
        _mm512_storeu_si512(out, both(found[0], found[1]));
    }
}

static const Tiles all_tiles = {
    .palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* Room for some rows at once: of the perceptron's inner numbers, of what is multiplied first, of states, and of sums. */
typedef struct {
    Size rows;
    bf16 *middle, *laid, *states;
    float *sums, *blocks;
    void *memory;
} Room;

static bool make_room(Room *room, Size rows, Size read, Size d, Size wide) {
    const Size fit = MIDDLE_BYTES / (wide * (Size)sizeof(bf16)) / BLOCK * BLOCK, full = (rows + BLOCK - 1) / BLOCK * BLOCK;
    room->rows = fit < BLOCK ? BLOCK : fit < full ? fit : full;
    const size_t narrow = (size_t)(room->rows * (wide + read + d)) * sizeof(bf16);
    room->memory = aligned_alloc(64, narrow + (size_t)(room->rows * d + 4 * BLOCK * BLOCK) * sizeof(float));
    if (room->memory == NULL) return false;
    room->middle = (bf16 *)room->memory;
    room->laid = room->middle + room->rows * wide;
    room->states = room->laid + room->rows * read;
    room->sums = (float *)((char *)room->memory + narrow);
    room->blocks = room->sums + room->rows * d;
    return true;
}

/* `out` may be what attention read, or the layer's input. */
AMX static void finish(bf16 *out, const bf16 *read, const bf16 *to, const Shape *shape, const float *table, const Room *room) {
    const Size d = shape->d, wide = shape->wide;
    const Gelu by = gelu_of(table);
    _tile_loadconfig(&all_tiles);
    for (Size first = 0; first < shape->rows; first += room->rows) {
        const Size some = shape->rows - first < room->rows ? shape->rows - first : room->rows;
        const Size full = (some + BLOCK - 1) / BLOCK * BLOCK;
        lay(room->laid, read + first * shape->read, some, shape->read);
        sum_up(room->sums, room->laid, full, shape->read, shape->output, d);
        for (Size r = 0; r < some; r++)
            norm(room->states + in_tiles(r, d), TILE * 2, room->sums + r * d, shape->output_bias, to + (first + r) * d, PAIRS,
                 shape->first_weight, shape->first_bias, d, shape->epsilon);
        for (Size r = some; r < full; r++)
            for (Size i = 0; i < d; i += PAIRS) memset(room->states + in_tiles(r, d) + i * BLOCK, 0, PAIRS * sizeof(bf16));
        widen(room->middle, room->states, full, d, shape->widening, shape->wide_bias, wide, &by, room->blocks, GELU);
        sum_up(room->sums, room->middle, full, wide, shape->narrowing, d);
        for (Size r = 0; r < some; r++)
            norm(out + (first + r) * d, PAIRS, room->sums + r * d, shape->narrow_bias, room->states + in_tiles(r, d), TILE * 2,
                 shape->second_weight, shape->second_bias, d, shape->epsilon);
    }
    _tile_release();
}

/* A perceptron with a gate (SwiGLU: Shazeer, arXiv 2002.05202), without biases. */
AMX static void gate(bf16 *out, const bf16 *states, Size rows, Size d, Size wide, const bf16 *widening, const bf16 *narrowing,
                     const Room *room) {
    const Gelu none = {0};
    _tile_loadconfig(&all_tiles);
    for (Size first = 0; first < rows; first += room->rows) {
        const Size some = rows - first < room->rows ? rows - first : room->rows, full = (some + BLOCK - 1) / BLOCK * BLOCK;
        lay(room->laid, states + first * d, some, d);
        widen(room->middle, room->laid, full, d, widening, NULL, wide, &none, room->blocks, SILU);
        sum_up(room->sums, room->middle, full, wide, narrowing, d);
        for (Size i = 0; i < some * d; i += PAIRS) {
            const __m512i found = both(_mm512_load_ps(room->sums + i), _mm512_load_ps(room->sums + i + LANES));
            _mm512_storeu_si512(out + first * d + i, found);
        }
    }
    _tile_release();
}

PyObject *py_finish_layer(PyObject *self, PyObject *given) {
    Size out, read, to, output, widening, narrowing, vectors, table;
    Shape shape;
    Room room;
    if (!PyArg_ParseTuple(given, "nnnnnnnnnnnfn", &out, &read, &to, &shape.rows, &shape.read, &shape.d, &shape.wide, &output,
                          &widening, &narrowing, &vectors, &shape.epsilon, &table))
        return NULL;
    shape.output = (const bf16 *)output;
    shape.widening = (const bf16 *)widening;
    shape.narrowing = (const bf16 *)narrowing;
    shape.output_bias = (const float *)vectors;
    shape.first_weight = shape.output_bias + shape.d;
    shape.first_bias = shape.first_weight + shape.d;
    shape.wide_bias = shape.first_bias + shape.d;
    shape.narrow_bias = shape.wide_bias + shape.wide;
    shape.second_weight = shape.narrow_bias + shape.d;
    shape.second_bias = shape.second_weight + shape.d;
    if (!make_room(&room, shape.rows, shape.read, shape.d, shape.wide)) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS;
    finish((bf16 *)out, (const bf16 *)read, (const bf16 *)to, &shape, (const float *)table, &room);
    Py_END_ALLOW_THREADS;
    free(room.memory);
    Py_RETURN_NONE;
}

PyObject *py_gated(PyObject *self, PyObject *given) {
    Size out, states, rows, d, wide, widening, narrowing;
    Room room;
    if (!PyArg_ParseTuple(given, "nnnnnnn", &out, &states, &rows, &d, &wide, &widening, &narrowing)) return NULL;
    if (!make_room(&room, rows, d, d, wide)) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS;
    gate((bf16 *)out, (const bf16 *)states, rows, d, wide, (const bf16 *)widening, (const bf16 *)narrowing, &room);
    Py_END_ALLOW_THREADS;
    free(room.memory);
    Py_RETURN_NONE;
}

#else

static PyObject *unsupported(void) {
    PyErr_SetString(PyExc_NotImplementedError, "compiled for another processor than x86-64 with Linux");
    return NULL;
}

PyObject *py_finish_layer(PyObject *self, PyObject *given) { return unsupported(); }
PyObject *py_gated(PyObject *self, PyObject *given) { return unsupported(); }

#endif
