// x86 with AVX-512 and its dot product instructions, on 256-bit vectors.

#if defined(__x86_64__)

#include "vectors.h"
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)

#define CK_VARIANT avx512vnni
#define CK_VARIANT_NAME "avx512vnni"
#define CK_NAME_OF_VARIANT ck_avx512vnni_variant
#define CK_PANEL_VECTORS 2
// vpdpbusd takes one unsigned operand: signed weights are offset by 128.
#define CK_WIDE_ZERO 128

CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 a) {
    return (i32x8)_mm256_dpbusd_epi32((__m256i)sums, (__m256i)w, (__m256i)a);
}
CK_INLINE i32x8 dot4_wide(i32x8 sums, u8x32 w, i8x32 a) { return dot4(sums, w ^ 0x80, a); }
CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (u8x32)_mm256_shuffle_epi8(both, (__m256i)indices);
}
CK_INLINE f32x8 halves(u16x8 bits) { return (f32x8)_mm256_cvtph_ps((__m128i)bits); }

static int available_avx512vnni(void) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("f16c");
}

#include "kernels.inc"

#pragma clang attribute pop

#endif
