#ifndef CKERNELS_SAMPLING_H
#define CKERNELS_SAMPLING_H
#include <stdint.h>

/// Index of the largest element, the first of equals; NaN is smaller than everything. 0 when there is no larger one.
int32_t ck_argmax(const float *x, int32_t n);

/// Whether none of the elements is NaN or infinite.
int32_t ck_is_finite(const float *x, int32_t n);

/// weights[i] = exp((x[i] - largest) * factor), where `largest` is the largest x and factor >= 0, and 0 for NaN or what
/// underflows; returns their sum. `weights` may be NULL.
double ck_softmax_weights(const float *x, float largest, float factor, int32_t n, float *weights);
#endif
