/* What stands between the products of a transformer's layer, in bfloat16, on processors with AVX-512; and the module's functions.
 *
 * torch takes two to five passes over memory for each of these, and AMX multiplies so fast that the passes took more time than
 * all products of a layer. Here each is one pass, by one thread: embedreg reads a batch on each processor. Attention is in
 * `_tile_attention.c`, perceptrons are in `_tile_products.c`; other products stay oneDNN's. `embedreg.embed._steps` checks shapes
 * and types, tries each function against torch before it is used, and does without this module where it was not compiled.
 * Pointers are those of tensors, `Tensor.data_ptr()`.
 */
#include "_bfloat16.h"

#ifdef SUPPORTED

#include <sys/syscall.h>
#include <unistd.h>

#define REQUEST_PERMISSION 0x1023
#define TILE_DATA 18

/* ---- norms ---- */

/* rows of d: out = (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias, of x = added + to; `row` is room for d floats */
AVX static void add_norm(bf16 *out, const bf16 *added, const bf16 *to, const bf16 *weight, const bf16 *bias, Py_ssize_t rows,
                         Py_ssize_t d, float epsilon, float *row) {
    for (Py_ssize_t r = 0; r < rows; r++, out += d, added += d, to += d) {
        __m512 sums = _mm512_setzero_ps(), squares = sums;
        for (Py_ssize_t i = 0; i < d; i += LANES) {
            __m512 x = _mm512_add_ps(load(added + i), load(to + i));
            _mm512_store_ps(row + i, x);
            sums = _mm512_add_ps(sums, x);
        }
        const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sums) / (float)d);
        for (Py_ssize_t i = 0; i < d; i += LANES) {
            __m512 x = _mm512_sub_ps(_mm512_load_ps(row + i), mean);
            squares = _mm512_fmadd_ps(x, x, squares);
        }
        const __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)d + epsilon));
        for (Py_ssize_t i = 0; i < d; i += LANES) {
            __m512 x = _mm512_mul_ps(_mm512_sub_ps(_mm512_load_ps(row + i), mean), scale);
            store(out + i, _mm512_fmadd_ps(x, load(weight + i), load(bias + i)));
        }
    }
}

/* rows of d: out = given / sqrt(mean(given^2) + epsilon) * weight */
AVX static void rms_norm(bf16 *out, const bf16 *given, const bf16 *weight, Py_ssize_t rows, Py_ssize_t d, float epsilon) {
    for (Py_ssize_t r = 0; r < rows; r++, out += d, given += d) {
        __m512 squares = _mm512_setzero_ps();
        for (Py_ssize_t i = 0; i < d; i += LANES) {
            __m512 x = load(given + i);
            squares = _mm512_fmadd_ps(x, x, squares);
        }
        const __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)d + epsilon));
        for (Py_ssize_t i = 0; i < d; i += LANES)
            store(out + i, _mm512_mul_ps(_mm512_mul_ps(load(given + i), scale), load(weight + i)));
    }
}

/* ---- rotations ---- */

/* heads of d, in halves: out = given cos + (-second half, first half) sin; token r's are those of row r mod `places`. */
AVX static void rotate(bf16 *out, const bf16 *given, const bf16 *cos, const bf16 *sin, Py_ssize_t tokens, Py_ssize_t places,
                       Py_ssize_t heads, Py_ssize_t d) {
    const Py_ssize_t half = d / 2;
    for (Py_ssize_t r = 0; r < tokens; r++) {
        const bf16 *c = cos + r % places * d, *s = sin + r % places * d;
        for (Py_ssize_t head = 0; head < heads; head++, out += d, given += d)
            for (Py_ssize_t i = 0; i < half; i += LANES) {
                const __m512 first = load(given + i), second = load(given + half + i);
                store(out + i, _mm512_fnmadd_ps(second, load(s + i), _mm512_mul_ps(first, load(c + i))));
                store(out + half + i, _mm512_fmadd_ps(first, load(s + half + i), _mm512_mul_ps(second, load(c + half + i))));
            }
    }
}

/* ---- GELU ---- */

AVX static void gelu(bf16 *out, const bf16 *numbers, Py_ssize_t count, const float *table) {
    const Gelu by = gelu_of(table);
    for (Py_ssize_t i = 0; i < count; i += PAIRS) {
        const uint32_t real = count - i >= PAIRS ? 0xffffffffu : (1u << (count - i)) - 1;
        const __m512i bits = _mm512_maskz_loadu_epi16(real, numbers + i);
        const __m512 low = activated(widened(_mm512_castsi512_si256(bits)), &by);
        const __m512 high = activated(widened(_mm512_extracti64x4_epi64(bits, 1)), &by);
        _mm512_mask_storeu_epi16(out + i, real, both(low, high));
    }
}

/* ---- what Python calls ---- */

static bool has_avx(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bf16");
}

static PyObject *py_has_avx(PyObject *self, PyObject *none) { return PyBool_FromLong(has_avx()); }

/* Linux lets a process use AMX when it asks; an old one, or a processor without, refuses. */
static PyObject *py_has_amx(PyObject *self, PyObject *none) {
    return PyBool_FromLong(has_avx() && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0);
}

static PyObject *py_add_norm(PyObject *self, PyObject *given) {
    Py_ssize_t out, added, to, weight, bias, rows, d;
    float epsilon;
    if (!PyArg_ParseTuple(given, "nnnnnnnf", &out, &added, &to, &weight, &bias, &rows, &d, &epsilon)) return NULL;
    float *row = aligned_alloc(64, ((size_t)d * sizeof(float) + 63) / 64 * 64);
    if (row == NULL) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS;
    add_norm((bf16 *)out, (bf16 *)added, (bf16 *)to, (bf16 *)weight, (bf16 *)bias, rows, d, epsilon, row);
    Py_END_ALLOW_THREADS;
    free(row);
    Py_RETURN_NONE;
}

static PyObject *py_rms_norm(PyObject *self, PyObject *given) {
    Py_ssize_t out, from, weight, rows, d;
    float epsilon;
    if (!PyArg_ParseTuple(given, "nnnnnf", &out, &from, &weight, &rows, &d, &epsilon)) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    rms_norm((bf16 *)out, (bf16 *)from, (bf16 *)weight, rows, d, epsilon);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

static PyObject *py_rotate(PyObject *self, PyObject *given) {
    Py_ssize_t out, from, cos, sin, tokens, places, heads, d;
    if (!PyArg_ParseTuple(given, "nnnnnnnn", &out, &from, &cos, &sin, &tokens, &places, &heads, &d)) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    rotate((bf16 *)out, (bf16 *)from, (bf16 *)cos, (bf16 *)sin, tokens, places, heads, d);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

static PyObject *py_gelu(PyObject *self, PyObject *given) {
    Py_ssize_t out, numbers, count, table;
    if (!PyArg_ParseTuple(given, "nnnn", &out, &numbers, &count, &table)) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    gelu((bf16 *)out, (bf16 *)numbers, count, (float *)table);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

#else /* the functions would not compile, and are not called */

static PyObject *py_has_avx(PyObject *self, PyObject *none) { Py_RETURN_FALSE; }
static PyObject *py_has_amx(PyObject *self, PyObject *none) { Py_RETURN_FALSE; }

static PyObject *unsupported(void) {
    PyErr_SetString(PyExc_NotImplementedError, "compiled for another processor than x86-64 with Linux");
    return NULL;
}
static PyObject *py_add_norm(PyObject *self, PyObject *given) { return unsupported(); }
static PyObject *py_rms_norm(PyObject *self, PyObject *given) { return unsupported(); }
static PyObject *py_rotate(PyObject *self, PyObject *given) { return unsupported(); }
static PyObject *py_gelu(PyObject *self, PyObject *given) { return unsupported(); }

#endif

static PyMethodDef methods[] = {
    {"has_avx", py_has_avx, METH_NOARGS, NULL},
    {"has_amx", py_has_amx, METH_NOARGS, NULL},
    {"add_norm", py_add_norm, METH_VARARGS, NULL},
    {"rms_norm", py_rms_norm, METH_VARARGS, NULL},
    {"rotate", py_rotate, METH_VARARGS, NULL},
    {"gelu", py_gelu, METH_VARARGS, NULL},
    {"attend", py_attend, METH_VARARGS, NULL},
    {"finish_layer", py_finish_layer, METH_VARARGS, NULL},
    {"gated", py_gated, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
