// x86 with AVX2 and F16C.

#if defined(__x86_64__)

#include "vectors.h"
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define CK_VARIANT avx2
#define CK_VARIANT_NAME "avx2"
#define CK_NAME_OF_VARIANT ck_avx2_variant
#define CK_PANEL_VECTORS 1
#define CK_WIDE_ZERO 0

CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 a) {
    __m256i pairs = _mm256_maddubs_epi16((__m256i)w, (__m256i)a);
    return sums + (i32x8)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
// The sign moves from the weight to the activation, which is never -128.
CK_INLINE i32x8 dot4_wide(i32x8 sums, u8x32 w, i8x32 a) {
    __m256i size = _mm256_sign_epi8((__m256i)w, (__m256i)w), x = _mm256_sign_epi8((__m256i)a, (__m256i)w);
    return dot4(sums, (u8x32)size, (i8x32)x);
}
CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (u8x32)_mm256_shuffle_epi8(both, (__m256i)indices);
}
CK_INLINE f32x8 halves(u16x8 bits) { return (f32x8)_mm256_cvtph_ps((__m128i)bits); }

static int available_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c"); }

#include "kernels.inc"

#pragma clang attribute pop

#endif
