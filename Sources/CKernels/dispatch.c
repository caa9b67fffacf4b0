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

// A panel's block holds its rows' 32 bytes and six words of scales for each row; enough for the variant with
// the most rows, so that choosing another one later is safe.
size_t ck_panel_bytes(int32_t columns) {
    int32_t rows = 0;
    for (int i = 0; i < VARIANTS; i++)
        if (variants[i]->panel_rows > rows) rows = variants[i]->panel_rows;
    return (size_t)(columns / CK_BLOCK) * (size_t)rows * (CK_BLOCK + 6 * 4);
}

void ck_quantize(const ck_activations *a, int32_t first, int32_t last) { variant()->quantize(a, first, last); }

void ck_multiply(const ck_matrix *m, int32_t first, int32_t last, const ck_activations *a, int32_t tokens, float *out,
                 size_t stride, void *panel) {
    const ck_variant *v = variant();
    if (m->format >= CK_FORMATS || !v->rows[m->format] || first >= last) return;
    if (tokens < 4) {
        for (int32_t t = 0; t < tokens; t++) v->rows[m->format](m, first, last, a, t, out + (size_t)t * stride + first);
        return;
    }
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
void ck_soft_cap(float *x, float cap, int32_t n) { variant()->soft_cap(x, cap, n); }

void ck_rotate(float *x, const float *cosines, const float *sines, int32_t pairs, int interleaved) {
    int32_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : pairs;
    for (int32_t i = 0; i < pairs; i++) {
        float a = x[i * step], b = x[i * step + apart];
        x[i * step] = a * cosines[i] - b * sines[i];
        x[i * step + apart] = a * sines[i] + b * cosines[i];
    }
}

void ck_store_f16(const float *x, uint16_t *out, int32_t n) {
    for (int32_t i = 0; i < n; i++) out[i] = ck_f32_to_f16(x[i]);
}

size_t ck_attention_floats(int32_t positions, int32_t queries, int32_t dimension) {
    int32_t widest = (dimension + 7) / 8 * 8, width = (positions + 7) / 8 * 8;
    return (size_t)(64 + queries) * (size_t)widest + (size_t)queries * (size_t)width;
}

void ck_attend(const ck_attention *attention, float *scratch) { variant()->attend(attention, scratch); }
