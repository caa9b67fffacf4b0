// Blocks of the formats that have no loader of their own (formats.inc): expanded to bytes and scales, which all variants multiply
// in the same way. Their layouts are ggml's.

#include "vectors.h"
#include "grids.inc"

// They are many, and what calls them is what takes time.
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)

// ---- Tables --------------------------------------------------------------------------------------

static struct {
    int8_t iq1[2048][8], iq2_xxs[256][8], iq2_xs[512][8], iq2_s[1024][8], iq3_xxs[256][4], iq3_s[512][4];
    /// Eight bits as bytes of ones, and seven with an eighth that makes their number even.
    uint64_t signs[256], even_signs[128];
} tables;

static __attribute__((noinline)) void make_grid(const uint32_t *points, int base, const int8_t *levels, int8_t *to) {
    int size = base == 3 ? 8 : 4, count = base == 3 ? 6561 : 4096;
    for (int point = 0; point < count; point++) {
        if (!(points[point / 32] >> point % 32 & 1)) continue;
        for (int i = 0, rest = point; i < size; i++, rest /= base) *to++ = levels[rest % base];
    }
}

// Threads that come while one of them makes the tables wait for it.
static void make_tables(void) {
    enum { NONE, BEGUN, MADE };
    static int state;
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == MADE) return;
    int none = NONE;
    if (!__atomic_compare_exchange_n(&state, &none, BEGUN, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != MADE) {}
        return;
    }
    static const int8_t iq1[] = {-8, 0, 8}, iq2[] = {8, 25, 43}, iq3_xxs[] = {4, 12, 20, 28, 36, 44, 52, 62},
                        iq3_s[] = {1, 3, 5, 7, 9, 11, 13, 15};
    make_grid(points_iq1, 3, iq1, tables.iq1[0]);
    make_grid(points_iq2_xxs, 3, iq2, tables.iq2_xxs[0]);
    make_grid(points_iq2_xs, 3, iq2, tables.iq2_xs[0]);
    make_grid(points_iq2_s, 3, iq2, tables.iq2_s[0]);
    make_grid(points_iq3_xxs, 8, iq3_xxs, tables.iq3_xxs[0]);
    make_grid(points_iq3_s, 8, iq3_s, tables.iq3_s[0]);
    for (uint32_t bits = 0; bits < 256; bits++)
        for (int i = 0; i < 8; i++) tables.signs[bits] |= (uint64_t)(bits >> i & 1) * 255 << 8 * i;
    for (uint32_t bits = 0; bits < 128; bits++)
        tables.even_signs[bits] = tables.signs[bits | (uint32_t)__builtin_parity(bits) << 7];
    __atomic_store_n(&state, MADE, __ATOMIC_RELEASE);
}

const int8_t *ck_grid(uint32_t format, int32_t *count, int32_t *size) {
    make_tables();
    *size = format == CK_IQ3_XXS || format == CK_IQ3_S ? 4 : 8;
    switch (format) {
    case CK_IQ1_S:
    case CK_IQ1_M: return *count = 2048, tables.iq1[0];
    case CK_IQ2_XXS: return *count = 256, tables.iq2_xxs[0];
    case CK_IQ2_XS: return *count = 512, tables.iq2_xs[0];
    case CK_IQ2_S: return *count = 1024, tables.iq2_s[0];
    case CK_IQ3_XXS: return *count = 256, tables.iq3_xxs[0];
    case CK_IQ3_S: return *count = 512, tables.iq3_s[0];
    default: return *count = 0, (const int8_t *)0;
    }
}

// ---- Parts --------------------------------------------------------------------------------------

CK_INLINE uint32_t word_at(const uint8_t *p) { return CK_LOAD(uint32_t, p); }
CK_INLINE uint32_t half_word_at(const uint8_t *p) { return CK_LOAD(uint16_t, p); }
CK_INLINE float scale_at(const uint8_t *p) { return ck_f16_to_f32((uint16_t)half_word_at(p)); }

typedef CK_VECTOR(uint64_t, 2) u64x2;

// Eight elements of a grid, or twice four.
CK_INLINE uint64_t point8(const int8_t *point) { return CK_LOAD(uint64_t, point); }
CK_INLINE uint64_t points4(const int8_t *first, const int8_t *second) {
    return CK_LOAD(uint32_t, first) | (uint64_t)CK_LOAD(uint32_t, second) << 32;
}

// Sixteen elements, negated where the bytes of their signs say so.
CK_INLINE void put(int8_t *to, uint64_t low, uint64_t high, uint64_t low_signs, uint64_t high_signs) {
    u8x16 negative = (u8x16)(u64x2){low_signs, high_signs};
    CK_STORE(to, ((u8x16)(u64x2){low, high} ^ negative) - negative);
}
// An integer scale: 1, 3, 5…
CK_INLINE int16_t odd(uint32_t scale) { return (int16_t)(2 * scale + 1); }

// ---- Formats ------------------------------------------------------------------------------------

static void expand_iq2_xxs(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b) * 0.125f;
    for (int half = 0; half < 16; half++) {
        const uint8_t *part = b + 2 + half / 2 * 8, *at = part + half % 2 * 2;
        uint32_t last = word_at(part + 4), signs = last >> half % 2 * 14;
        put(e->quanta + 16 * half, point8(tables.iq2_xxs[at[0]]), point8(tables.iq2_xxs[at[1]]), tables.even_signs[signs & 127],
            tables.even_signs[signs >> 7 & 127]);
        e->scales[half] = odd(last >> 28);
    }
}

static void expand_iq2_xs(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b) * 0.125f;
    for (int half = 0; half < 16; half++) {
        uint32_t two = word_at(b + 2 + 4 * half);
        put(e->quanta + 16 * half, point8(tables.iq2_xs[two & 511]), point8(tables.iq2_xs[two >> 16 & 511]),
            tables.even_signs[two >> 9 & 127], tables.even_signs[two >> 25]);
        e->scales[half] = odd(b[66 + half / 2] >> half % 2 * 4 & 15);
    }
}

static void expand_iq2_s(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b) * 0.125f;
    for (int half = 0; half < 16; half++) {
        const uint8_t *at = b + 2 + 2 * half;
        uint32_t high = b[66 + half / 2] >> half % 2 * 4;
        put(e->quanta + 16 * half, point8(tables.iq2_s[at[0] | (high & 3) << 8]), point8(tables.iq2_s[at[1] | (high & 12) << 6]),
            tables.signs[at[32]], tables.signs[at[33]]);
        e->scales[half] = odd(b[74 + half / 2] >> half % 2 * 4 & 15);
    }
}

static void expand_iq3_xxs(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b) * 0.25f;
    for (int half = 0; half < 16; half++) {
        const uint8_t *at = b + 2 + 4 * half;
        uint32_t last = word_at(b + 66 + half / 2 * 4), signs = last >> half % 2 * 14;
        put(e->quanta + 16 * half, points4(tables.iq3_xxs[at[0]], tables.iq3_xxs[at[1]]),
            points4(tables.iq3_xxs[at[2]], tables.iq3_xxs[at[3]]), tables.even_signs[signs & 127],
            tables.even_signs[signs >> 7 & 127]);
        e->scales[half] = odd(last >> 28);
    }
}

static void expand_iq3_s(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b);
    for (int half = 0; half < 16; half++) {
        const uint8_t *at = b + 2 + 4 * half;
        uint32_t high = (uint32_t)b[66 + half / 2] << 8 >> half % 2 * 4;
        put(e->quanta + 16 * half, points4(tables.iq3_s[at[0] | (high & 256)], tables.iq3_s[at[1] | (high >> 1 & 256)]),
            points4(tables.iq3_s[at[2] | (high >> 2 & 256)], tables.iq3_s[at[3] | (high >> 3 & 256)]),
            tables.signs[b[74 + 2 * half]], tables.signs[b[75 + 2 * half]]);
        e->scales[half] = odd(b[106 + half / 4] >> half / 2 % 2 * 4 & 15);
    }
}

// Eight elements of -1, 0 or 1, with an eighth added or taken away.
CK_INLINE void put_iq1(int8_t *to, uint32_t index, uint32_t is_less) {
    CK_STORE(to, CK_LOAD(i8x8, tables.iq1[index]) + (int8_t)(1 - 2 * (int)(is_less & 1)));
}

static void expand_iq1_s(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b) * 0.125f;
    for (int part = 0; part < 8; part++) {
        uint32_t high = half_word_at(b + 34 + 2 * part);
        for (int k = 0; k < 4; k++)
            put_iq1(e->quanta + 32 * part + 8 * k, b[2 + 4 * part + k] | (high >> 3 * k & 7) << 8, high >> 15);
        e->scales[2 * part] = e->scales[2 * part + 1] = odd(high >> 12 & 7);
    }
}

// The scale's four nibbles stand above the integer scales.
static void expand_iq1_m(const uint8_t *b, ck_expanded *e) {
    uint32_t scale = 0;
    for (int i = 0; i < 4; i++) scale |= (half_word_at(b + 48 + 2 * i) >> 12) << 4 * i;
    e->scale = ck_f16_to_f32((uint16_t)scale) * 0.125f;
    for (int g = 0; g < 32; g++) {
        uint32_t high = b[32 + g / 2] >> g % 2 * 4;
        put_iq1(e->quanta + 8 * g, b[g] | (high & 7) << 8, high >> 3);
    }
    for (int half = 0; half < 16; half++) e->scales[half] = odd(half_word_at(b + 48 + half / 4 * 2) >> half % 4 * 3 & 7);
}

// The leading digits of base 3 of bytes, less 1.
CK_INLINE i8x16 ternary(u8x16 bytes) {
    u16x16 digits = __builtin_convertvector(bytes, u16x16) * 3 >> 8;
    return __builtin_convertvector(digits, i8x16) - 1;
}

// A byte holds five digits, or at the end of a block four: the first ones of 32 bytes, their second ones, and so on.
static void expand_tq1_0(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b + 52);
    u8x16 first = CK_LOAD(u8x16, b), second = CK_LOAD(u8x16, b + 16), third = CK_LOAD(u8x16, b + 32);
    for (int n = 0; n < 5; n++, first *= 3, second *= 3, third *= 3) {
        CK_STORE(e->quanta + 32 * n, ternary(first));
        CK_STORE(e->quanta + 32 * n + 16, ternary(second));
        CK_STORE(e->quanta + 160 + 16 * n, ternary(third));
    }
    const u8x16 powers = {1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27};
    CK_STORE(e->quanta + 240, ternary((u8x16)(word_at(b + 48) + (u32x4){0}) * powers));
    CK_STORE(e->scales, 1 - (i16x16){0});
}

static void expand_tq2_0(const uint8_t *b, ck_expanded *e) {
    e->scale = scale_at(b + 64);
    for (int at = 0; at < 256; at += 16) {
        u16x8 bytes = CK_LOAD(u16x8, b + at / 128 * 32 + at % 32) >> at / 32 % 4 * 2;
        CK_STORE(e->quanta + at, (i8x16)((u8x16)bytes & 3) - 1);
    }
    CK_STORE(e->scales, 1 - (i16x16){0});
}

void ck_expand(uint32_t format, const uint8_t *block, ck_expanded *out) {
    make_tables();
    switch (format) {
    case CK_IQ1_S: return expand_iq1_s(block, out);
    case CK_IQ1_M: return expand_iq1_m(block, out);
    case CK_IQ2_XXS: return expand_iq2_xxs(block, out);
    case CK_IQ2_XS: return expand_iq2_xs(block, out);
    case CK_IQ2_S: return expand_iq2_s(block, out);
    case CK_IQ3_XXS: return expand_iq3_xxs(block, out);
    case CK_IQ3_S: return expand_iq3_s(block, out);
    case CK_TQ1_0: return expand_tq1_0(block, out);
    default: return expand_tq2_0(block, out);
    }
}

// Half of what eight bits write with four of exponent and three of mantissa; the largest number is none.
static float halved_e4m3(uint32_t bits) {
    union { uint32_t u; float f; } value = {.u = (bits & 127) << 20}, rebase = {.u = 0x7b000000}; // 2^119
    return bits == 127 ? 0 : value.f * rebase.f;
}

// Twice what four bits write: 0, 1, 2, 3, 4, 6, 8, 12, and the same with a sign.
CK_INLINE u8x16 doubled_e2m1(u8x16 bits) {
    u8x16 size = bits & 7, negative = (u8x16)(bits > 7);
    size += ((u8x16)(size > 4) & (size - 4)) + ((u8x16)(size > 6) & 2);
    return (size ^ negative) - negative;
}

void ck_expand_part(uint32_t format, const uint8_t *row, int32_t part, ck_expanded_part *out) {
    if (format == CK_Q1_0) {
        make_tables();
        // Of 128 elements a scale and a bit each.
        const uint8_t *block = row + part / 4 * 18;
        const uint8_t *bits = block + 2 + part % 4 * 4;
        for (int half = 0; half < 2; half++)
            put(out->quanta + 16 * half, UINT64_MAX, UINT64_MAX, tables.signs[bits[2 * half]], tables.signs[bits[2 * half + 1]]);
        out->scales[0] = out->scales[1] = scale_at(block);
        return;
    }
    // NVFP4: of 64 elements four scales, and of each sixteen eight bytes with the first eight elements in their low halves.
    const uint8_t *block = row + part / 2 * 36, *scales = block + part % 2 * 2;
    u8x16 packed = CK_LOAD(u8x16, block + 4 + part % 2 * 16);
    u8x16 low = doubled_e2m1(packed & 15), high = doubled_e2m1((u8x16)((u16x8)packed >> 4) & 15);
    CK_STORE(out->quanta, (__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)));
    CK_STORE(out->quanta + 16,
             (__builtin_shufflevector(low, high, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)));
    for (int half = 0; half < 2; half++) out->scales[half] = halved_e4m3(scales[half]);
}

#pragma clang attribute pop
