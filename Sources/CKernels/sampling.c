#include "vectors.h"

#pragma clang fp contract(off)

#include "exponential.inc"

int32_t ck_argmax(const float *x, int32_t n) {
    float largest = -__builtin_inff();
    f32x8 lanes = splat(largest);
    int32_t i = 0;
    // A comparison with NaN is false, so NaN never gets into the lanes.
    for (; i + 8 <= n; i += 8) lanes = larger_of(CK_LOAD(f32x8, x + i), lanes);
    for (int j = 0; j < 8; j++) largest = lanes[j] > largest ? lanes[j] : largest;
    for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (i = 0; i < n; i++)
        if (x[i] == largest) return i;
    return 0;
}

int32_t ck_is_finite(const float *x, int32_t n) {
    // Of a finite number nothing is left, and what is left otherwise is NaN, which stays in a sum.
    f32x8 rest = {0};
    float sum = 0;
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        f32x8 values = CK_LOAD(f32x8, x + i);
        rest += values - values;
    }
    for (; i < n; i++) sum += x[i] - x[i];
    for (int j = 0; j < 8; j++) sum += rest[j];
    return sum == 0;
}

double ck_softmax_weights(const float *x, float largest, float factor, int32_t n, float *weights) {
    double sum = 0;
    for (int32_t start = 0; start < n;) {
        // Few enough additions in floats that their error does not show.
        int32_t end = n - start > 512 ? start + 512 : n;
        f32x8 partial = {0};
        for (; start < end; start += 8) {
            int32_t count = end - start < 8 ? end - start : 8;
            f32x8 values = splat(-__builtin_inff());
            if (count == 8) values = CK_LOAD(f32x8, x + start);
            else __builtin_memcpy(&values, x + start, sizeof(float) * (size_t)count);
            values = (values - largest) * factor;
            f32x8 powers = (f32x8)((i32x8)exp8(values) & (values >= -87.0f));
            if (weights) {
                if (count == 8) CK_STORE(weights + start, powers);
                else __builtin_memcpy(weights + start, &powers, sizeof(float) * (size_t)count);
            }
            partial += powers;
        }
        for (int j = 0; j < 8; j++) sum += (double)partial[j];
        start = end;
    }
    return sum;
}
