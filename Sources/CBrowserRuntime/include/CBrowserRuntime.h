/// The little that a program without an operating system lacks when it runs in a WebAssembly host: what the host provides
/// (imports), and an allocator. Everything but the declarations is compiled for WebAssembly only.
#ifndef CBROWSERRUNTIME_H
#define CBROWSERRUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#define BROWSER_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#else
#define BROWSER_IMPORT(name)
#endif

/// Hands one event frame to the host, which copies it.
void browser_emit(const void *_Nonnull bytes, uint32_t length) BROWSER_IMPORT(emit);

/// Milliseconds of a monotonic clock.
double browser_now(void) BROWSER_IMPORT(now);

/// Milliseconds since 1970-01-01 in local time.
double browser_date(void) BROWSER_IMPORT(date);

/// Fills the bytes with unpredictable ones.
void browser_random(void *_Nonnull bytes, uint32_t length) BROWSER_IMPORT(random);

/// Reports a message ("code: text", UTF-8) after which the module cannot go on; the host throws.
void browser_fatal(const char *_Nonnull message, uint32_t length) BROWSER_IMPORT(fatal);

/// 16-byte aligned memory, or null when linear memory can grow no further.
void *_Nullable browser_allocate(uint32_t bytes);

/// Like `browser_allocate` with a larger alignment, which must be a power of two.
void *_Nullable browser_allocate_aligned(uint32_t bytes, uint32_t alignment);

/// Gives memory back; null is allowed.
void browser_free(void *_Nullable pointer);

/// Bytes in live allocations, with their headers.
uint32_t browser_memory_used(void);

/// Bytes of linear memory.
double browser_memory_reserved(void);

#endif
