#ifndef CKERNELS_SHA256_H
#define CKERNELS_SHA256_H
#include <stddef.h>
#include <stdint.h>

/// Runs SHA-256's compression function (FIPS 180-4, section 6.2.2) over `count` blocks of 64 bytes.
/// Uses the processor's SHA instructions where it has them.
void ck_sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);

/// The same without special instructions; what every other variant is tested against.
void ck_sha256_blocks_scalar(uint32_t state[8], const uint8_t *blocks, size_t count);
#endif
