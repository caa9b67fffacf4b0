// Chooses a variant once, and the entry points that go through it.

#include "vectors.h"
#include <stdatomic.h>

#pragma clang fp contract(off)

static const ck_variant *const variants[] = {
#if defined(__x86_64__)
    &ck_avx512vnni_variant,
    &ck_avx2_variant,
#endif
    &ck_baseline_variant,
#if defined(__wasm_relaxed_simd__)
    &ck_simd128_variant,
#endif
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static const ck_variant *_Atomic chosen;

static const ck_variant *variant(void) {
    const ck_variant *found = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (found) return found;
    int i = 0;
    while (!variants[i]->available()) i++; // the baseline always is
    atomic_store_explicit(&chosen, variants[i], memory_order_relaxed);
    return variants[i];
}

const char *ck_instruction_set(void) { return variant()->name; }

const char *ck_available_instruction_set(int index) {
    for (int i = 0; i < VARIANTS; i++)
        if (variants[i]->available() && index-- == 0) return variants[i]->name;
    return 0;
}

int ck_select_instruction_set(const char *name) {
    for (int i = 0; i < VARIANTS; i++) {
        const char *a = variants[i]->name, *b = name;
        while (*a && *a == *b) a++, b++;
        if (*a == *b && variants[i]->available()) {
            atomic_store(&chosen, variants[i]);
            return 1;
        }
    }
    return 0;
}

int ck_reads_ahead = 0;

int ck_may_read_ahead(void) {
#if defined(__wasm__)
    return 1;
#else
    return 0;
#endif
}

void ck_read_ahead(int on) { __atomic_store_n(&ck_reads_ahead, on, __ATOMIC_RELAXED); }

// Enough for the variant with the largest panels, so that choosing another one later is safe.
size_t ck_panel_bytes(int32_t columns) {
    size_t bytes = 0;
    for (int i = 0; i < VARIANTS; i++)
        if (variants[i]->panel_block_bytes > bytes) bytes = variants[i]->panel_block_bytes;
    return (size_t)(columns / CK_BLOCK) * bytes;
}

void ck_quantize(const ck_activations *a, int32_t token, int32_t first, int32_t last) {
    variant()->quantize(a, token, first, last);
}

void ck_multiply(const ck_matrix *m, int32_t first, int32_t last, const ck_activations *a, int32_t tokens, float *out,
                 size_t stride, void *panel) {
    const ck_variant *v = variant();
    if (m->format >= CK_FORMATS || !v->panel[m->format] || first >= last) return;
    if (tokens == 1 && v->rows[m->format]) return v->rows[m->format](m, first, last, a, out + first);
    for (int32_t row = first; row < last; row += v->panel_rows) {
        int32_t end = row + v->panel_rows < last ? row + v->panel_rows : last;
        v->panel[m->format](m, row, end, a, tokens, out + row, stride, panel);
    }
}

void ck_add(float *x, const float *y, int32_t n) {
    for (int32_t i = 0; i < n; i++) x[i] += y[i];
}
void ck_scale(float *x, float factor, int32_t n) {
    for (int32_t i = 0; i < n; i++) x[i] *= factor;
}
void ck_rms_norm(const float *x, const float *weight, float epsilon, int32_t n, float *out) {
    variant()->rms_norm(x, weight, epsilon, n, out);
}
void ck_layer_norm(const float *x, const float *weight, const float *bias, float epsilon, int32_t n, float *out) {
    variant()->layer_norm(x, weight, bias, epsilon, n, out);
}
void ck_silu_gate(float *gate, const float *up, int32_t n) { variant()->silu_gate(gate, up, n); }
void ck_gelu_gate(float *gate, const float *up, int32_t n) { variant()->gelu_gate(gate, up, n); }
void ck_relu_squared_gate(float *gate, const float *up, int32_t n) { variant()->relu_squared_gate(gate, up, n); }
void ck_bounded_gate(float *gate, const float *up, int32_t n) { variant()->bounded_gate(gate, up, n); }
void ck_xielu(float *x, float positive, float negative, float slope, float limit, int32_t n) {
    variant()->xielu(x, positive, negative, slope, limit, n);
}
void ck_soft_cap(float *x, float cap, int32_t n) { variant()->soft_cap(x, cap, n); }

void ck_rotate(float *x, const float *cosines, const float *sines, int32_t pairs, int interleaved) {
    int32_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : pairs;
    for (int32_t i = 0; i < pairs; i++) {
        float a = x[i * step], b = x[i * step + apart];
        x[i * step] = a * cosines[i] - b * sines[i];
        x[i * step + apart] = a * sines[i] + b * cosines[i];
    }
}

// Finite, so that a weight of zero takes a position out of a sum.
static uint16_t finite_half(float value) {
    if (!(value <= 65504)) value = 65504;
    return ck_f32_to_f16(value < -65504 ? -65504 : value);
}

void ck_store_key(const float *key, uint16_t *keys, int32_t position, int32_t dimension) {
    uint16_t *tile = keys + (size_t)(position / CK_KEY_TILE) * (size_t)(CK_KEY_TILE * dimension);
    for (int32_t i = 0; i < dimension; i++) tile[i * CK_KEY_TILE + position % CK_KEY_TILE] = finite_half(key[i]);
}

void ck_store_value(const float *value, uint16_t *values, int32_t position, int32_t dimension) {
    uint16_t *row = values + (size_t)position * (size_t)dimension;
    for (int32_t i = 0; i < dimension; i++) row[i] = finite_half(value[i]);
}

void ck_short_convolution(const float *gates, const float *kernel, int32_t length, const float *state, float *next,
                          int32_t channels, int32_t first, int32_t last, int32_t tokens, float *out) {
    const size_t width = (size_t)channels, stride = 3 * width;
    for (int32_t token = 0; token < tokens; token++) {
        const float *gate = gates + (size_t)token * stride + width;
        for (int32_t c = first; c < last; c++) {
            float sum = 0;
            for (int32_t j = 0; j < length; j++) {
                int32_t from = token - length + 1 + j;
                const float *b = gates + (size_t)(from < 0 ? 0 : from) * stride;
                float value = from < 0 ? state[(size_t)(from + length - 1) * width + (size_t)c] : b[c] * b[2 * width + (size_t)c];
                sum += kernel[(size_t)c * (size_t)length + (size_t)j] * value;
            }
            out[(size_t)token * width + (size_t)c] = gate[c] * sum;
        }
    }
    for (int32_t j = 0; j < length - 1; j++) {
        int32_t from = tokens - length + 1 + j;
        const float *b = gates + (size_t)(from < 0 ? 0 : from) * stride;
        for (int32_t c = first; c < last; c++)
            next[(size_t)j * width + (size_t)c] =
                from < 0 ? state[(size_t)(from + length - 1) * width + (size_t)c] : b[c] * b[2 * width + (size_t)c];
    }
}

void ck_attend(const ck_attention *attention, int32_t span, float *partials) {
    variant()->attend(attention, span, partials);
}
void ck_combine(const ck_attention *attention, const float *partials, size_t stride) {
    variant()->combine(attention, partials, stride);
}
