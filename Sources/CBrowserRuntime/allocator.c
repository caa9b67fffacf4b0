// A two-level segregated-fit allocator over linear memory, after M. Masmano et al., "TLSF: a New Dynamic Memory Allocator
// for Real-Time Systems" (ECRTS 2004): constant-time for the many small blocks of the engine. The few huge ones (weights,
// cache) get a search through their own size class first, so that a freed one is found again by a request of the same
// size instead of growing memory.

#include "CBrowserRuntime.h"

#if defined(__wasm__)

enum {
    PAGE = 65536,
    HEADER = 2 * sizeof(size_t),          // bytes of a block before its payload
    UNIT = 2 * HEADER,                    // sizes are multiples of it, payloads are aligned to it: 16 or 32
    SLOTS = 16,                           // size classes per power of two
    LINEAR_LIMIT = SLOTS * UNIT,          // below it, one class per unit
    LINEAR_BITS = UNIT == 16 ? 8 : 9,     // its logarithm
    ADDRESS_BITS = UNIT == 16 ? 32 : 34,  // 64-bit memories have at most 16 GB
    LEVELS = 1 + ADDRESS_BITS - LINEAR_BITS,  // the linear level, then one for each power of two
    GROWTH_PAGES = 16,                    // memory grows by at least 1 MB
    BEYOND = 40960,                       // bytes after the heap's end: kernels read ahead of the weights that they multiply
    FREE = 1,                             // flag in `size`
};

// The last two pages are never used, so that the end of memory has an address too.
static const size_t largest_request = ((size_t)1 << (ADDRESS_BITS - 1)) * 2 - 2 * PAGE;

typedef struct Block {
    size_t previous_size;  // of the block physically before this one; 0 for the first of a region
    size_t size;           // with header; bit 0: free. A used block of size 0 ends a region
    struct Block *next;    // in the free list; the payload starts here
    struct Block *previous;
} Block;

static Block *free_lists[LEVELS][SLOTS];
static uint32_t slot_bits[LEVELS];
static uint32_t level_bits;
static size_t heap_end;  // address after the last region's sentinel; 0 before the first allocation
static size_t memory_end;  // as far as it belongs to the heap
static size_t used_bytes;

// Helper threads allocate rarely, if ever; who waits here spins.
static int lock_word;

static void lock(void) {
#if defined(__wasm_atomics__)
    while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE)) {}
#endif
}

static void unlock(void) {
    __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

extern uint8_t __heap_base;  // from the linker: the first address after data and stack

static size_t size_of(const Block *block) { return block->size & ~(size_t)FREE; }
static Block *block_at(size_t address) { return (Block *)address; }
static size_t address_of(const Block *block) { return (size_t)block; }
static Block *following(const Block *block) { return block_at(address_of(block) + size_of(block)); }
static void *payload(Block *block) { return (uint8_t *)block + HEADER; }
static uint32_t highest_bit(size_t value) { return 63 - (uint32_t)__builtin_clzll(value); }

static void fail(const char *message, size_t length) {
    browser_fatal(message, length);
    __builtin_trap();
}

static void class_of(size_t size, uint32_t *level, uint32_t *slot) {
    if (size < LINEAR_LIMIT) {
        *level = 0;
        *slot = (uint32_t)(size / UNIT);
    } else {
        uint32_t bit = highest_bit(size);
        *level = bit - LINEAR_BITS + 1;
        *slot = (uint32_t)(size >> (bit - 4)) & (SLOTS - 1);
    }
}

static void insert(Block *block, size_t size) {
    uint32_t level, slot;
    class_of(size, &level, &slot);
    block->size = size | FREE;
    block->previous = NULL;
    block->next = free_lists[level][slot];
    if (block->next) block->next->previous = block;
    free_lists[level][slot] = block;
    slot_bits[level] |= 1u << slot;
    level_bits |= 1u << level;
    following(block)->previous_size = size;
}

static void unlink_block(Block *block) {
    uint32_t level, slot;
    class_of(size_of(block), &level, &slot);
    if (block->next) block->next->previous = block->previous;
    if (block->previous) {
        block->previous->next = block->next;
    } else {
        free_lists[level][slot] = block->next;
        if (!block->next) {
            slot_bits[level] &= ~(1u << slot);
            if (!slot_bits[level]) level_bits &= ~(1u << level);
        }
    }
    block->size &= ~(size_t)FREE;
}

/// Joins a block that is in no list with its free neighbours and lists the result.
static void release(Block *block) {
    size_t size = size_of(block);
    Block *after = following(block);
    if (after->size & FREE) {
        unlink_block(after);
        size += size_of(after);
    }
    if (block->previous_size) {
        Block *before = block_at(address_of(block) - block->previous_size);
        if (before->size & FREE) {
            unlink_block(before);
            size += size_of(before);
            block = before;
        }
    }
    block->size = size;
    insert(block, size);
}

/// A free block of at least `size` bytes, taken out of its list, or null.
static Block *find(size_t size) {
    uint32_t level, slot;
    class_of(size, &level, &slot);
    for (Block *block = free_lists[level][slot]; block; block = block->next) {
        if (size_of(block) >= size) {
            unlink_block(block);
            return block;
        }
    }
    // Every block of a higher class is large enough.
    uint32_t slots = slot == SLOTS - 1 ? 0 : slot_bits[level] & (~0u << (slot + 1));
    if (!slots) {
        uint32_t levels = level + 1 >= LEVELS ? 0 : level_bits & (~0u << (level + 1));
        if (!levels) return NULL;
        level = (uint32_t)__builtin_ctz(levels);
        slots = slot_bits[level];
    }
    Block *block = free_lists[level][__builtin_ctz(slots)];
    unlink_block(block);
    return block;
}

/// Makes the addresses `start ..< end` allocatable; they continue the last region or begin a new one.
static void add_region(size_t start, size_t end) {
    Block *block;
    if (heap_end && start == memory_end) {
        block = block_at(heap_end - HEADER);  // the old sentinel, which knows the block before it
    } else {
        block = block_at(((start + HEADER + UNIT - 1) & ~(size_t)(UNIT - 1)) - HEADER);
        block->previous_size = 0;
    }
    heap_end = end - BEYOND;
    memory_end = end;
    Block *sentinel = block_at(heap_end - HEADER);
    block->size = address_of(sentinel) - address_of(block);
    sentinel->size = 0;
    release(block);
}

/// Bytes of the free block that touches the end of the heap, which growth would extend.
static size_t free_at_end(void) {
    size_t last = block_at(heap_end - HEADER)->previous_size;
    if (!last) return 0;
    Block *block = block_at(heap_end - HEADER - last);
    return block->size & FREE ? last : 0;
}

static int grow(size_t size) {
    size_t missing = size - free_at_end() + BEYOND + UNIT;
    size_t pages = (missing + PAGE - 1) / PAGE;
    size_t before = SIZE_MAX;
    if (pages < GROWTH_PAGES) {
        before = __builtin_wasm_memory_grow(0, GROWTH_PAGES);
        if (before != SIZE_MAX) pages = GROWTH_PAGES;
    }
    if (before == SIZE_MAX) before = __builtin_wasm_memory_grow(0, pages);
    if (before == SIZE_MAX) return 0;
    add_region(before * PAGE, (before + pages) * PAGE);
    return 1;
}

static Block *take(size_t size) {
    if (!heap_end) {
        // The linker leaves any room after the data, or next to none.
        if (__builtin_wasm_memory_grow(0, 1) == SIZE_MAX) return NULL;
        add_region((size_t)&__heap_base, __builtin_wasm_memory_size(0) * PAGE);
    }
    Block *block = find(size);
    if (!block && grow(size)) block = find(size);
    return block;
}

/// Marks a block as used and gives back what it has over `size`.
static void *use(Block *block, size_t size) {
    size_t rest = size_of(block) - size;
    if (rest) {
        block->size = size;
        Block *tail = following(block);
        tail->previous_size = size;
        tail->size = rest;
        release(tail);
    }
    used_bytes += size;
    return payload(block);
}

/// Cuts off what of a taken block lies before its first payload address with this alignment.
static Block *align(Block *block, size_t alignment) {
    size_t address = (size_t)payload(block);
    size_t gap = ((address + alignment - 1) & ~(alignment - 1)) - address;
    if (!gap) return block;
    // The gap is a multiple of the unit and so a block of its own. What lies before it is in use: free neighbours are
    // always joined.
    size_t rest = size_of(block) - gap;
    Block *aligned = block_at(address_of(block) + gap);
    aligned->previous_size = gap;
    aligned->size = rest;
    following(aligned)->previous_size = rest;
    insert(block, gap);
    return aligned;
}

static size_t block_size(size_t bytes) {
    return (bytes + HEADER + UNIT - 1) & ~(size_t)(UNIT - 1);
}

void *browser_allocate(size_t bytes) {
    if (bytes > largest_request) return NULL;
    lock();
    size_t size = block_size(bytes);
    Block *block = take(size);
    void *result = block ? use(block, size) : NULL;
    unlock();
    return result;
}

void *browser_allocate_aligned(size_t bytes, size_t alignment) {
    if (alignment <= UNIT) return browser_allocate(bytes);
    if (bytes > largest_request || alignment > largest_request - bytes) return NULL;
    lock();
    size_t size = block_size(bytes);
    Block *block = take(size + alignment);
    void *result = block ? use(align(block, alignment), size) : NULL;
    unlock();
    return result;
}

void browser_free(void *pointer) {
    if (!pointer) return;
    Block *block = (Block *)((uint8_t *)pointer - HEADER);
    static const char message[] = "internal: memory was freed that is not in use";
    if ((block->size & FREE) || block->size == 0 || following(block)->previous_size != block->size) {
        fail(message, sizeof message - 1);
    }
    lock();
    used_bytes -= block->size;
    release(block);
    unlock();
}

size_t browser_memory_used(void) { return used_bytes; }

double browser_memory_reserved(void) { return (double)__builtin_wasm_memory_size(0) * PAGE; }

// What Swift's runtime calls. It does not look at failures, and address 0 is writable, so those end here.

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    *result = browser_allocate_aligned(bytes, alignment);
    static const char message[] = "out-of-memory: linear memory cannot grow any further";
    if (!*result) fail(message, sizeof message - 1);
    return 0;
}

void free(void *pointer) { browser_free(pointer); }

#endif
