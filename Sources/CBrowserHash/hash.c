// hash.wasm: the hashes of a model's bytes, for a worker beside the engine's. It has a memory of its own, so it is the same
// for every engine module. `Documentation/BrowserModule.md` says how it is used.

#include "sha256.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum {
    CAPACITY = 256 * 1024,  // stays in the processor's cache; a multiple of both hashes' blocks
    PADDING = 128,          // room for the end of SHA-256's last block
};

static uint8_t buffer[CAPACITY + PADDING];
static uint8_t digest[32];
static uint64_t count;
static int with_sha256;
static uint32_t sha256_state[8];

// XXH64 with seed 0, after Y. Collet, "xxHash fast digest algorithm", version 0.1.1. Not against forgery: it tells at the
// speed of memory whether kept bytes are still those whose SHA-256 was right.

static const uint64_t prime1 = 0x9E3779B185EBCA87u, prime2 = 0xC2B2AE3D27D4EB4Fu, prime3 = 0x165667B19E3779F9u,
                      prime4 = 0x85EBCA77C2B2AE63u, prime5 = 0x27D4EB2F165667C5u;
static uint64_t lanes[4];

static uint64_t rotate_left(uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }

// WebAssembly is little-endian and reads at any address.
static uint64_t load64(const uint8_t *p) {
    uint64_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t load32(const uint8_t *p) {
    uint32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t round_of(uint64_t lane, uint64_t word) { return rotate_left(lane + word * prime2, 31) * prime1; }

static void checksum_stripes(const uint8_t *p, uint32_t stripes) {
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (; stripes > 0; stripes--, p += 32) {
        a = round_of(a, load64(p)), b = round_of(b, load64(p + 8));
        c = round_of(c, load64(p + 16)), d = round_of(d, load64(p + 24));
    }
    lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

static uint64_t checksum_end(const uint8_t *tail, uint32_t length) {
    uint64_t sum = lanes[2] + prime5;
    if (count >= 32) {
        sum = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) + rotate_left(lanes[3], 18);
        for (int i = 0; i < 4; i++) sum = (sum ^ round_of(0, lanes[i])) * prime1 + prime4;
    }
    sum += count;
    for (; length >= 8; length -= 8, tail += 8)
        sum = rotate_left(sum ^ round_of(0, load64(tail)), 27) * prime1 + prime4;
    if (length >= 4) {
        sum = rotate_left(sum ^ load32(tail) * prime1, 23) * prime2 + prime3;
        length -= 4, tail += 4;
    }
    for (; length > 0; length--, tail++) sum = rotate_left(sum ^ *tail * prime5, 11) * prime1;
    sum = (sum ^ sum >> 33) * prime2;
    sum = (sum ^ sum >> 29) * prime3;
    return sum ^ sum >> 32;
}

/// Where the bytes to hash are written.
EXPORT(hash_buffer) uint8_t *hash_buffer(void) { return buffer; }

/// How many bytes `hash_full` takes.
EXPORT(hash_capacity) uint32_t hash_capacity(void) { return CAPACITY; }

/// Starts anew; the SHA-256 costs some twenty times what the checksum does.
EXPORT(hash_reset) void hash_reset(int sha256) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    count = 0;
    with_sha256 = sha256;
    __builtin_memcpy(sha256_state, start, sizeof start);
    lanes[0] = prime1 + prime2, lanes[1] = prime2, lanes[2] = 0, lanes[3] = -prime1;
}

/// Hashes a full buffer.
EXPORT(hash_full) void hash_full(void) {
    count += CAPACITY;
    checksum_stripes(buffer, CAPACITY / 32);
    if (with_sha256) ck_sha256_blocks(sha256_state, buffer, CAPACITY / 64);
}

/// Hashes the last `length` bytes, fewer than a buffer, and returns the checksum.
EXPORT(hash_finish) uint64_t hash_finish(uint32_t length) {
    count += length;
    checksum_stripes(buffer, length / 32);
    const uint64_t sum = checksum_end(buffer + length / 32 * 32, length % 32);
    uint32_t end = (length + 8) / 64 * 64 + 64;
    __builtin_memset(buffer + length, 0, end - length);
    buffer[length] = 0x80;
    for (int i = 0; i < 8; i++) buffer[end - 1 - i] = (uint8_t)(count * 8 >> 8 * i);
    ck_sha256_blocks(sha256_state, buffer, end / 64);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(sha256_state[i / 4] >> (24 - i % 4 * 8));
    return sum;
}

/// The 32 bytes of the SHA-256, after `hash_finish`.
EXPORT(hash_sha256) uint8_t *hash_sha256(void) { return digest; }
