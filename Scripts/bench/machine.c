// What this machine can do at most: `machine THREADS` prints, as JSON, the bytes a second that so many threads read from
// memory and the 8-bit multiplications and additions a second that they do; each the best of fifteen.

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MOST_THREADS = 64, REPETITIONS = 15 };
static const size_t buffer_bytes = (size_t)1 << 30;
static uint8_t *buffer;
static int threads;
static volatile uint64_t sink;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// Four sums of eight words, which any compiler makes vectors of.
typedef uint64_t words __attribute__((vector_size(64)));

static void *read_share(void *share) {
    size_t each = buffer_bytes / (size_t)threads / 256 * 256;
    const words *at = (const words *)(buffer + each * (size_t)(intptr_t)share);
    words a = {0}, b = a, c = a, d = a;
    for (size_t i = 0; i < each / 64; i += 4) a += at[i], b += at[i + 1], c += at[i + 2], d += at[i + 3];
    a += b + c + d;
    sink += a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
    return NULL;
}

// Independent chains hide the latency of the dot product; as assembly, none of them is folded away.
enum { CHAINS = 8 };
static const long steps = 5000000;

#if defined(__x86_64__)
#define WITH(features) __attribute__((target(features)))
WITH("avx512f,avx512bw,avx512vnni") static void *avx512vnni(void *unused) {
    __m512i x = _mm512_set1_epi8(1);
    __m512i sums[CHAINS];
    memset(sums, 0, sizeof sums);
    for (long i = 0; i < steps; i++) {
#pragma clang loop unroll(full)
        for (int k = 0; k < CHAINS; k++) __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sums[k]) : "v"(x));
    }
    return unused;
}
WITH("avx2") static void *avx2(void *unused) {
    __m256i x = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
    __m256i sums[CHAINS];
    memset(sums, 0, sizeof sums);
    for (long i = 0; i < steps; i++) {
#pragma clang loop unroll(full)
        for (int k = 0; k < CHAINS; k++) {
            __m256i product;
            __asm__ volatile("vpmaddubsw %1, %1, %0" : "=x"(product) : "x"(x));
            __asm__ volatile("vpmaddwd %1, %0, %0" : "+x"(product) : "x"(ones));
            __asm__ volatile("vpaddd %1, %0, %0" : "+x"(sums[k]) : "x"(product));
        }
    }
    return unused;
}
#endif

static double best(void *(*work)(void *)) {
    double least = 1e9;
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
        pthread_t started[MOST_THREADS];
        double begin = now();
        for (int i = 0; i < threads; i++) pthread_create(&started[i], NULL, work, (void *)(intptr_t)i);
        for (int i = 0; i < threads; i++) pthread_join(started[i], NULL);
        double took = now() - begin;
        if (took < least) least = took;
    }
    return least;
}

int main(int count, char **arguments) {
    threads = count > 1 ? atoi(arguments[1]) : 1;
    if (threads < 1 || threads > MOST_THREADS) return 64;
    buffer = aligned_alloc(64, buffer_bytes);
    if (!buffer) return 1;
    memset(buffer, 1, buffer_bytes);
    printf("{\"read_bytes_per_second\": %.4g", (double)buffer_bytes / best(read_share));
    double done = (double)steps * CHAINS * threads;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")) printf(", \"int8_operations_per_second\": %.4g", done * 128 / best(avx512vnni));
    else if (__builtin_cpu_supports("avx2")) printf(", \"int8_operations_per_second\": %.4g", done * 64 / best(avx2));
#endif
    (void)done;
    printf("}\n");
    return 0;
}
