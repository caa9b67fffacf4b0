// Vector types of eight lanes and what every variant shares. clang lowers them to whatever the
// instruction set has, so only integer products and a few conversions are written per set.

#ifndef CK_VECTORS_H
#define CK_VECTORS_H

#include "CKernels.h"

// Vectors are passed only between functions that are inlined into each other, so no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_VECTOR(type, lanes) type __attribute__((vector_size(sizeof(type) * (lanes))))
typedef CK_VECTOR(float, 8) f32x8;
typedef CK_VECTOR(int32_t, 4) i32x4;
typedef CK_VECTOR(int32_t, 8) i32x8;
typedef CK_VECTOR(uint32_t, 4) u32x4;
typedef CK_VECTOR(uint32_t, 8) u32x8;
typedef CK_VECTOR(int16_t, 8) i16x8;
typedef CK_VECTOR(int16_t, 16) i16x16;
typedef CK_VECTOR(uint16_t, 8) u16x8;
typedef CK_VECTOR(uint16_t, 16) u16x16;
typedef CK_VECTOR(int8_t, 8) i8x8;
typedef CK_VECTOR(int8_t, 16) i8x16;
typedef CK_VECTOR(int8_t, 32) i8x32;
typedef CK_VECTOR(uint8_t, 8) u8x8;
typedef CK_VECTOR(uint8_t, 16) u8x16;
typedef CK_VECTOR(uint8_t, 32) u8x32;

#define CK_INLINE static inline __attribute__((always_inline, unused))
#define CK_UNROLL _Pragma("clang loop unroll(full)")
// A loop that keeps its sums in registers. Browsers' compilers move loads to the front of straight code, whose values
// then do not fit; they cannot in a loop.
#if defined(__wasm__)
#define CK_STEPS _Pragma("clang loop unroll(disable)")
#else
#define CK_STEPS CK_UNROLL
#endif

// How many superblocks' scales are read before the first one's weights. In WebAssembly nothing can be asked for ahead, and
// hardware does so only while memory is read in its order.
#if defined(__wasm__)
#define CK_SCALES_AHEAD 1
#else
#define CK_SCALES_AHEAD 8
#endif

// Has a sum computed before what follows is loaded: browsers' compilers would load everything first, into more registers
// than there are, and compute then. That they cannot move across a store.
#if defined(__wasm__)
#define CK_PIN(sum, whole)                                                                                             \
    do {                                                                                                               \
        volatile i32x4 pinned_[2];                                                                                     \
        pinned_[0] = CK_LOW4(sum);                                                                                     \
        if (whole) pinned_[1] = CK_HIGH4(sum);                                                                         \
    } while (0)
#else
#define CK_PIN(sum, whole)
#endif

// A pointer that stays one, so that constants are added in the loads themselves: what loops are optimized to otherwise
// takes an instruction for each load in WebAssembly.
#if defined(__wasm__)
#define CK_PLAIN_POINTER(p) ({ __typeof__(&*(p)) plain_ = (p); __asm__("" : "+r"(plain_)); plain_; })
#else
#define CK_PLAIN_POINTER(p) (p)
#endif

#define CK_LOW4(v) __builtin_shufflevector(v, v, 0, 1, 2, 3)
#define CK_HIGH4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7)
#define CK_JOIN4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define CK_LOW8(v) __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
#define CK_HIGH8(v) __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)
#define CK_JOIN8(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define CK_LOW16(v) CK_JOIN8(v, v)
#define CK_HIGH16(v)                                                                                                   \
    __builtin_shufflevector(v, v, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
#define CK_JOIN16(a, b)                                                                                                \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,    \
                            23, 24, 25, 26, 27, 28, 29, 30, 31)

/// One variant of the kernels.
typedef struct {
    const char *name;
    int (*available)(void);
    int32_t panel_rows;
    size_t panel_block_bytes;
    void (*quantize)(const ck_activations *, int32_t token, int32_t first, int32_t last);
    /// One token: rows straight from the file. Indexed by format; NULL where a panel does that too.
    void (*const *rows)(const ck_matrix *, int32_t first, int32_t last, const ck_activations *, float *out);
    /// Several tokens: unpacks `panel_rows` rows into `panel`, and multiplies it with all of them.
    void (*const *panel)(const ck_matrix *, int32_t first, int32_t last, const ck_activations *, int32_t tokens,
                         float *out, size_t stride, void *panel);
    void (*rms_norm)(const float *, const float *, float, int32_t, float *);
    void (*layer_norm)(const float *, const float *, const float *, float, int32_t, float *);
    void (*silu_gate)(float *, const float *, int32_t);
    void (*gelu_gate)(float *, const float *, int32_t);
    void (*relu_squared_gate)(float *, const float *, int32_t);
    void (*bounded_gate)(float *, const float *, int32_t);
    void (*xielu)(float *, float, float, float, float, int32_t);
    void (*soft_cap)(float *, float, int32_t);
    void (*attend)(const ck_attention *, int32_t, float *);
    void (*combine)(const ck_attention *, const float *, size_t);
} ck_variant;

enum { CK_FORMATS = 42 };
extern int ck_reads_ahead;
/// Magnitudes whose inverse is no longer a number, and some more.
#define CK_TINY 1e-30f

extern const ck_variant ck_baseline_variant;
#if defined(__wasm_relaxed_simd__)
extern const ck_variant ck_simd128_variant; // what is left when relaxed SIMD is wrong
#endif
#if defined(__x86_64__)
extern const ck_variant ck_avx2_variant;
extern const ck_variant ck_avx512vnni_variant;
#endif

#define CK_LOAD(type, pointer) ({ type loaded_; __builtin_memcpy(&loaded_, (pointer), sizeof(type)); loaded_; })
#define CK_STORE(pointer, value) ({ __typeof__(value) stored_ = (value); __builtin_memcpy((pointer), &stored_, sizeof(stored_)); })
#define CK_SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define CK_LARGER(a, b) ((a) > (b) ? (a) : (b))

#endif
