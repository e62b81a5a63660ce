/* Steps of small perceptrons by AdamW in float32, with AVX2 or AVX-512: a model's epoch in one call, by one thread.
 *
 * torch writes a step's gradients to memory and reads them again, and calls a product for each of a few layers of a few rows.
 * Here a model's weights stand in panels of 16 outputs, (outputs / 16, inputs, 16), so that every pass over them is from one end
 * to the other, and a weight is updated as soon as its gradient is summed up, in registers. `embedreg.heads._compiled_stack`
 * checks types, tries this against torch before it is used, and does without where it was not compiled. Pointers are of tensors.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef Py_ssize_t Size;

#define PANEL 16  /* outputs whose weights stand together */
#define DEPTH 192 /* inputs at once: as many as, of a block of rows, stay in the first cache beside a panel of weights */
#define MOST_ROWS 64 /* predicted at once */
#define UP(n) (((n) + PANEL - 1) / PANEL * PANEL)
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 16")

/* where number i of the first row is in panels (n / 16, rows, 16) */
static inline Size in_panels(Size i, Size rows) { return i / PANEL * PANEL * rows + i % PANEL; }

typedef struct {
    Size inputs, outputs;    /* the latter a multiple of 16; those beyond the layer's own have weights of zero, and keep them */
    Size weights, biases;    /* where they are in a model */
    float *columns, *panels; /* what it reads: (inputs, rows), and (inputs / 16, rows, 16) */
} Layer;

typedef struct {
    Size layers, rows; /* the latter as many as there is room for, whole blocks */
    Layer *layer;      /* one more than there are: the last one reads the prediction */
    float *errors, *next, *error_panels;
    void *memory;
} Network;

typedef struct {
    float *parameters, *first, *second;
} Model;

typedef struct {
    float beta1, beta2, epsilon;
    float kept;       /* of a weight, by its decay */
    float rate;       /* divided by what of the first moment is not there yet */
    float correction; /* one over the root of what of the second moment is there */
} Update;

/* ---- AVX-512 ---- */

#define NAME(name) name##_of_16
#define TARGET __attribute__((target("avx512f,avx512dq")))
#define VECTOR __m512
#define LANES 16
#define SUMS 8
#define SUM_VECTORS 2
#define TILE 16
#define TILE_VECTORS 1
#define LOAD(from) _mm512_loadu_ps(from)
#define STORE(to, x) _mm512_storeu_ps(to, x)
#define EACH(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define ADD(a, b) _mm512_add_ps(a, b)
#define SUB(a, b) _mm512_sub_ps(a, b)
#define AT_LEAST_ZERO(x) _mm512_mask_mov_ps(_mm512_setzero_ps(), _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NLE_UQ), x)
#define WHERE_POSITIVE(what, x) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(what, _mm512_setzero_ps(), _CMP_GT_OQ), x)
#define LEAST_SQUARE 1e-37f /* what is smaller has a root of zero, beside epsilon */

/* a / (sqrt(b) * c + d); the root and the reciprocal by an estimate and a step of Newton's method, to float32's precision: the
 * instructions that are exact are several times slower than a product */
TARGET INLINE __m512 ratio_of_16(__m512 a, __m512 b, __m512 c, __m512 d) {
    const __mmask16 real = _mm512_cmp_ps_mask(b, EACH(LEAST_SQUARE), _CMP_NLT_UQ);
    const __m512 inverse = _mm512_maskz_rsqrt14_ps(real, b), near = MUL(b, inverse);
    const __m512 root = FMA(MUL(EACH(0.5f), inverse), _mm512_fnmadd_ps(near, near, b), near);
    const __m512 size = FMA(root, c, d), rough = _mm512_rcp14_ps(size);
    return MUL(a, FMA(rough, _mm512_fnmadd_ps(size, rough, EACH(1.0f)), rough));
}

#include "_perceptron.h"

/* ---- AVX2 ---- */

#define NAME(name) name##_of_8
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR __m256
#define LANES 8
#define SUMS 4
#define SUM_VECTORS 2
#define TILE 4
#define TILE_VECTORS 2
#define LOAD(from) _mm256_loadu_ps(from)
#define STORE(to, x) _mm256_storeu_ps(to, x)
#define EACH(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define ADD(a, b) _mm256_add_ps(a, b)
#define SUB(a, b) _mm256_sub_ps(a, b)
#define AT_LEAST_ZERO(x) _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NLE_UQ), x)
#define WHERE_POSITIVE(what, x) _mm256_and_ps(_mm256_cmp_ps(what, _mm256_setzero_ps(), _CMP_GT_OQ), x)

/* a / (sqrt(b) * c + d) */
TARGET INLINE __m256 ratio_of_8(__m256 a, __m256 b, __m256 c, __m256 d) {
    return _mm256_div_ps(a, FMA(_mm256_sqrt_ps(b), c, d));
}

#include "_perceptron.h"

/* ---- calls ---- */

static bool make_network(Network *network, const int64_t *widths, Size layers, Size rows) {
    Size held = 0, most = 0, at = 0;
    for (Size i = 0; i <= layers; i++) {
        held += 2 * UP(widths[i]);
        if (UP(widths[i]) > most) most = UP(widths[i]);
    }
    rows = (rows + 31) / 32 * 32; /* whole blocks of either kind */
    const size_t numbers = sizeof(float) * (size_t)((held + 3 * most) * rows);
    const size_t places = sizeof(Layer) * (size_t)(layers + 1);
    char *memory = aligned_alloc(64, (numbers + places + 63) / 64 * 64);
    if (!memory) return false;
    *network = (Network){.layers = layers, .rows = rows, .memory = memory, .layer = (Layer *)(memory + numbers)};
    float *next = (float *)memory;
    for (Size i = 0; i <= layers; i++) {
        Layer *layer = network->layer + i;
        layer->columns = next;
        layer->panels = next + UP(widths[i]) * rows;
        next = layer->panels + UP(widths[i]) * rows;
        layer->inputs = widths[i];
        layer->outputs = i < layers ? UP(widths[i + 1]) : 0;
        layer->weights = at;
        layer->biases = at + layer->inputs * layer->outputs;
        at = layer->biases + layer->outputs;
    }
    network->errors = next;
    network->next = next + most * rows;
    network->error_panels = next + 2 * most * rows;
    return true;
}

static Update make_update(double rate, double decay, double beta1, double beta2, double epsilon, Size step) {
    return (Update){.beta1 = (float)beta1, .beta2 = (float)beta2, .epsilon = (float)epsilon,
                    .kept = (float)(1.0 - rate * decay),
                    .rate = (float)(rate / (1.0 - pow(beta1, (double)step))),
                    .correction = (float)(1.0 / sqrt(1.0 - pow(beta2, (double)step)))};
}

static bool has_avx512(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); }
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static PyObject *py_lanes(PyObject *self, PyObject *none) { return PyLong_FromLong(has_avx512() ? 16 : has_avx2() ? 8 : 0); }

static PyObject *py_learn(PyObject *self, PyObject *given) {
    Size lanes, parameters, first, second, widths, layers, x, y, which, weights, steps, rows, done;
    double rate, decay, beta1, beta2, epsilon;
    if (!PyArg_ParseTuple(given, "nnnnnnnnnnnnnddddd", &lanes, &parameters, &first, &second, &widths, &layers, &x, &y, &which,
                          &weights, &steps, &rows, &done, &rate, &decay, &beta1, &beta2, &epsilon))
        return NULL;
    Network network;
    if (!make_network(&network, (int64_t *)widths, layers, rows)) return PyErr_NoMemory();
    const Model model = {(float *)parameters, (float *)first, (float *)second};
    Py_BEGIN_ALLOW_THREADS;
    for (Size step = 0; step < steps; step++) {
        const Update by = make_update(rate, decay, beta1, beta2, epsilon, done + step + 1);
        (lanes == 16 ? step_of_16 : step_of_8)(&network, model, (float *)x, (float *)y, (int64_t *)which + step * rows,
                                               (float *)weights + step * rows, rows, &by);
    }
    Py_END_ALLOW_THREADS;
    free(network.memory);
    Py_RETURN_NONE;
}

static PyObject *py_predict(PyObject *self, PyObject *given) {
    Size lanes, out, parameters, widths, layers, x, rows;
    if (!PyArg_ParseTuple(given, "nnnnnnn", &lanes, &out, &parameters, &widths, &layers, &x, &rows)) return NULL;
    Network network;
    if (!make_network(&network, (int64_t *)widths, layers, rows < MOST_ROWS ? rows : MOST_ROWS)) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS;
    (lanes == 16 ? predict_of_16 : predict_of_8)((float *)out, &network, (float *)parameters, (float *)x, rows);
    Py_END_ALLOW_THREADS;
    free(network.memory);
    Py_RETURN_NONE;
}

#else /* the functions would not compile, and are not called */

static PyObject *py_lanes(PyObject *self, PyObject *none) { return PyLong_FromLong(0); }

static PyObject *unsupported(void) {
    PyErr_SetString(PyExc_NotImplementedError, "compiled for another processor than x86-64");
    return NULL;
}
static PyObject *py_learn(PyObject *self, PyObject *given) { return unsupported(); }
static PyObject *py_predict(PyObject *self, PyObject *given) { return unsupported(); }

#endif

static PyMethodDef methods[] = {
    {"lanes", py_lanes, METH_NOARGS, NULL},
    {"learn", py_learn, METH_VARARGS, NULL},
    {"predict", py_predict, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
