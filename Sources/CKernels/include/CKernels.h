#ifndef CKERNELS_H
#define CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "sha256.h"
float ck_f16_to_f32(uint16_t bits);
#endif
