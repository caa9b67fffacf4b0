// Inner loops of Swiftlet: the arithmetic that is worth writing once per instruction set.
//
// Every result is the same, bit for bit, on every instruction set and with any number of threads:
// integer products are accumulated exactly, and floating-point sums run in one fixed order without
// fused multiply-add.

#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "sampling.h"
#include "sha256.h"

// ---- Scalars ------------------------------------------------------------------------------------

static inline float ck_f16_to_f32(uint16_t bits) {
    union { uint32_t u; float f; } scale = {.u = 0x77800000}, value = {.u = (uint32_t)(bits & 0x7fff) << 13};
    value.f *= scale.f; // 2^112: rebases the exponent and normalizes subnormals
    if ((bits & 0x7fff) >= 0x7c00) value.u |= 0x7f800000;
    value.u |= (uint32_t)(bits & 0x8000) << 16;
    return value.f;
}
uint16_t ck_f32_to_f16(float value);
float ck_expf(float x);
float ck_logf(float x);
/// base raised to exponent, for base > 0.
double ck_pow(double base, double exponent);
void ck_sincos(double angle, float *sine, float *cosine);

// ---- Activations --------------------------------------------------------------------------------

enum { CK_BLOCK = 32, CK_MAX_TILE = 16 };

/// Vectors quantized to int8 in blocks of 32, one vector per token: value = scale * quantum.
typedef struct {
    int8_t *values;    // [tokens][columns]
    float *scales;     // [tokens][columns / 32]
    float *sums;       // [tokens][columns / 32]: scale times the block's sum
    int32_t *low;      // [tokens][columns / 32]: integer sum of elements 0..<16 of the block
    int32_t *high;     // [tokens][columns / 32]: integer sum of elements 16..<32
    const float *real; // [tokens][columns]: the vectors before quantization
    int32_t columns;
} ck_activations;

// ---- Matrices -----------------------------------------------------------------------------------

/// A weight matrix in the mapped file: `rows` rows of `columns` elements in a GGUF format.
typedef struct {
    const uint8_t *data;
    size_t row_bytes;
    int32_t rows;
    int32_t columns;
    uint32_t format; // the format's number in GGUF
} ck_matrix;

/// Bytes of scratch that ck_multiply needs for matrices of up to `columns` columns.
size_t ck_panel_bytes(int32_t columns);

/// The instruction set in use: "avx512vnni", "avx2", "neon", "simd128", "relaxed-simd", "sse2" or "scalar".
const char *ck_instruction_set(void);
/// Selects a variant by name, for tests and benchmarks. Returns 0 when this machine does not have it.
int ck_select_instruction_set(const char *name);

/// Quantizes vectors `first..<last`; fills everything in `activations` but `real`.
void ck_quantize(const ck_activations *activations, int32_t first, int32_t last);

/// out[token * stride + row] = matrix row · activation token, for rows `first..<last` of `matrix`.
void ck_multiply(const ck_matrix *matrix, int32_t first, int32_t last, const ck_activations *activations,
                 int32_t tokens, float *out, size_t stride, void *panel);

// ---- Vectors ------------------------------------------------------------------------------------

void ck_add(float *x, const float *y, int32_t n);
void ck_scale(float *x, float factor, int32_t n);
/// out = x / rms(x) * weight
void ck_rms_norm(const float *x, const float *weight, float epsilon, int32_t n, float *out);
/// out = (x - mean) / deviation * weight + bias; bias may be NULL.
void ck_layer_norm(const float *x, const float *weight, const float *bias, float epsilon, int32_t n, float *out);
/// gate = silu(gate) * up
void ck_silu_gate(float *gate, const float *up, int32_t n);
/// gate = gelu(gate) * up, in the tanh form; without `up` the activation alone.
void ck_gelu_gate(float *gate, const float *up, int32_t n);
/// x = cap * tanh(x / cap)
void ck_soft_cap(float *x, float cap, int32_t n);
/// Rotates pairs of the first `2 * pairs` elements; `interleaved`: (2i, 2i+1), else (i, i + pairs).
void ck_rotate(float *x, const float *cosines, const float *sines, int32_t pairs, int interleaved);
void ck_store_f16(const float *x, uint16_t *out, int32_t n);

// ---- Attention ----------------------------------------------------------------------------------

/// Attention of `queries` consecutive tokens of one head over a cache of keys and values.
typedef struct {
    const float *query;     // first token's query of this head
    float *out;             // first token's output of this head
    size_t query_stride;    // floats between tokens, in `query`
    size_t out_stride;      // floats between tokens, in `out`
    const uint16_t *keys;   // [positions][dimension], F16
    const uint16_t *values; // [positions][value_dimension], F16
    int32_t dimension;
    int32_t value_dimension;
    int32_t position;       // the first query's position: it sees keys up to and including this one
    int32_t queries;
    int32_t window;         // how many positions a query sees, itself included; 0: all
    float scale;            // multiplies query · key
    float soft_cap;         // 0: none
} ck_attention;

/// Floats of scratch for ck_attend over `positions` cached positions.
size_t ck_attention_floats(int32_t positions, int32_t queries, int32_t dimension);
void ck_attend(const ck_attention *attention, float *scratch);

// ---- Threads ------------------------------------------------------------------------------------

/// A team of threads that run one function together, in lanes 0..<count.
typedef struct ck_team ck_team;
typedef void (*ck_work)(void *context, int32_t lane, int32_t lanes);

/// Natively starts count - 1 threads. In WebAssembly the host starts them, each calling ck_team_serve.
/// Returns NULL when threads cannot be had.
ck_team *ck_team_create(int32_t count);
void ck_team_destroy(ck_team *team);
int32_t ck_team_count(const ck_team *team);
/// Runs `work` in every lane, the caller being lane 0, and returns when all are done.
void ck_team_run(ck_team *team, ck_work work, void *context);
/// Waits until every lane is here.
void ck_team_barrier(ck_team *team);
/// The life of a thread of the team; returns when the team is destroyed.
void ck_team_serve(ck_team *team, int32_t lane);

#endif
