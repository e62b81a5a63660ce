/* Numbers of bfloat16 in vectors of AVX-512 and in tiles of AMX, for what is compiled here. */
#ifndef EMBEDREG_BFLOAT16_H
#define EMBEDREG_BFLOAT16_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define SUPPORTED

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AVX __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define AMX __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))
#define INLINE static inline __attribute__((always_inline))

#define LANES 16 /* floats in a vector; rows of a tile */
#define PAIRS 32 /* bfloat16 in a vector, or in a row of a tile: two for each of 16 columns */
#define TILE (LANES * PAIRS)

typedef Py_ssize_t Size;
typedef uint16_t bf16; /* its bits */

/* What AMX is told of its tiles. */
typedef struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} Tiles;

AVX static inline __m512 widened(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

AVX static inline __m512 load(const bf16 *from) { return widened(_mm256_loadu_si256((const __m256i *)from)); }

AVX static inline void store(bf16 *to, __m512 numbers) {
    _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh(numbers));
}

AVX static inline __m512i both(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }

/* 2^x, to one in 10,000, for x from -126 to 127. */
AVX static inline __m512 power(__m512 x) {
    const __m512 rounding = _mm512_set1_ps(12582912.0f); /* 1.5 2^23: the sum's last bits are a whole number */
    const __m512 rounded = _mm512_add_ps(x, rounding);
    const __m512 f = _mm512_sub_ps(x, _mm512_sub_ps(rounded, rounding)); /* from -1/2 to 1/2 */
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.0555041f), f, _mm512_set1_ps(0.2422585f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931472f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(rounded), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

/* x Phi(x) = max(x, 0) - h(|x|), with h(z) = z Phi(-z) by a cubic in each of 16 parts of what a table covers; beyond, its end. */
typedef struct {
    __m512 c0, c1, c2, c3, density;
} Gelu;

/* `table`: four coefficients of 16 parts each, the constant ones first, of the place within a part; then parts in a unit. */
AVX INLINE Gelu gelu_of(const float *table) {
    return (Gelu){_mm512_loadu_ps(table), _mm512_loadu_ps(table + LANES), _mm512_loadu_ps(table + 2 * LANES),
                  _mm512_loadu_ps(table + 3 * LANES), _mm512_set1_ps(table[4 * LANES])};
}

AVX INLINE __m512 activated(__m512 x, const Gelu *by) {
    const __m512 end = _mm512_set1_ps(15.9999f);
    const __m512 place = _mm512_min_ps(_mm512_mul_ps(_mm512_abs_ps(x), by->density), end);
    const __m512i part = _mm512_cvttps_epi32(place);
    const __m512 within = _mm512_reduce_ps(place, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 h = _mm512_permutexvar_ps(part, by->c3);
    h = _mm512_fmadd_ps(h, within, _mm512_permutexvar_ps(part, by->c2));
    h = _mm512_fmadd_ps(h, within, _mm512_permutexvar_ps(part, by->c1));
    h = _mm512_fmadd_ps(h, within, _mm512_permutexvar_ps(part, by->c0));
    return _mm512_sub_ps(_mm512_max_ps(_mm512_setzero_ps(), x), h); /* of zero and no number, the latter */
}

#endif

PyObject *py_attend(PyObject *self, PyObject *given);
PyObject *py_finish_layer(PyObject *self, PyObject *given);
PyObject *py_gated(PyObject *self, PyObject *given);

#endif
