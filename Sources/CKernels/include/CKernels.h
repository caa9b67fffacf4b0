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
/// For x > 0.
double ck_log(double x);
/// base raised to exponent, for base > 0.
double ck_pow(double base, double exponent);
void ck_sincos(double angle, float *sine, float *cosine);

// ---- Activations --------------------------------------------------------------------------------

enum { CK_BLOCK = 32, CK_SUPERBLOCK = 256, CK_MAX_TILE = 16, CK_MOST_STEPS = 15 };

/// Vectors quantized to int8 in blocks of 32, one vector per token: value = scale * quantum.
///
/// For weights in superblocks of 256 the scales of eight blocks are whole multiples of one unit (`grouped`), so that a
/// superblock's product is one exact integer. With up to 15 units no product of any format reaches 2^31, and a block that is
/// half as large as its group's largest or more still uses 8/9 of the range of its quanta.
typedef struct {
    int8_t *values;    // [tokens][columns]
    int16_t *words;    // [tokens][columns]: the values for variants without products of bytes, see dot_words.inc
    float *scales;     // [tokens][block stride]
    float *sums;       // [tokens][block stride]: scale times the block's sum
    int32_t *low;      // [tokens][block stride]: integer sum of elements 0..<16 of the block
    int32_t *high;     // [tokens][block stride]: integer sum of elements 16..<32
    float *units;      // [tokens][group stride]: of eight blocks, when grouped: scale = unit * steps
    int16_t *steps;    // [tokens][block stride]
    int16_t *halves;   // [tokens][block stride][2]: steps * low, steps * high
    const float *real; // [tokens][columns]: the vectors before quantization
    int32_t columns;
    int32_t grouped;   // whether weights in superblocks may read them; columns are then a multiple of 256
} ck_activations;

/// Blocks between two tokens' scales: whole vectors of eight, the last filled up with zeros.
static inline int32_t ck_block_stride(int32_t columns) { return (columns / CK_BLOCK + 7) / 8 * 8; }
/// Units between two tokens, likewise.
static inline int32_t ck_group_stride(int32_t columns) { return (columns / CK_SUPERBLOCK + 7) / 8 * 8; }

// ---- Matrices -----------------------------------------------------------------------------------

/// A weight matrix in the mapped file: `rows` rows of `columns` elements in a GGUF format.
typedef struct {
    const uint8_t *data;
    size_t row_bytes;
    int32_t rows;
    int32_t columns;
    uint32_t format; // the format's number in GGUF
} ck_matrix;

/// The formats whose blocks are expanded before they are multiplied, by their numbers in GGUF: superblocks, and parts of 32.
enum {
    CK_IQ2_XXS = 16, CK_IQ2_XS = 17, CK_IQ3_XXS = 18, CK_IQ1_S = 19, CK_IQ3_S = 21, CK_IQ2_S = 22, CK_IQ1_M = 29,
    CK_TQ1_0 = 34, CK_TQ2_0 = 35, CK_NVFP4 = 40, CK_Q1_0 = 41
};

/// A superblock: an element is scale * (integer scale of its 16) * quantum.
typedef struct {
    int8_t quanta[CK_SUPERBLOCK];
    int16_t scales[CK_SUPERBLOCK / 16];
    float scale;
} ck_expanded;
void ck_expand(uint32_t format, const uint8_t *block, ck_expanded *out);

/// 32 elements of a row of NVFP4 or Q1_0: an element is the scale of its half times its quantum.
typedef struct {
    int8_t quanta[CK_BLOCK];
    float scales[2];
} ck_expanded_part;
void ck_expand_part(uint32_t format, const uint8_t *row, int32_t part, ck_expanded_part *out);

/// The points of a format's grid, `count` of `size` elements each: of the IQ1 formats eighths, of IQ2 and IQ3 before the signs.
/// NULL where a format has none.
const int8_t *ck_grid(uint32_t format, int32_t *count, int32_t *size);

/// Bytes of scratch that ck_multiply needs for matrices of up to `columns` columns.
size_t ck_panel_bytes(int32_t columns);

/// The instruction set in use: "avx512vnni", "avx2", "neon", "simd128", "relaxed-simd", "sse2" or "scalar".
const char *ck_instruction_set(void);
/// The instruction sets that this machine has, the best first: the name of number `index`, or NULL after the last.
const char *ck_available_instruction_set(int index);
/// Selects a variant by name, for tests and benchmarks. Returns 0 when this machine does not have it.
int ck_select_instruction_set(const char *name);

/// Whether a single token's products can ask for weights by reading ahead (in WebAssembly, which has no other way), and
/// whether they do: not unless told. It changes no result, only the time, and which way depends on the processor.
int ck_may_read_ahead(void);
void ck_read_ahead(int on);

/// Quantizes the blocks `first..<last` of one token, whole groups of eight when grouped; fills everything in `activations`
/// but `real`. The call with the last block also fills what is beyond it.
void ck_quantize(const ck_activations *activations, int32_t token, int32_t first, int32_t last);

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
void ck_relu_squared_gate(float *gate, const float *up, int32_t n);
/// gate = g sigmoid(1.702 g) * (u + 1) of bounded g = min(gate, 7) and u = up from -7 to 7.
void ck_bounded_gate(float *gate, const float *up, int32_t n);
/// x = slope x + positive x² above zero, slope x + negative (exp(min(x, limit)) - 1 - x) elsewhere.
void ck_xielu(float *x, float positive, float negative, float slope, float limit, int32_t n);
/// x = cap * tanh(x / cap)
void ck_soft_cap(float *x, float cap, int32_t n);
/// Rotates pairs of the first `2 * pairs` elements; `interleaved`: (2i, 2i+1), else (i, i + pairs).
void ck_rotate(float *x, const float *cosines, const float *sines, int32_t pairs, int interleaved);

// ---- Attention ----------------------------------------------------------------------------------

enum {
    CK_KEY_TILE = 32,       // positions whose keys stand interleaved in the cache
    CK_SPAN = 128,          // positions whose part of an attention is computed in one piece
    CK_ATTENTION_ROWS = 48, // most tokens times heads of one call
    CK_PARTIAL_HEAD = 8     // floats before the values of a partial result: the largest score, the weights' sum
};

/// Attention of consecutive tokens' queries, of the heads that share one head of keys and values.
typedef struct {
    const float *query;     // first token's first query: [token][head][dimension]
    float *out;             // [token][head][value_dimension]
    size_t query_stride;    // floats between tokens, in `query`
    size_t out_stride;      // floats between tokens, in `out`
    const uint16_t *const *pages; // of CK_SPAN positions each
    size_t keys;            // where a page has the head's keys: [positions / 32][dimension][32], F16
    size_t values;          // and its values: [positions][value_dimension], F16
    const float *sinks;     // by head: a score that takes its part of the weights and has no value; or NULL
    const uint16_t *next;   // the keys that this thread will most likely take after a span, or NULL
    int32_t dimension;
    int32_t value_dimension;
    int32_t heads;          // queries of one token
    int32_t tokens;
    int32_t position;       // the first token's position: it sees keys up to and including this one
    int32_t window;         // how many positions a query sees, itself included; 0: all
    int32_t length;         // of a text whose tokens see each other, up to `window` before and behind; 0: only what is before
    float scale;            // multiplies query · key
    float soft_cap;         // 0: none
    float slope;            // what a score loses for each position between query and key
} ck_attention;

/// Writes a head's key or value of one position of a page to its place among the page's, as finite F16.
void ck_store_key(const float *key, uint16_t *keys, int32_t position, int32_t dimension);
void ck_store_value(const float *value, uint16_t *values, int32_t position, int32_t dimension);

/// Floats of one row's partial result: a row is a token and a head.
static inline size_t ck_partial_floats(int32_t value_dimension) {
    return (size_t)(value_dimension + 7) / 8 * 8 + CK_PARTIAL_HEAD;
}
/// The spans that the queries see: first and one past the last.
static inline int32_t ck_first_span(const ck_attention *a) {
    int32_t before = a->length > 0 ? a->window : a->window - 1;
    return a->window > 0 && a->position > before ? (a->position - before) / CK_SPAN : 0;
}
static inline int32_t ck_last_span(const ck_attention *a) {
    int32_t last = a->position + a->tokens;
    if (a->length > 0) last = a->window > 0 && last + a->window < a->length ? last + a->window : a->length;
    return (last - 1) / CK_SPAN + 1;
}
/// What the positions of one span give to each row: partials[row].
void ck_attend(const ck_attention *attention, int32_t span, float *partials);
/// out = the sum of the spans' parts, first to last: partials[span - first span][row], `stride` floats between spans.
void ck_combine(const ck_attention *attention, const float *partials, size_t stride);

// ---- Convolution --------------------------------------------------------------------------------

/// out[token][channel] = c * sum over j of kernel[channel][j] * (b * x)[token - length + 1 + j][channel], for the channels
/// `first..<last` of consecutive tokens, where `gates` has b, c, x of each: [token][3][channels].
///
/// What lies before the first token comes from `state`, [length - 1][channels] of earlier b * x, and `next` becomes the same
/// for the token after the last.
void ck_short_convolution(const float *gates, const float *kernel, int32_t length, const float *state, float *next,
                          int32_t channels, int32_t first, int32_t last, int32_t tokens, float *out);

// ---- Threads ------------------------------------------------------------------------------------

/// A team of threads that run one function together. The function is a sequence of steps, and each step has pieces that
/// the lanes take as they come free. A step has ended when its pieces are done, whoever did them: a lane that comes late
/// or is held up between two pieces delays nobody.
typedef struct ck_team ck_team;
typedef void (*ck_work)(void *context, int32_t lane);

/// What is shared about one step, in a cache line of its own; memory for it comes from the caller.
typedef struct { uint32_t next, done, padding[14]; } ck_step;

/// Natively starts count - 1 threads. In WebAssembly the host starts them, each calling ck_team_serve.
/// Returns NULL when threads cannot be had.
ck_team *ck_team_create(int32_t count);
void ck_team_destroy(ck_team *team);
int32_t ck_team_count(const ck_team *team);
/// Runs `work` in the lanes that come, the caller being lane 0, and returns when all its steps are done. A lane that was
/// waited for so often, half a millisecond each time, is left out of the next jobs; INT32_MAX: of none, and of this neither.
void ck_team_run(ck_team *team, ck_work work, void *context, ck_step *steps, int32_t count, int32_t stalls_to_rest);
/// A piece of the step for this lane, in 0..<pieces, or -1 when all are taken.
int32_t ck_step_take(ck_step *step, int32_t pieces);
/// Says that a piece that was taken is done.
void ck_step_finish(ck_team *team, ck_step *step, int32_t pieces);
/// Waits until all pieces are done.
void ck_step_wait(ck_team *team, ck_step *step, int32_t pieces);
/// The life of a thread of the team; returns when the team is destroyed.
void ck_team_serve(ck_team *team, int32_t lane);

#endif
