// x86 with AVX-512 and its dot product instructions: vectors of 256 bits for rows, of 512 for panels.

#if defined(__x86_64__)

#include "vectors.h"
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)

#define CK_VARIANT avx512vnni
#define CK_VARIANT_NAME "avx512vnni"
#define CK_NAME_OF_VARIANT ck_avx512vnni_variant
#define CK_REGISTER_BYTES 32
#define CK_NARROW quads
#define CK_WIDE quads
#define CK_HAS_QUADS 1
#define CK_FACTORS_IN_PAIRS 1
// vpdpbusd takes one unsigned operand: signed weights are offset by 128.
#define CK_WIDE_ZERO 128
#define CK_PANEL_VECTORS 1
#define CK_PANEL_TILE 8
#define CK_ATTENTION_VECTORS 2
typedef CK_VECTOR(int32_t, 16) ck_lanes_int;
typedef CK_VECTOR(float, 16) ck_lanes_float;
typedef CK_VECTOR(uint8_t, 64) ck_lanes_bytes;

CK_INLINE i32x8 dot2(i16x16 w, i16x16 x) { return (i32x8)_mm256_madd_epi16((__m256i)w, (__m256i)x); }
CK_INLINE i32x8 add_dot2(i32x8 sums, i16x16 w, i16x16 x) { return sums + dot2(w, x); }
CK_INLINE i16x16 pairs(u8x32 w, i8x32 x) { return (i16x16)_mm256_maddubs_epi16((__m256i)w, (__m256i)x); }
CK_INLINE i32x8 dot4(i32x8 sums, u8x32 w, i8x32 x) {
    return (i32x8)_mm256_dpbusd_epi32((__m256i)sums, (__m256i)w, (__m256i)x);
}
CK_INLINE i32x8 dot4_wide(i32x8 sums, u8x32 w, i8x32 x) { return dot4(sums, w ^ 0x80, x); }
CK_INLINE ck_lanes_int dot4_lanes(ck_lanes_int sums, ck_lanes_bytes w, ck_lanes_bytes x) {
    return (ck_lanes_int)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)w, (__m512i)x);
}
#define dot4_lanes_wide dot4_lanes
CK_INLINE ck_lanes_int dot2_lanes(ck_lanes_int w, ck_lanes_int x) {
    return (ck_lanes_int)_mm512_madd_epi16((__m512i)w, (__m512i)x);
}
CK_INLINE u8x32 look_up16(const uint8_t table[16], u8x32 indices) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (u8x32)_mm256_shuffle_epi8(both, (__m256i)indices);
}
CK_INLINE f32x8 halves_of(u16x8 bits) { return (f32x8)_mm256_cvtph_ps((__m128i)bits); }
CK_INLINE f32x8 halves(u32x8 bits) { return halves_of(__builtin_convertvector(bits, u16x8)); }
CK_INLINE ck_lanes_float lanes_of_halves(const uint16_t *p) {
    return (ck_lanes_float)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

static int available_avx512vnni(void) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("f16c");
}

#include "kernels.inc"

#pragma clang attribute pop

#endif
