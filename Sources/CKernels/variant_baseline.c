// What the compiler's target has without asking: SSE2, NEON, WebAssembly SIMD, or scalars. Vectors have 128 bits.

#include "vectors.h"

#define CK_VARIANT baseline
#define CK_NAME_OF_VARIANT ck_baseline_variant
#define CK_REGISTER_BYTES 16
#define CK_WIDE_ZERO 0
#define CK_PANEL_VECTORS 1
#define CK_PANEL_TILE 4
#define CK_ATTENTION_VECTORS 1
typedef i32x8 ck_lanes_int;
typedef f32x8 ck_lanes_float;
typedef u8x32 ck_lanes_bytes;

#if defined(__wasm_relaxed_simd__)
#define CK_VARIANT_NAME "relaxed-simd"
#define CK_NARROW pairs
#define CK_WIDE words
#define CK_HAS_PAIRS 1
#define CK_WIDE_IS_WORDS 1
#elif defined(__ARM_FEATURE_DOTPROD)
#define CK_VARIANT_NAME "neon"
#define CK_NARROW quads
#define CK_WIDE quads
#define CK_HAS_QUADS 1
#else
#if defined(__wasm_simd128__)
#define CK_VARIANT_NAME "simd128"
#elif defined(__SSE2__)
#define CK_VARIANT_NAME "sse2"
#else
#define CK_VARIANT_NAME "scalar"
#endif
#define CK_NARROW words
#define CK_WIDE words
#define CK_NARROW_IS_WORDS 1
#define CK_WIDE_IS_WORDS 1
#endif

// ---- Of 128 bits, then of twice as many ----------------------------------------------------------

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
CK_INLINE i32x4 dot2_16(i16x8 w, i16x8 x) { return (i32x4)wasm_i32x4_dot_i16x8((v128_t)w, (v128_t)x); }
#elif defined(__SSE2__)
#include <emmintrin.h>
CK_INLINE i32x4 dot2_16(i16x8 w, i16x8 x) { return (i32x4)_mm_madd_epi16((__m128i)w, (__m128i)x); }
#else
CK_INLINE i32x4 dot2_16(i16x8 w, i16x8 x) {
    i32x8 products = __builtin_convertvector(w, i32x8) * __builtin_convertvector(x, i32x8);
    return __builtin_shufflevector(products, products, 0, 2, 4, 6) +
           __builtin_shufflevector(products, products, 1, 3, 5, 7);
}
#endif

#if defined(__wasm_relaxed_simd__)
// The instruction's second operand is exact for 0...127, which is what narrow weights are.
CK_INLINE i16x8 pairs_16(u8x16 w, i8x16 x) {
    return (i16x8)wasm_i16x8_relaxed_dot_i8x16_i7x16((v128_t)x, (v128_t)w);
}
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)wasm_i8x16_relaxed_swizzle((v128_t)table, (v128_t)indices);
}
#elif defined(__wasm_simd128__)
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)wasm_i8x16_swizzle((v128_t)table, (v128_t)indices);
}
#elif defined(__ARM_NEON)
#include <arm_neon.h>
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    return (u8x16)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)indices);
}
#else
CK_INLINE u8x16 look_up16_16(u8x16 table, u8x16 indices) {
    u8x16 result;
    for (int i = 0; i < 16; i++) result[i] = table[indices[i] & 15];
    return result;
}
#endif

CK_INLINE i32x8 dot2(i16x16 w, i16x16 x) {
    return CK_JOIN4(dot2_16(CK_LOW8(w), CK_LOW8(x)), dot2_16(CK_HIGH8(w), CK_HIGH8(x)));
}

CK_INLINE i32x8 add_dot2(i32x8 sums, i16x16 w, i16x16 x) { return sums + dot2(w, x); }
CK_INLINE ck_lanes_int dot2_lanes(ck_lanes_int w, ck_lanes_int x) { return dot2((i16x16)w, (i16x16)x); }

#if defined(__wasm_relaxed_simd__)
CK_INLINE i16x16 pairs(u8x32 w, i8x32 x) {
    return CK_JOIN8(pairs_16(CK_LOW16(w), CK_LOW16(x)), pairs_16(CK_HIGH16(w), CK_HIGH16(x)));
}
CK_INLINE i32x8 widen_pairs(i16x16 products) { return dot2(products, 1 - (i16x16){0}); }
CK_INLINE i32x4 dot4_16(i32x4 sums, u8x16 w, i8x16 x) {
    return (i32x4)wasm_i32x4_relaxed_dot_i8x16_i7x16_add((v128_t)x, (v128_t)w, (v128_t)sums);
}
CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 x) {
    return CK_JOIN4(dot4_16(CK_LOW4(sums), CK_LOW16(w), CK_LOW16(x)),
                    dot4_16(CK_HIGH4(sums), CK_HIGH16(w), CK_HIGH16(x)));
}
// Whether dot4_16 is one instruction, as with AVX-VNNI and Arm's dot product; where it is three, pairs are faster. Its results
// are the same for weights of 0...127, and for others they tell: what is put together from products of 16 bits saturates or
// wraps there.
static int dots_four(void) {
    static int known; // 1: no, 2: yes
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (found) return found == 2;
    volatile int8_t most = 127, least = -128;
    volatile uint8_t all = 255, high = 128;
    i32x4 unsigned_ = dot4_16((i32x4){0}, all + (u8x16){0}, most + (i8x16){0});
    i32x4 signed_ = dot4_16((i32x4){0}, high + (u8x16){0}, least + (i8x16){0});
    found = unsigned_[0] == 4 * 127 * 255 || signed_[0] == 4 * 128 * 128 ? 2 : 1;
    __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    return found == 2;
}
#define CK_MAY_DOT4 dots_four()
#elif defined(__ARM_FEATURE_DOTPROD)
CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 x) {
    return CK_JOIN4((i32x4)vdotq_s32((int32x4_t)CK_LOW4(sums), (int8x16_t)CK_LOW16(w), (int8x16_t)CK_LOW16(x)),
                    (i32x4)vdotq_s32((int32x4_t)CK_HIGH4(sums), (int8x16_t)CK_HIGH16(w), (int8x16_t)CK_HIGH16(x)));
}
CK_INLINE i32x8 dot4_lanes(i32x8 sums, u8x32 w, u8x32 x) { return dot4(sums, w, (i8x32)x); }
#define dot4_wide dot4
#define dot4_lanes_wide dot4_lanes
#endif

CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    u8x16 t = CK_LOAD(u8x16, table);
    return CK_JOIN16(look_up16_16(t, CK_LOW16(indices)), look_up16_16(t, CK_HIGH16(indices)));
}

CK_INLINE f32x8 halves(u32x8 bits) {
    u32x8 magnitude = bits & 0x7fff;
    const f32x8 rebase = (f32x8)(0x77800000 + (u32x8){0}); // 2^112
    u32x8 value = (u32x8)((f32x8)(magnitude << 13) * rebase);
    value |= (u32x8)((i32x8)magnitude > 0x7bff) & 0x7f800000;
    return (f32x8)(value | (bits & 0x8000) << 16);
}
CK_INLINE f32x8 halves_of(u16x8 bits) { return halves(__builtin_convertvector(bits, u32x8)); }
// Of the low and the high 16 bits; of finite numbers only, as scales are. The sign is what an arithmetic shift repeats.
#define CK_HAS_SCALES 1
CK_INLINE f32x8 scales_in(u32x8 signed_13) {
    const f32x8 rebase = (f32x8)(0x77800000 + (u32x8){0});
    return (f32x8)(signed_13 & 0x8fffe000) * rebase;
}
CK_INLINE f32x8 low_scales(u32x8 heads) { return scales_in((u32x8)((i32x8)(heads << 16) >> 3)); }
CK_INLINE f32x8 high_scales(u32x8 heads) { return scales_in((u32x8)((i32x8)heads >> 3)); }
// Of finite numbers only: by way of the sign that widening repeats.
CK_INLINE f32x8 lanes_of_halves(const uint16_t *p) {
    const f32x8 rebase = (f32x8)(0x77800000 + (u32x8){0});
    u32x8 wide = (u32x8)__builtin_convertvector(CK_LOAD(i16x8, p), i32x8);
    return (f32x8)(wide << 13 & 0x8fffffff) * rebase;
}

static int available_baseline(void) { return 1; }

#include "kernels.inc"
