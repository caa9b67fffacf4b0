// The functions of the C library that compiled Swift and C code refers to.

#include "CBrowserRuntime.h"

#if defined(__wasm__)

// Below this many bytes, a loop is faster than the engine's call for a bulk instruction.
enum { SHORT = 64 };

// The compiler must not turn these loops into calls of the functions they define.
#define NO_IDIOM __attribute__((no_builtin))

typedef uint64_t __attribute__((aligned(1), may_alias)) Word;

/// Right also for overlapping ranges when `to` lies below `from`.
NO_IDIOM static inline void *copy_forward(void *to, const void *from, size_t length) {
    uint8_t *target = to;
    const uint8_t *source = from;
    for (; length >= 8; length -= 8, target += 8, source += 8) *(Word *)target = *(const Word *)source;
    for (; length; length--) *target++ = *source++;
    return to;
}

NO_IDIOM void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    return length > SHORT ? __builtin_memcpy(to, from, length) : copy_forward(to, from, length);
}

NO_IDIOM void *memmove(void *to, const void *from, size_t length) {
    int overwrites_source = (uintptr_t)to - (uintptr_t)from < length;
    return length > SHORT || overwrites_source ? __builtin_memmove(to, from, length) : copy_forward(to, from, length);
}

NO_IDIOM void *memset(void *to, int value, size_t length) {
    if (length > SHORT) return __builtin_memset(to, value, length);
    for (uint8_t *target = to; length; length--) *target++ = (uint8_t)value;
    return to;
}

NO_IDIOM int memcmp(const void *left, const void *right, size_t length) {
    const uint8_t *a = left, *b = right;
    for (; length >= 8 && *(const Word *)a == *(const Word *)b; length -= 8, a += 8, b += 8) {}
    for (; length; length--, a++, b++) {
        if (*a != *b) return *a - *b;
    }
    return 0;
}

NO_IDIOM size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

/// The low 128 bits of a product, which compiled code asks for when it multiplies 64-bit numbers and checks for overflow.
__int128 __multi3(__int128 a, __int128 b) {
    typedef unsigned __int128 Wide;
    uint64_t a_low = (uint64_t)a, b_low = (uint64_t)b;
    uint64_t a0 = (uint32_t)a_low, a1 = a_low >> 32, b0 = (uint32_t)b_low, b1 = b_low >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    uint64_t high = a1 * b1 + (middle >> 32) + (other >> 32);
    high += a_low * (uint64_t)((Wide)b >> 64) + (uint64_t)((Wide)a >> 64) * b_low;
    return (__int128)((Wide)high << 64 | (other << 32 | (uint32_t)low));
}

/// Seeds of Swift's hash tables.
void arc4random_buf(void *bytes, size_t length) { browser_random(bytes, length); }

#if defined(__wasm64__)
/// Retains what a string or an array refers to, and returns the reference as it was.
///
/// Swift 6.3's own, which this one replaces, returns it without the tags in its high bits, although compiled code relies on
/// getting back what it gave; with 32-bit addresses there are no such tags.
void *swift_bridgeObjectRetain(void *object) {
    extern void *swift_bridgeObjectRetain_n(void *object, uint32_t count);
    swift_bridgeObjectRetain_n(object, 1);
    return object;
}
#endif

/// What `print` and failed preconditions write; there is nobody to read it.
int putchar(int character) { return character; }

uintptr_t __stack_chk_guard = 0x5157F1E7;

_Noreturn void __stack_chk_fail(void) {
    static const char message[] = "internal: a buffer on the stack was overrun";
    browser_fatal(message, sizeof message - 1);
    __builtin_trap();
}

#endif
