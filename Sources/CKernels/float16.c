#include "CKernels.h"

float ck_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023, bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
        bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else {
        union { float f; uint32_t u; } subnormal = {.f = (float)mantissa * 5.9604644775390625e-8f};
        bits = sign | subnormal.u;
    }
    union { uint32_t u; float f; } result = {.u = bits};
    return result.f;
}
