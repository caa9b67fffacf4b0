// x86 with AVX2 and F16C.

#if defined(__x86_64__)

#include "vectors.h"
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define CK_VARIANT avx2
#define CK_VARIANT_NAME "avx2"
#define CK_NAME_OF_VARIANT ck_avx2_variant
#define CK_REGISTER_BYTES 32
#define CK_NARROW pairs
#define CK_WIDE words
#define CK_HAS_PAIRS 1
#define CK_WIDE_IS_WORDS 1
#define CK_WIDE_ZERO 0
#define CK_PANEL_VECTORS 2
#define CK_PANEL_TILE 4
#define CK_ATTENTION_VECTORS 2
typedef i32x8 ck_lanes_int;
typedef f32x8 ck_lanes_float;
typedef u8x32 ck_lanes_bytes;

CK_INLINE i16x16 pairs(u8x32 w, i8x32 x) { return (i16x16)_mm256_maddubs_epi16((__m256i)w, (__m256i)x); }
CK_INLINE i32x8 dot2(i16x16 w, i16x16 x) { return (i32x8)_mm256_madd_epi16((__m256i)w, (__m256i)x); }
CK_INLINE i32x8 add_dot2(i32x8 sums, i16x16 w, i16x16 x) { return sums + dot2(w, x); }
CK_INLINE ck_lanes_int dot2_lanes(ck_lanes_int w, ck_lanes_int x) { return dot2((i16x16)w, (i16x16)x); }
CK_INLINE i32x8 widen_pairs(i16x16 products) { return dot2(products, (i16x16)_mm256_set1_epi16(1)); }
CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (u8x32)_mm256_shuffle_epi8(both, (__m256i)indices);
}
CK_INLINE f32x8 halves_of(u16x8 bits) { return (f32x8)_mm256_cvtph_ps((__m128i)bits); }
CK_INLINE f32x8 halves(u32x8 bits) { return halves_of(__builtin_convertvector(bits, u16x8)); }
CK_INLINE f32x8 lanes_of_halves(const uint16_t *p) { return halves_of(CK_LOAD(u16x8, p)); }

static int available_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c"); }

#include "kernels.inc"

#pragma clang attribute pop

#endif
