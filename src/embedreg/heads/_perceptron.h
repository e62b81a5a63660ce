/* A perceptron's training in float32, by vectors of LANES numbers; `_kernels.c` includes this once for each kind of them.
 *
 * It defines: NAME, which makes names of that kind; TARGET, instructions that may be used; VECTOR and what is done with them; and
 * how many sums are kept at once, as registers allow: SUMS x SUM_VECTORS where rows stand in vectors, TILE x TILE_VECTORS, the
 * latter a panel, where a weight's outputs do.
 */
#define BLOCK (SUM_VECTORS * LANES) /* rows at once */
#define MOST(a, b) ((a) > (b) ? (a) : (b))

/* sums[j][v] += scalars[j * across + c * along] * vectors[c * stride + v], over c */
TARGET INLINE void NAME(add_products)(VECTOR (*sums)[MOST(SUM_VECTORS, TILE_VECTORS)], const float *scalars, Size across,
                                      Size along, const float *vectors, Size stride, Size count, const int many, const int wide) {
    for (Size c = 0; c < count; c++, scalars += along, vectors += stride) {
        VECTOR x[MOST(SUM_VECTORS, TILE_VECTORS)];
        UNROLLED for (int v = 0; v < wide; v++) x[v] = LOAD(vectors + v * LANES);
        UNROLLED for (int j = 0; j < many; j++) {
            const VECTOR scalar = EACH(scalars[j * across]);
            UNROLLED for (int v = 0; v < wide; v++) sums[j][v] = FMA(scalar, x[v], sums[j][v]);
        }
    }
}

/* out (outputs, rows) = weights in panels by in (inputs, rows), and biases; what is below zero becomes zero where it is `bent` */
TARGET static void NAME(forward)(float *out, const float *in, const float *weights, const float *biases, Size inputs,
                                 Size outputs, Size rows, bool bent) {
    for (Size first = 0; first < inputs; first += DEPTH) {
        const Size some = inputs - first < DEPTH ? inputs - first : DEPTH;
        const bool last = first + some == inputs;
        for (Size row = 0; row < rows; row += BLOCK)
            for (Size o = 0; o < outputs; o += SUMS) {
                VECTOR sums[SUMS][MOST(SUM_VECTORS, TILE_VECTORS)];
                float *to = out + o * rows + row;
                UNROLLED for (int j = 0; j < SUMS; j++)
                    UNROLLED for (int v = 0; v < SUM_VECTORS; v++)
                        sums[j][v] = first ? LOAD(to + j * rows + v * LANES) : EACH(biases[o + j]);
                const float *panel = weights + o / PANEL * PANEL * inputs + first * PANEL + o % PANEL;
                NAME(add_products)(sums, panel, 1, PANEL, in + first * rows + row, rows, some, SUMS, SUM_VECTORS);
                UNROLLED for (int j = 0; j < SUMS; j++)
                    UNROLLED for (int v = 0; v < SUM_VECTORS; v++)
                        STORE(to + j * rows + v * LANES, bent && last ? AT_LEAST_ZERO(sums[j][v]) : sums[j][v]);
            }
    }
}

/* out (inputs, rows), the loss's derivative by what a layer reads: weights by errors (outputs, rows), where `read` is positive */
TARGET INLINE void NAME(some_backward)(float *out, const float *errors, const float *weights, const float *read, Size inputs,
                                       Size outputs, Size rows, const int many) {
    for (Size row = 0; row < rows; row += BLOCK) {
        VECTOR sums[SUMS][MOST(SUM_VECTORS, TILE_VECTORS)];
        UNROLLED for (int j = 0; j < many; j++) UNROLLED for (int v = 0; v < SUM_VECTORS; v++) sums[j][v] = EACH(0.0f);
        for (Size o = 0; o < outputs; o += PANEL)
            NAME(add_products)(sums, weights + o * inputs, PANEL, 1, errors + o * rows + row, rows, PANEL, many, SUM_VECTORS);
        UNROLLED for (int j = 0; j < many; j++)
            UNROLLED for (int v = 0; v < SUM_VECTORS; v++) {
                const Size at = j * rows + row + v * LANES;
                STORE(out + at, WHERE_POSITIVE(LOAD(read + at), sums[j][v]));
            }
    }
}

TARGET static void NAME(backward)(float *out, const float *errors, const float *weights, const float *read, Size inputs,
                                  Size outputs, Size rows) {
    Size i = 0;
    for (; i + SUMS <= inputs; i += SUMS)
        NAME(some_backward)(out + i * rows, errors, weights + i * PANEL, read + i * rows, inputs, outputs, rows, SUMS);
    for (; i < inputs; i++)
        NAME(some_backward)(out + i * rows, errors, weights + i * PANEL, read + i * rows, inputs, outputs, rows, 1);
}

/* the numbers of an update, each in a vector: what is in memory would be read again after every store */
typedef struct {
    VECTOR new_first, beta2, new_second, kept, rate, correction, epsilon;
} NAME(Rates);

TARGET INLINE NAME(Rates) NAME(rates)(const Update *by) {
    return (NAME(Rates)){EACH(1.0f - by->beta1), EACH(by->beta2), EACH(1.0f - by->beta2), EACH(by->kept),
                         EACH(by->rate), EACH(by->correction), EACH(by->epsilon)};
}

/* AdamW of a vector of parameters, its moments and its gradients */
TARGET INLINE void NAME(adamw)(Model model, Size at, VECTOR gradient, NAME(Rates) by) {
    VECTOR first = LOAD(model.first + at), second = LOAD(model.second + at);
    first = FMA(by.new_first, SUB(gradient, first), first);
    second = FMA(second, by.beta2, MUL(MUL(gradient, gradient), by.new_second));
    const VECTOR change = NAME(ratio)(MUL(first, by.rate), second, by.correction, by.epsilon);
    STORE(model.parameters + at, SUB(MUL(LOAD(model.parameters + at), by.kept), change));
    STORE(model.first + at, first);
    STORE(model.second + at, second);
}

/* a step of so many inputs' weights of one panel, `at` in the model; the gradients, read by errors, never reach memory */
TARGET INLINE void NAME(update_tile)(Model model, Size at, const float *read, const float *errors, Size rows, NAME(Rates) by,
                                     const int many) {
    VECTOR sums[TILE][MOST(SUM_VECTORS, TILE_VECTORS)];
    UNROLLED for (int j = 0; j < many; j++) UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[j][v] = EACH(0.0f);
    NAME(add_products)(sums, read, 1, PANEL, errors, PANEL, rows, many, TILE_VECTORS);
    UNROLLED for (int j = 0; j < many; j++)
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) NAME(adamw)(model, at + j * PANEL + v * LANES, sums[j][v], by);
}

/* a step of a layer, of what it read and the errors of its outputs, both in panels (n / 16, rows, 16) */
TARGET static void NAME(update)(Model model, const Layer *layer, const float *errors, Size count, Size rows,
                                const Update *update) {
    const NAME(Rates) by = NAME(rates)(update);
    for (Size o = 0; o < layer->outputs; o += PANEL, errors += PANEL * rows) {
        Size i = 0, at = layer->weights + o * layer->inputs;
        for (; i + TILE <= layer->inputs; i += TILE)
            NAME(update_tile)(model, at + i * PANEL, layer->panels + in_panels(i, rows), errors, count, by, TILE);
        for (; i < layer->inputs; i++)
            NAME(update_tile)(model, at + i * PANEL, layer->panels + in_panels(i, rows), errors, count, by, 1);
        VECTOR sums[TILE_VECTORS];
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[v] = EACH(0.0f);
        for (Size row = 0; row < count; row++)
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[v] = ADD(sums[v], LOAD(errors + row * PANEL + v * LANES));
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) NAME(adamw)(model, layer->biases + o + v * LANES, sums[v], by);
    }
}

/* (n, rows) of panels (n / 16, rows, 16), and the other way; n is a multiple of 16 */
TARGET static void NAME(turn)(float *columns, const float *panels, Size n, Size rows) {
    for (Size i = 0; i < n; i += PANEL, panels += PANEL * rows)
        for (Size row = 0; row < rows; row++)
            UNROLLED for (int c = 0; c < PANEL; c++) columns[(i + c) * rows + row] = panels[row * PANEL + c];
}

TARGET static void NAME(turn_back)(float *panels, const float *columns, Size n, Size rows) {
    for (Size i = 0; i < n; i += PANEL, panels += PANEL * rows)
        for (Size row = 0; row < rows; row++)
            UNROLLED for (int c = 0; c < PANEL; c++) panels[row * PANEL + c] = columns[(i + c) * rows + row];
}

/* the rows of x (n, inputs) that are asked for, the first ones without `which`, as the first layer reads them */
TARGET static void NAME(gather)(const Layer *layer, const float *x, const int64_t *which, Size count, Size rows) {
    const Size inputs = layer->inputs, whole = inputs / PANEL * PANEL;
    memset(layer->panels, 0, sizeof(float) * UP(inputs) * rows);
    for (Size row = 0; row < count; row++) {
        const float *from = x + (which ? which[row] : row) * inputs;
        float *to = layer->panels + row * PANEL;
        for (Size i = 0; i < whole; i += PANEL, to += PANEL * rows) memcpy(to, from + i, sizeof(float) * PANEL);
        memcpy(to, from + whole, sizeof(float) * (inputs - whole));
    }
    NAME(turn)(layer->columns, layer->panels, UP(inputs), rows);
}

/* what each layer reads and the prediction, given what the first one reads */
TARGET static void NAME(read_on)(const Network *network, const float *parameters, Size rows) {
    for (Size i = 0; i < network->layers; i++) {
        const Layer *layer = network->layer + i;
        NAME(forward)(layer[1].columns, layer->columns, parameters + layer->weights, parameters + layer->biases, layer->inputs,
                      layer->outputs, rows, i + 1 < network->layers);
    }
}

TARGET static void NAME(predict)(float *out, const Network *network, const float *parameters, const float *x, Size count) {
    for (Size first = 0; first < count; first += network->rows) {
        const Size some = count - first < network->rows ? count - first : network->rows;
        NAME(gather)(network->layer, x + first * network->layer->inputs, NULL, some, network->rows);
        NAME(read_on)(network, parameters, network->rows);
        memcpy(out + first, network->layer[network->layers].columns, sizeof(float) * some);
    }
}

/* one step on the rows `which` of x and y, with their weights */
TARGET static void NAME(step)(const Network *network, Model model, const float *x, const float *y, const int64_t *which,
                              const float *weights, Size count, const Update *by) {
    const Size rows = network->rows;
    NAME(gather)(network->layer, x, which, count, rows);
    NAME(read_on)(network, model.parameters, rows);
    const float *predicted = network->layer[network->layers].columns;
    float *errors = network->errors, *next = network->next;
    memset(errors, 0, sizeof(float) * PANEL * rows);
    for (Size row = 0; row < count; row++)
        if (weights[row] != 0.0f) errors[row] = 2.0f * weights[row] * (predicted[row] - y[which[row]]);
    for (Size i = network->layers - 1; i >= 0; i--) {
        const Layer *layer = network->layer + i;
        NAME(turn_back)(network->error_panels, errors, layer->outputs, rows);
        if (i) {
            NAME(backward)(next, errors, model.parameters + layer->weights, layer->columns, layer->inputs, layer->outputs, rows);
            memset(next + layer->inputs * rows, 0, sizeof(float) * (UP(layer->inputs) - layer->inputs) * rows);
            NAME(turn_back)(layer->panels, layer->columns, UP(layer->inputs), rows);
        }
        NAME(update)(model, layer, network->error_panels, count, rows, by);
        float *done = errors;
        errors = next;
        next = done;
    }
}

#undef BLOCK
#undef MOST
#undef NAME
#undef TARGET
#undef VECTOR
#undef LANES
#undef SUMS
#undef SUM_VECTORS
#undef TILE
#undef TILE_VECTORS
#undef LOAD
#undef STORE
#undef EACH
#undef FMA
#undef MUL
#undef ADD
#undef SUB
#undef AT_LEAST_ZERO
#undef WHERE_POSITIVE
