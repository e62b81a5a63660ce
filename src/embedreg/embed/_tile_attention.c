/* Attention in bfloat16 by AMX: of texts of any length, causal or not, with shared keys, a prefix, or a bias of distances.
 *
 * Keys and values of a head are brought to tiles once. Scores of 16 queries become weights, and what these read, before the next
 * queries are begun. Threads share the heads of a text that is alone.
 */
#include "_bfloat16.h"

#ifdef SUPPORTED

#include "_team.h"

#define MOST_POWER 100.0f   /* scores, in powers of two, up to which weights, their sums and what they weigh are numbers */
#define LEAST_POWER -126.0f /* below which float32 has few bits left */

/* Where a batch's tensors are: elements from one token to the next and from one head to the next. */
typedef struct {
    const bf16 *queries, *keys, *values;
    int64_t query_step, query_head, key_step, key_head, value_step, value_head;
    int64_t heads, shared, d;
    const float *bias; /* of a key at its query's place, and further on of those behind it; in powers of two; NULL for none */
    int64_t bias_head;
    float most_bias;
    float scale; /* of scores, in powers of two */
    bool causal;
} Attention;

/* Where a text's first tokens are, in elements, and how many it has. */
typedef struct {
    int64_t query, key, value, out, queries, keys;
} Text;

/* Room for one text: keys and values as tiles want them, scores and weights of 16 queries, and what tiles are filled from. */
typedef struct {
    bf16 *keys, *values, *weights, *queries;
    float *scores, *read;
    void *memory;
} Room;

static bool make_room(Room *room, int64_t keys, int64_t d) {
    const size_t blocks = (size_t)((keys + PAIRS - 1) / PAIRS), columns = (size_t)d / LANES;
    const size_t of_keys = blocks * columns * TILE, of_weights = blocks * TILE, of_queries = columns * TILE / 2;
    const size_t of_scores = of_weights + TILE; /* of one block: room for two, see below */
    const size_t size = (2 * of_keys + of_weights + of_queries) * sizeof(bf16) + (of_scores + of_queries) * sizeof(float);
    room->memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (room->memory == NULL) return false;
    room->keys = room->memory;
    room->values = room->keys + of_keys;
    room->weights = room->values + of_keys;
    room->queries = room->weights + of_weights;
    room->scores = (float *)(room->queries + of_queries);
    room->read = room->scores + of_scores;
    return true;
}

AVX static inline void transpose(__m512i *rows) { /* 16 x 16 of 32 bits */
    __m512i t[16];
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xdd);
        t[8 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        rows[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        rows[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
        rows[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
    }
}

/* At least the greatest squared length among vectors of d that are `step` apart: of each lane the greatest, which takes no sum
 * across a vector. Infinity where one is no number. */
AVX static float at_most(const bf16 *vectors, int64_t count, int64_t step, int64_t d) {
    const __m512 none = _mm512_setzero_ps();
    __m512 most = none, all = none;
    for (int64_t i = 0; i < count; i++, vectors += step) {
        __m512 squares = none;
        for (int64_t e = 0; e < d; e += PAIRS) {
            const __m512bh x = (__m512bh)_mm512_loadu_si512(vectors + e);
            squares = _mm512_dpbf16_ps(squares, x, x);
        }
        most = _mm512_max_ps(most, squares);
        all = _mm512_add_ps(all, squares); /* which a maximum may forget */
    }
    return isfinite(_mm512_reduce_add_ps(all)) ? _mm512_reduce_add_ps(most) : INFINITY;
}

/* The greatest squared length itself, of numbers. */
AVX static float greatest(const bf16 *vectors, int64_t count, int64_t step, int64_t d) {
    float most = 0.0f;
    for (int64_t i = 0; i < count; i++, vectors += step) {
        __m512 squares = _mm512_setzero_ps();
        for (int64_t e = 0; e < d; e += PAIRS) {
            const __m512bh x = (__m512bh)_mm512_loadu_si512(vectors + e);
            squares = _mm512_dpbf16_ps(squares, x, x);
        }
        most = fmaxf(most, _mm512_reduce_add_ps(squares));
    }
    return most;
}

/* 16 keys and 32 coordinates a tile: a row has two coordinates of each key. */
AVX static void lay_keys(bf16 *to, const bf16 *keys, int64_t count, int64_t step, int64_t d) {
    for (int64_t first = 0; first < (count + PAIRS - 1) / PAIRS * PAIRS; first += LANES)
        for (int64_t e = 0; e < d; e += PAIRS, to += TILE) {
            __m512i rows[16];
            for (int64_t i = 0; i < LANES; i++)
                rows[i] = first + i < count ? _mm512_loadu_si512(keys + (first + i) * step + e) : _mm512_setzero_si512();
            transpose(rows);
            for (int i = 0; i < LANES; i++) _mm512_store_si512(to + i * PAIRS, rows[i]);
        }
}

/* 32 keys and 16 coordinates a tile: a row has 16 coordinates of two keys. */
AVX static void lay_values(bf16 *to, const bf16 *values, int64_t count, int64_t step, int64_t d) {
    const __m256i none = _mm256_setzero_si256();
    for (int64_t first = 0; first < count; first += PAIRS)
        for (int64_t e = 0; e < d; e += LANES, to += TILE)
            for (int64_t i = 0; i < LANES; i++) {
                const int64_t key = first + 2 * i;
                const bf16 *from = values + key * step + e;
                __m256i even = key < count ? _mm256_loadu_si256((const __m256i *)from) : none;
                __m256i odd = key + 1 < count ? _mm256_loadu_si256((const __m256i *)(from + step)) : none;
                __m512i pairs = _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16);
                _mm512_store_si512(to + i * PAIRS, _mm512_or_si512(pairs, _mm512_cvtepu16_epi32(even)));
            }
}

/* Of up to 32 keys, those that a query reads, of which `seen` are left. */
static inline uint32_t among(int64_t seen) { return seen >= PAIRS ? 0xffffffffu : seen <= 0 ? 0 : (1u << seen) - 1; }

/* Scores of 16 queries and 32 keys, two tiles. */
AMX static inline void score(float *scores, const bf16 *queries, int64_t step, const bf16 *keys, int64_t pairs) {
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t e = 0; e < pairs; e++) {
        _tile_loadd(2, queries + e * PAIRS, (size_t)step * sizeof(bf16));
        _tile_loadd(3, keys + e * TILE, 64);
        _tile_loadd(4, keys + (pairs + e) * TILE, 64);
        _tile_dpbf16ps(0, 2, 3);
        _tile_dpbf16ps(1, 2, 4);
    }
    _tile_stored(0, scores, 128);
    _tile_stored(1, scores + LANES, 128);
}

/* Scores in powers of two, with their bias; row i reads the first `seen + i by` keys, and of the rest is the least there is.
 * To `most` the greatest of each row. */
AVX static void rank(float *scores, __m512 scale, const float *bias, int64_t seen, int64_t by, __m512 *most) {
    const __m512 none = _mm512_setzero_ps(), least = _mm512_set1_ps(-INFINITY);
    for (int64_t i = 0; i < LANES; i++, seen += by)
        for (int64_t half = 0; half < PAIRS; half += LANES) {
            float *at = scores + i * PAIRS + half;
            const __m512 more = bias ? _mm512_loadu_ps(bias - i + half) : none;
            const __m512 x = _mm512_fmadd_ps(_mm512_load_ps(at), scale, more);
            const __m512 found = _mm512_mask_mov_ps(least, (__mmask16)(among(seen) >> half), x);
            most[i] = _mm512_max_ps(most[i], found);
            _mm512_store_ps(at, found);
        }
}

/* Powers of two of what `rank` left, by the greatest of the row, and to `sums` what they sum up to. */
AVX static void weigh_ranked(bf16 *weights, const float *scores, const __m512 *most, __m512 *sums) {
    const __m512 least = _mm512_set1_ps(LEAST_POWER);
    for (int i = 0; i < LANES; i++, scores += PAIRS, weights += PAIRS) {
        __m512 found[2];
        for (int half = 0; half < 2; half++) {
            const __m512 x = _mm512_sub_ps(_mm512_load_ps(scores + half * LANES), most[i]);
            found[half] = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, least, _CMP_GT_OQ), power(_mm512_max_ps(x, least)));
            sums[i] = _mm512_add_ps(sums[i], found[half]);
        }
        _mm512_store_si512(weights, both(found[0], found[1]));
    }
}

/* Powers of two of scores that are moderate, with their bias, and to `sums` what they sum up to; of row i the first
 * `seen + i by` keys count. */
AVX static inline void weigh(bf16 *weights, const float *scores, __m512 scale, const float *bias, int64_t seen, int64_t by,
                             __m512 *sums) {
    const __m512 none = _mm512_setzero_ps();
    for (int64_t i = 0; i < LANES; i++, scores += PAIRS, weights += PAIRS, seen += by) {
        __m512 found[2];
        for (int half = 0; half < 2; half++) {
            const __m512 more = bias ? _mm512_loadu_ps(bias - i + half * LANES) : none;
            const __m512 x = _mm512_fmadd_ps(_mm512_load_ps(scores + half * LANES), scale, more);
            found[half] = _mm512_maskz_mov_ps((__mmask16)(among(seen) >> half * LANES), power(x));
        }
        sums[i] = _mm512_add_ps(sums[i], _mm512_add_ps(found[0], found[1]));
        _mm512_store_si512(weights, both(found[0], found[1]));
    }
}

/* What up to 16 queries of a head read from the first keys of a text, whose keys and values are in `room`. */
AMX static void read_some(bf16 *out, const bf16 *queries, int64_t rows, int64_t first, const Text *text, const Attention *a,
                          int64_t head, bool moderate, const Room *room) {
    const int64_t pairs = a->d / PAIRS, columns = a->d / LANES, before = text->keys - text->queries + first;
    const int64_t seen = a->causal ? before + 1 : text->keys, by = a->causal ? 1 : 0; /* keys of the first query */
    const int64_t blocks = ((a->causal ? before + rows : text->keys) + PAIRS - 1) / PAIRS;
    const __m512 scale = _mm512_set1_ps(a->scale);
    int64_t step = a->query_step;
    if (rows < LANES) { /* a tile reads 16 */
        memset(room->queries, 0, (size_t)(LANES * a->d) * sizeof(bf16));
        for (int64_t i = 0; i < rows; i++) memcpy(room->queries + i * a->d, queries + i * step, (size_t)a->d * sizeof(bf16));
        queries = room->queries;
        step = a->d;
    }
    __m512 sums[LANES], most[LANES];
    for (int i = 0; i < LANES; i++) {
        sums[i] = _mm512_setzero_ps();
        most[i] = _mm512_set1_ps(-INFINITY);
    }
    for (int64_t block = 0; block < blocks; block++) {
        /* the next block need not wait for this one; scores that are ranked first are all kept */
        float *scores = room->scores + (moderate ? block & 1 : block) * TILE;
        const float *bias = a->bias ? a->bias + head * a->bias_head + block * PAIRS - before : NULL;
        score(scores, queries, step, room->keys + block * 2 * pairs * TILE, pairs);
        if (!moderate)
            rank(scores, scale, bias, seen - block * PAIRS, by, most);
        else if (!bias && (block + 1) * PAIRS <= seen)
            weigh(room->weights + block * TILE, scores, scale, NULL, PAIRS, 0, sums);
        else
            weigh(room->weights + block * TILE, scores, scale, bias, seen - block * PAIRS, by, sums);
    }
    if (!moderate) {
        for (int i = 0; i < LANES; i++) most[i] = _mm512_set1_ps(_mm512_reduce_max_ps(most[i]));
        for (int64_t block = 0; block < blocks; block++)
            weigh_ranked(room->weights + block * TILE, room->scores + block * TILE, most, sums);
    }
    for (int64_t e = 0; e < columns; e += 2) {
        _tile_zero(0);
        _tile_zero(1);
        for (int64_t block = 0; block < blocks; block++) {
            const bf16 *values = room->values + (block * columns + e) * TILE;
            _tile_loadd(2, room->weights + block * TILE, 64);
            _tile_loadd(3, values, 64);
            _tile_loadd(4, values + TILE, 64);
            _tile_dpbf16ps(0, 2, 3);
            _tile_dpbf16ps(1, 2, 4);
        }
        _tile_stored(0, room->read + e * LANES, (size_t)a->d * sizeof(float));
        _tile_stored(1, room->read + (e + 1) * LANES, (size_t)a->d * sizeof(float));
    }
    for (int64_t i = 0; i < rows; i++, out += a->heads * a->d) {
        const __m512 share = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sums[i]));
        for (int64_t e = 0; e < a->d; e += LANES)
            store(out + e, _mm512_mul_ps(_mm512_load_ps(room->read + i * a->d + e), share));
    }
}

/* What no score of a text's queries and shared keys exceeds, in powers of two: the product of their lengths (Cauchy, Schwarz). */
AVX static float bound(const Text *text, const Attention *a, int64_t shared,
                       float (*longest)(const bf16 *, int64_t, int64_t, int64_t)) {
    const int64_t group = a->heads / a->shared;
    const bf16 *queries = a->queries + text->query + shared * group * a->query_head;
    float asked = 0.0f;
    for (int64_t i = 0; i < group; i++)
        asked = fmaxf(asked, longest(queries + i * a->query_head, text->queries, a->query_step, a->d));
    const float known = longest(a->keys + text->key + shared * a->key_head, text->keys, a->key_step, a->d);
    return sqrtf(asked) * sqrtf(known) * fabsf(a->scale) + a->most_bias;
}

/* What queries of texts read, one token's heads after the other's, and what became of it: all of it, or less where a score is no
 * number, or where there was no room. */
typedef struct {
    bf16 *out;
    const Text *texts;
    int64_t longest; /* keys of a text */
    const Attention *attention;
    atomic_int *state;
} Reading;

enum { DONE, NO_NUMBER, NO_ROOM };

/* What the heads that share keys read, in one text. */
AMX static bool read_group(bf16 *out, const Text *text, int64_t shared, const Attention *a, const Room *room) {
    const int64_t group = a->heads / a->shared;
    float most = bound(text, a, shared, at_most);
    if (!isfinite(most)) return false;
    if (most > MOST_POWER) most = bound(text, a, shared, greatest);
    lay_keys(room->keys, a->keys + text->key + shared * a->key_head, text->keys, a->key_step, a->d);
    lay_values(room->values, a->values + text->value + shared * a->value_head, text->keys, a->value_step, a->d);
    for (int64_t head = shared * group; head < (shared + 1) * group; head++)
        for (int64_t first = 0; first < text->queries; first += LANES) {
            const int64_t rows = text->queries - first < LANES ? text->queries - first : LANES;
            const bf16 *queries = a->queries + text->query + head * a->query_head + first * a->query_step;
            bf16 *to = out + text->out + first * a->heads * a->d + head * a->d;
            read_some(to, queries, rows, first, text, a, head, most <= MOST_POWER, room);
        }
    return true;
}

/* Groups of heads, text after text. */
AMX static void attend(const void *whole, Size first, Size end) {
    static const Tiles tiles = {.palette = 1, .bytes = {64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16}};
    const Reading *r = whole;
    const Attention *a = r->attention;
    Room room;
    if (!make_room(&room, r->longest, a->d)) {
        atomic_store(r->state, NO_ROOM);
        return;
    }
    _tile_loadconfig(&tiles);
    for (Size at = first; at < end && atomic_load(r->state) == DONE; at++)
        if (!read_group(r->out, r->texts + at / a->shared, at % a->shared, a, &room)) atomic_store(r->state, NO_NUMBER);
    _tile_release();
    free(room.memory);
}

PyObject *py_attend(PyObject *self, PyObject *given) {
    Py_ssize_t out, queries, keys, values, texts, count, steps, bias, bias_head;
    Py_ssize_t heads, shared, d;
    float scale, most_bias;
    int causal, threads;
    if (!PyArg_ParseTuple(given, "nnnnnnnnnnfnnfpi", &out, &queries, &keys, &values, &texts, &count, &steps, &heads, &shared, &d,
                          &scale, &bias, &bias_head, &most_bias, &causal, &threads))
        return NULL;
    const int64_t *step = (int64_t *)steps;
    const Attention a = {.queries = (bf16 *)queries, .keys = (bf16 *)keys, .values = (bf16 *)values,
                         .query_step = step[0], .query_head = step[1], .key_step = step[2],
                         .key_head = step[3], .value_step = step[4], .value_head = step[5],
                         .heads = heads, .shared = shared, .d = d,
                         .bias = (float *)bias, .bias_head = bias_head, .most_bias = most_bias,
                         .scale = scale, .causal = causal};
    int64_t longest = 0;
    for (const Text *text = (Text *)texts; text < (Text *)texts + count; text++)
        if (text->keys > longest) longest = text->keys;
    atomic_int state = DONE;
    const Reading reading = {(bf16 *)out, (Text *)texts, longest, &a, &state};
    Py_BEGIN_ALLOW_THREADS;
    share(attend, &reading, count * shared, threads, PARTS);
    Py_END_ALLOW_THREADS;
    if (state == NO_ROOM) return PyErr_NoMemory();
    return PyBool_FromLong(state == DONE);
}

#else

PyObject *py_attend(PyObject *self, PyObject *given) {
    PyErr_SetString(PyExc_NotImplementedError, "compiled for another processor than x86-64 with Linux");
    return NULL;
}

#endif
