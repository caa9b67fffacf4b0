// Scalar mathematics that gives the same bits natively and in WebAssembly, where libm is absent.

#include "CKernels.h"

#pragma clang fp contract(off)

typedef union { float f; uint32_t u; } bits32;
typedef union { double f; uint64_t u; } bits64;

uint16_t ck_f32_to_f16(float f) {
    bits32 value = {.f = f};
    uint32_t sign = (value.u >> 16) & 0x8000, magnitude = value.u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); // rounds to infinity
    if (magnitude < 0x38800000) {                                  // subnormal: let the adder round
        bits32 small = {.u = magnitude};
        small.f += 0.5f;
        return (uint16_t)(sign | (small.u - 0x3f000000));
    }
    magnitude += 0xfff + ((magnitude >> 13) & 1);
    return (uint16_t)(sign | ((magnitude - 0x38000000) >> 13));
}

static double natural_log(double x) {
    bits64 value = {.f = x};
    int64_t exponent = (int64_t)(value.u >> 52) - 1023;
    value.u = (value.u & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
    if (value.f > 1.4142135623730951) {
        value.f *= 0.5;
        exponent += 1;
    }
    // log m = 2 atanh((m - 1) / (m + 1))
    double s = (value.f - 1) / (value.f + 1), s2 = s * s, sum = 0;
    for (int k = 27; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
    return 2 * s * sum + (double)exponent * 0.6931471805599453;
}

float ck_logf(float x) {
    if (!(x > 0)) return x == 0 ? -__builtin_inff() : __builtin_nanf("");
    return x == __builtin_inff() ? x : (float)natural_log((double)x);
}

static double exponential(double x) {
    if (x > 709) return __builtin_inf();
    if (x < -708) return 0;
    double n = __builtin_floor(x * 1.4426950408889634 + 0.5);
    double r = (x - n * 0.69314718036912382) - n * 1.9082149292705877e-10, sum = 1;
    for (int k = 17; k >= 1; k--) sum = 1 + sum * r / k;
    bits64 power = {.u = (uint64_t)((int64_t)n + 1023) << 52};
    return sum * power.f;
}

double ck_log(double x) { return natural_log(x); }

double ck_pow(double base, double exponent) { return exponential(exponent * natural_log(base)); }

void ck_sincos(double angle, float *sine, float *cosine) {
    // Cody and Waite's reduction to [-pi/4, pi/4], then Taylor series.
    double n = __builtin_floor(angle * 0.63661977236758134 + 0.5);
    double r = ((angle - n * 1.5707963267341256) - n * 6.0771005063039e-11) - n * 2.0222662487959506e-21;
    double r2 = r * r, s = 1, c = 1;
    for (int k = 17; k >= 3; k -= 2) s = 1 - s * r2 / (k * (k - 1));
    for (int k = 18; k >= 2; k -= 2) c = 1 - c * r2 / (k * (k - 1));
    s *= r;
    switch ((int64_t)n & 3) {
    case 0: *sine = (float)s, *cosine = (float)c; break;
    case 1: *sine = (float)c, *cosine = (float)-s; break;
    case 2: *sine = (float)-s, *cosine = (float)-c; break;
    default: *sine = (float)-c, *cosine = (float)s; break;
    }
}

float ck_expf(float x) {
    if (x != x) return x;
    if (x > 88.72283f) return __builtin_inff();
    if (x < -87.33654f) return 0;
    return (float)exponential((double)x);
}
