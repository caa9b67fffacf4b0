// What the compiler's target has without asking: SSE2, NEON, WebAssembly SIMD, or scalars.

#include "vectors.h"

#define CK_VARIANT baseline
#define CK_NAME_OF_VARIANT ck_baseline_variant
#define CK_WIDE_ZERO 0

typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));

#if defined(__wasm_relaxed_simd__)
#define CK_VARIANT_NAME "relaxed-simd"
#define CK_PANEL_VECTORS 1
#include <wasm_simd128.h>
// The instruction's second operand is exact for 0...127, which is what narrow weights are.
CK_INLINE i32x4 dot4_16(i32x4 sums, u8x16 w, i8x16 a) {
    return (i32x4)wasm_i32x4_relaxed_dot_i8x16_i7x16_add((v128_t)a, (v128_t)w, (v128_t)sums);
}
CK_INLINE i32x4 dot4_wide_16(i32x4 sums, u8x16 w, i8x16 a) {
    i32x4 signs = dot4_16((i32x4){0}, w >> 7, a);
    return dot4_16(sums, w & 127, a) - (signs << 7);
}
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)wasm_i8x16_relaxed_swizzle((v128_t)table, (v128_t)indices);
}
#elif defined(__wasm_simd128__)
#define CK_VARIANT_NAME "simd128"
#define CK_PANEL_VECTORS 1
#include <wasm_simd128.h>
// Weights 0...127 are signed bytes too. Adjacent products are summed, then adjacent sums.
CK_INLINE i32x4 dot4_wide_16(i32x4 sums, u8x16 w, i8x16 a) {
    v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16((v128_t)w), wasm_i16x8_extend_low_i8x16((v128_t)a));
    v128_t high = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16((v128_t)w), wasm_i16x8_extend_high_i8x16((v128_t)a));
    i32x4 even = __builtin_shufflevector((i32x4)low, (i32x4)high, 0, 2, 4, 6);
    i32x4 odd = __builtin_shufflevector((i32x4)low, (i32x4)high, 1, 3, 5, 7);
    return sums + even + odd;
}
#define dot4_16 dot4_wide_16
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)wasm_i8x16_swizzle((v128_t)table, (v128_t)indices);
}
#elif defined(__ARM_FEATURE_DOTPROD)
#define CK_VARIANT_NAME "neon"
#define CK_PANEL_VECTORS 1
#include <arm_neon.h>
CK_INLINE i32x4 dot4_wide_16(i32x4 sums, u8x16 w, i8x16 a) {
    return (i32x4)vdotq_s32((int32x4_t)sums, (int8x16_t)w, (int8x16_t)a);
}
#define dot4_16 dot4_wide_16
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)indices);
}
#else
#if defined(__SSE2__)
#define CK_VARIANT_NAME "sse2"
#else
#define CK_VARIANT_NAME "scalar"
#endif
#define CK_PANEL_VECTORS 1
CK_INLINE i32x4 dot4_wide_16(i32x4 sums, u8x16 w, i8x16 a) {
    typedef int16_t i16x16 __attribute__((vector_size(32)));
    typedef int16_t i16x8 __attribute__((vector_size(16)));
    i16x16 products = __builtin_convertvector((i8x16)w, i16x16) * __builtin_convertvector(a, i16x16);
    i16x8 even = __builtin_shufflevector(products, products, 0, 2, 4, 6, 8, 10, 12, 14);
    i16x8 odd = __builtin_shufflevector(products, products, 1, 3, 5, 7, 9, 11, 13, 15);
    i32x8 pairs = __builtin_convertvector(even, i32x8) + __builtin_convertvector(odd, i32x8);
    return sums + __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6) + __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7);
}
#define dot4_16 dot4_wide_16
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    u8x16 result;
    for (int i = 0; i < 16; i++) result[i] = table[indices[i] & 15];
    return result;
}
#endif

#define CK_LOW16(v) __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define CK_HIGH16(v) __builtin_shufflevector(v, v, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
#define CK_BOTH_HALVES(dot)                                                                                            \
    i32x4 low = dot(__builtin_shufflevector(sums, sums, 0, 1, 2, 3), CK_LOW16(w), CK_LOW16(a));                        \
    i32x4 high = dot(__builtin_shufflevector(sums, sums, 4, 5, 6, 7), CK_HIGH16(w), CK_HIGH16(a));                     \
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7)

CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 a) { CK_BOTH_HALVES(dot4_16); }
CK_INLINE i32x8 dot4_wide(i32x8 sums, u8x32 w, i8x32 a) { CK_BOTH_HALVES(dot4_wide_16); }

CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    u8x16 t = CK_LOAD(u8x16, table);
    u8x16 low = look_up16_16(t, CK_LOW16(indices)), high = look_up16_16(t, CK_HIGH16(indices));
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                   21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}

CK_INLINE f32x8 halves(u16x8 bits) {
    u32x8 h = __builtin_convertvector(bits, u32x8), magnitude = h & 0x7fff;
    const f32x8 rebase = (f32x8)(0x77800000 + (u32x8){0}); // 2^112
    u32x8 value = (u32x8)((f32x8)(magnitude << 13) * rebase);
    value |= (u32x8)(magnitude >= 0x7c00) & 0x7f800000;
    return (f32x8)(value | (h & 0x8000) << 16);
}

static int available_baseline(void) { return 1; }

#include "kernels.inc"
