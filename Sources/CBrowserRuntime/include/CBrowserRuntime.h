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

// Addresses and lengths cross the border as f64, which hold either module's exactly: so one piece of JavaScript serves
// both, and no address is taken for a negative number or a BigInt.
void host_emit(double address, double length) BROWSER_IMPORT(emit);
void host_random(double address, double length) BROWSER_IMPORT(random);
void host_fatal(double address, double length) BROWSER_IMPORT(fatal);

int32_t host_prefix_read(double offset, double address, double length) BROWSER_IMPORT(prefix_read);
int32_t host_prefix_write(double offset, double address, double length) BROWSER_IMPORT(prefix_write);
void host_prefix_truncate(double size) BROWSER_IMPORT(prefix_truncate);

// The graphics card: buffers, kernels and bindings by number. WebGPU.md says what each does.
double host_gpu_session(void) BROWSER_IMPORT(gpu_session);
double host_gpu_buffer(double session, double bytes, int32_t is_uniform) BROWSER_IMPORT(gpu_buffer);
void host_gpu_write(double session, double buffer, double offset, double address, double length) BROWSER_IMPORT(gpu_write);
double host_gpu_pipeline(double session, double text, double length) BROWSER_IMPORT(gpu_pipeline);
double host_gpu_bind(double session, double ranges, double count) BROWSER_IMPORT(gpu_bind);
void host_gpu_submit(double session, double commands, double count, double range, double to, double ticket)
    BROWSER_IMPORT(gpu_submit);
void host_gpu_release(double session) BROWSER_IMPORT(gpu_release);

static inline double browser_address(const void *_Nullable pointer) { return (double)(uintptr_t)pointer; }

/// Reads from and writes to the file that `openPrefix` asked for; 1 when all bytes went, otherwise 0.
static inline int browser_prefix_read(uint64_t offset, void *_Nonnull bytes, size_t length) {
    return host_prefix_read((double)offset, browser_address(bytes), (double)length) == 1;
}
static inline int browser_prefix_write(uint64_t offset, const void *_Nonnull bytes, size_t length) {
    return host_prefix_write((double)offset, browser_address(bytes), (double)length) == 1;
}
static inline void browser_prefix_truncate(uint64_t size) { host_prefix_truncate((double)size); }

/// Hands one event frame to the host, which copies it.
static inline void browser_emit(const void *_Nonnull bytes, size_t length) {
    host_emit(browser_address(bytes), (double)length);
}

/// Milliseconds of a monotonic clock.
double browser_now(void) BROWSER_IMPORT(now);

/// Milliseconds since 1970-01-01 in local time.
double browser_date(void) BROWSER_IMPORT(date);

/// Fills the bytes with unpredictable ones.
static inline void browser_random(void *_Nonnull bytes, size_t length) {
    host_random(browser_address(bytes), (double)length);
}

/// Reports a message ("code: text", UTF-8) after which the module cannot go on; the host throws.
static inline void browser_fatal(const char *_Nonnull message, size_t length) {
    host_fatal(browser_address(message), (double)length);
}

/// 16-byte aligned memory, or null when linear memory can grow no further.
void *_Nullable browser_allocate(size_t bytes);

/// Like `browser_allocate` with a larger alignment, which must be a power of two.
void *_Nullable browser_allocate_aligned(size_t bytes, size_t alignment);

/// Gives memory back; null is allowed.
void browser_free(void *_Nullable pointer);

/// Bytes in live allocations, with their headers.
size_t browser_memory_used(void);

/// Bytes of linear memory.
double browser_memory_reserved(void);

#endif
