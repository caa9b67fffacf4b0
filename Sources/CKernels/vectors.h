// Vector types of eight lanes and what every variant shares. clang lowers them to whatever the
// instruction set has, so only the integer dot product and a few conversions are written per set.

#ifndef CK_VECTORS_H
#define CK_VECTORS_H

#include "CKernels.h"

// Vectors are passed only between functions that are inlined into each other, so no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float f32x8 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef uint32_t u32x8 __attribute__((vector_size(32)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x32 __attribute__((vector_size(32)));
typedef int8_t i8x32 __attribute__((vector_size(32)));

#define CK_INLINE static inline __attribute__((always_inline, unused))

/// One variant of the kernels.
typedef struct {
    const char *name;
    int (*available)(void);
    int32_t panel_rows;
    void (*quantize)(const ck_activations *, int32_t first, int32_t last);
    /// Decode: rows straight from the file, token by token. Indexed by format.
    void (*const *rows)(const ck_matrix *, int32_t first, int32_t last, const ck_activations *, int32_t token, float *out);
    /// Prefill: unpacks `panel_rows` rows into `panel`, and multiplies it with all tokens.
    void (*const *panel)(const ck_matrix *, int32_t first, int32_t last, const ck_activations *, int32_t tokens,
                         float *out, size_t stride, void *panel);
    void (*rms_norm)(const float *, const float *, float, int32_t, float *);
    void (*layer_norm)(const float *, const float *, const float *, float, int32_t, float *);
    void (*silu_gate)(float *, const float *, int32_t);
    void (*gelu_gate)(float *, const float *, int32_t);
    void (*soft_cap)(float *, float, int32_t);
    void (*attend)(const ck_attention *, float *);
} ck_variant;

enum { CK_FORMATS = 31 };

extern const ck_variant ck_baseline_variant;
#if defined(__x86_64__)
extern const ck_variant ck_avx2_variant;
extern const ck_variant ck_avx512vnni_variant;
#endif

#define CK_LOAD(type, pointer) ({ type loaded_; __builtin_memcpy(&loaded_, (pointer), sizeof(type)); loaded_; })
#define CK_STORE(pointer, value) ({ __typeof__(value) stored_ = (value); __builtin_memcpy((pointer), &stored_, sizeof(stored_)); })

#endif
