/* Perceptrons of transformers in bfloat16 by AMX; in BERT's families with all that follows attention in a layer, norms included.
 *
 * Some rows go through all of it before the next ones do, so that what is between stays in a core's own cache: what cores share
 * is slow to read. Activations are worked out while the next product runs, which
 * AMX does beside the vector units. Weights stand in tiles, (outputs / 32, inputs / 32, 2, 16 pairs of inputs, 16 outputs, 2),
 * and so do rows that are multiplied, (rows / 32, inputs / 32, 32, 32).
 */
#include "_bfloat16.h"

#ifdef SUPPORTED

#include "_team.h"

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

static const Tiles all_tiles = {
    .palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* Sums of a block, and what is to become of them. */
typedef struct {
    const float *sums;
    bf16 *out;
    Size rows;
    __m512 low, high; /* biases */
} Sums;

/* Where row r of n numbers begins among tiles; 32 numbers on, it goes on 32 x 32 further. */
INLINE Size in_tiles(Size r, Size n) { return r / BLOCK * BLOCK * n + r % BLOCK * PAIRS; }

/* Rows of n numbers in tiles; the last ones are filled with rows of zeros. */
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

/* out = the activation of rows by weights, all in tiles. Of SILU weights of a gate and of what is gated take turns, 32 outputs
 * each. */
typedef struct {
    bf16 *out;
    const bf16 *rows;
    Size count, d, wide;
    const bf16 *weights;
    const float *bias, *table;
} Widening;

/* A block is activated while the next one is multiplied. */
AMX INLINE void widen(const Widening *w, Size first, Size end, const int how) {
    const Size d = w->d, products = how == SILU ? 2 : 1, steps = products * d / PAIRS, each = (BLOCK + steps - 1) / steps;
    const Gelu by = how == GELU ? gelu_of(w->table) : (Gelu){0};
    float room[4 * BLOCK * BLOCK] __attribute__((aligned(64)));
    Sums last = {.rows = 0};
    int turn = 0;
    _tile_loadconfig(&all_tiles);
    for (Size o = first * BLOCK; o < end * BLOCK; o += BLOCK) {
        const bf16 *weights = w->weights + products * o * d;
        for (Size r = 0; r < w->count; r += BLOCK, turn ^= 1) {
            float *sums = room + turn * 2 * BLOCK * BLOCK;
            Size done = 0;
            for (Size product = 0; product < products; product++) {
                begin();
                for (Size i = 0; i < d; i += PAIRS) {
                    multiply(w->rows + r * d + i * BLOCK, weights + product * BLOCK * d + i * BLOCK);
                    for (Size next = done + each; done < next && done < last.rows; done++) activate(&last, done, &by, how);
                }
                keep(sums + product * BLOCK * BLOCK, BLOCK);
            }
            last = (Sums){.sums = sums, .out = w->out + r * w->wide + o * BLOCK, .rows = BLOCK};
            if (how == GELU) {
                last.low = _mm512_loadu_ps(w->bias + o);
                last.high = _mm512_loadu_ps(w->bias + o + LANES);
            }
        }
    }
    for (Size done = 0; done < last.rows; done++) activate(&last, done, &by, how);
    _tile_release();
}

AMX static void widen_by_gelu(const void *whole, Size first, Size end) { widen(whole, first, end, GELU); }

AMX static void widen_by_silu(const void *whole, Size first, Size end) { widen(whole, first, end, SILU); }

/* sums (count, outputs) = rows in tiles by weights; and, where there is an `out`, those of `some` rows, rounded. */
typedef struct {
    float *sums;
    const bf16 *rows;
    Size count, inputs;
    const bf16 *weights;
    Size outputs, some;
    bf16 *out;
} Product;

AMX static void sum_up(const void *whole, Size first, Size end) {
    const Product *p = whole;
    const Size inputs = p->inputs, outputs = p->outputs;
    _tile_loadconfig(&all_tiles);
    for (Size from = 0; from < inputs; from += DEPTH) {
        const Size to = from + DEPTH < inputs ? from + DEPTH : inputs;
        for (Size o = first * BLOCK; o < end * BLOCK; o += BLOCK)
            for (Size r = 0; r < p->count; r += BLOCK) {
                float *at = p->sums + r * outputs + o;
                if (from)
                    go_on(at, outputs);
                else
                    begin();
                const bf16 *of_rows = p->rows + r * inputs, *of_weights = p->weights + o * inputs;
                for (Size i = from; i < to; i += PAIRS) multiply(of_rows + i * BLOCK, of_weights + i * BLOCK);
                keep(at, outputs);
            }
    }
    _tile_release();
    if (p->out)
        for (Size r = 0; r < p->some; r++)
            for (Size at = r * outputs + first * BLOCK; at < r * outputs + end * BLOCK; at += PAIRS)
                _mm512_storeu_si512(p->out + at, both(_mm512_load_ps(p->sums + at), _mm512_load_ps(p->sums + at + LANES)));
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

/* Room for some rows at once: of the perceptron's inner numbers, of what is multiplied first, of states, and of sums. */
typedef struct {
    Size rows;
    bf16 *middle, *laid, *states;
    float *sums;
    void *memory;
} Room;

static bool make_room(Room *room, Size rows, Size read, Size d, Size wide) {
    const Size fit = MIDDLE_BYTES / (wide * (Size)sizeof(bf16)) / BLOCK * BLOCK, full = (rows + BLOCK - 1) / BLOCK * BLOCK;
    room->rows = fit < BLOCK ? BLOCK : fit < full ? fit : full;
    const size_t narrow = (size_t)(room->rows * (wide + read + d)) * sizeof(bf16);
    room->memory = aligned_alloc(64, narrow + (size_t)(room->rows * d) * sizeof(float));
    if (room->memory == NULL) return false;
    room->middle = (bf16 *)room->memory;
    room->laid = room->middle + room->rows * wide;
    room->states = room->laid + room->rows * read;
    room->sums = (float *)((char *)room->memory + narrow);
    return true;
}

/* The ends of a layer for some rows; `out` may be what attention read, or the layer's input. */
typedef struct {
    bf16 *out;
    const bf16 *read, *to;
    const Shape *shape;
    const float *table;
    atomic_bool *has_room;
} Ending;

static void finish_rows(const Ending *e, Size from, Size rows, const Room *room) {
    const Shape *s = e->shape;
    const Size d = s->d, wide = s->wide;
    for (Size first = from; first < from + rows; first += room->rows) {
        const Size some = from + rows - first < room->rows ? from + rows - first : room->rows;
        const Size full = (some + BLOCK - 1) / BLOCK * BLOCK;
        lay(room->laid, e->read + first * s->read, some, s->read);
        const Product output = {room->sums, room->laid, full, s->read, s->output, d, some, NULL};
        sum_up(&output, 0, d / BLOCK);
        for (Size r = 0; r < some; r++)
            norm(room->states + in_tiles(r, d), TILE * 2, room->sums + r * d, s->output_bias, e->to + (first + r) * d, PAIRS,
                 s->first_weight, s->first_bias, d, s->epsilon);
        for (Size r = some; r < full; r++)
            for (Size i = 0; i < d; i += PAIRS) memset(room->states + in_tiles(r, d) + i * BLOCK, 0, PAIRS * sizeof(bf16));
        const Widening inner = {room->middle, room->states, full, d, wide, s->widening, s->wide_bias, e->table};
        widen_by_gelu(&inner, 0, wide / BLOCK);
        const Product narrowed = {room->sums, room->middle, full, wide, s->narrowing, d, some, NULL};
        sum_up(&narrowed, 0, d / BLOCK);
        for (Size r = 0; r < some; r++)
            norm(e->out + (first + r) * d, PAIRS, room->sums + r * d, s->narrow_bias, room->states + in_tiles(r, d), TILE * 2,
                 s->second_weight, s->second_bias, d, s->epsilon);
    }
}

/* Blocks of rows, which go through all of it: threads meet but once. */
static void finish(const void *whole, Size first, Size end) {
    const Ending *e = whole;
    const Shape *s = e->shape;
    const Size last = end * BLOCK < s->rows ? end * BLOCK : s->rows, rows = last - first * BLOCK;
    Room room;
    if (!make_room(&room, rows, s->read, s->d, s->wide)) {
        atomic_store(e->has_room, false);
        return;
    }
    finish_rows(e, first * BLOCK, rows, &room);
    free(room.memory);
}

/* A perceptron with a gate (SwiGLU: Shazeer, arXiv 2002.05202), without biases, of some states. */
typedef struct {
    bf16 *out;
    const bf16 *states;
    Size rows, d, wide;
    const bf16 *widening, *narrowing;
    int threads;
    atomic_bool *has_room;
} Gating;

static void gate_rows(const Gating *g, Size from, Size rows, int threads) {
    const Size d = g->d, wide = g->wide;
    Room room;
    if (!make_room(&room, rows, d, d, wide)) {
        atomic_store(g->has_room, false);
        return;
    }
    for (Size first = from; first < from + rows; first += room.rows) {
        const Size some = from + rows - first < room.rows ? from + rows - first : room.rows;
        const Size full = (some + BLOCK - 1) / BLOCK * BLOCK;
        lay(room.laid, g->states + first * d, some, d);
        const Widening inner = {room.middle, room.laid, full, d, wide, g->widening, NULL, NULL};
        share(widen_by_silu, &inner, wide / BLOCK, threads, PARTS);
        const Product narrowed = {room.sums, room.middle, full, wide, g->narrowing, d, some, g->out + first * d};
        share(sum_up, &narrowed, d / BLOCK, threads, PARTS);
    }
    free(room.memory);
}

static void gate(const void *whole, Size first, Size end) {
    const Gating *g = whole;
    gate_rows(g, first * BLOCK, (end * BLOCK < g->rows ? end * BLOCK : g->rows) - first * BLOCK, 1);
}

/* Of many rows each thread has some, and they meet once; of few it has some outputs, and reads a part of the weights, which is
 * what takes time then. */
static void gate_all(const Gating *g) {
    const Size blocks = (g->rows + BLOCK - 1) / BLOCK;
    if (blocks >= 2 * g->threads)
        share(gate, g, blocks, g->threads, 1);
    else
        gate_rows(g, 0, g->rows, g->threads);
}

PyObject *py_finish_layer(PyObject *self, PyObject *given) {
    Size out, read, to, output, widening, narrowing, vectors, table;
    Shape shape;
    int threads;
    if (!PyArg_ParseTuple(given, "nnnnnnnnnnnfni", &out, &read, &to, &shape.rows, &shape.read, &shape.d, &shape.wide, &output,
                          &widening, &narrowing, &vectors, &shape.epsilon, &table, &threads))
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
    atomic_bool has_room = true;
    const Ending ending = {(bf16 *)out, (const bf16 *)read, (const bf16 *)to, &shape, (const float *)table, &has_room};
    Py_BEGIN_ALLOW_THREADS;
    share(finish, &ending, (shape.rows + BLOCK - 1) / BLOCK, threads, 1);
    Py_END_ALLOW_THREADS;
    if (!has_room) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyObject *py_gated(PyObject *self, PyObject *given) {
    Size out, states, rows, d, wide, widening, narrowing;
    int threads;
    if (!PyArg_ParseTuple(given, "nnnnnnni", &out, &states, &rows, &d, &wide, &widening, &narrowing, &threads)) return NULL;
    atomic_bool has_room = true;
    const Gating gating = {(bf16 *)out, (const bf16 *)states, rows, d, wide, (const bf16 *)widening, (const bf16 *)narrowing,
                           threads, &has_room};
    Py_BEGIN_ALLOW_THREADS;
    gate_all(&gating);
    Py_END_ALLOW_THREADS;
    if (!has_room) return PyErr_NoMemory();
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
