// A team of threads. Between two jobs, and at a barrier, a thread spins briefly and then sleeps:
// on small models the waiting, not the arithmetic, is what would cost.

#include "CKernels.h"
#include <stdatomic.h>

#if defined(__wasm__) && !defined(__wasm_atomics__)
#define CK_SINGLE 1
#elif defined(__wasm__)
#define CK_HOST_THREADS 1
#else
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

enum { CK_MAX_LANES = 64, CK_SPINS = 4000 };

struct ck_team {
    int32_t count;
    ck_work work;
    void *context;
    _Alignas(64) _Atomic uint32_t job;     // how many lanes the job has (low 8 bits), and a count of jobs above
    _Alignas(64) _Atomic uint32_t arrived; // lanes at the barrier
    _Alignas(64) _Atomic uint32_t phase;   // counts barriers
    _Atomic uint32_t stopping;
    _Atomic uint32_t sleepers; // spares the waker a system call when nobody sleeps
#if !defined(CK_SINGLE) && !defined(CK_HOST_THREADS)
    pthread_t threads[CK_MAX_LANES];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
};

static inline void spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Sleeps while *word is `seen`; may wake for no reason.
static void sleep_while(ck_team *team, _Atomic uint32_t *word, uint32_t seen) {
#if defined(CK_SINGLE)
    (void)team, (void)word, (void)seen;
#elif defined(CK_HOST_THREADS)
    (void)team;
    __builtin_wasm_memory_atomic_wait32((int32_t *)word, (int32_t)seen, -1);
#elif defined(__linux__)
    (void)team;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#else
    pthread_mutex_lock(&team->mutex);
    while (atomic_load(word) == seen) pthread_cond_wait(&team->changed, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
#endif
}

static void wake_all(ck_team *team, _Atomic uint32_t *word) {
#if defined(CK_SINGLE)
    (void)team, (void)word;
#elif defined(CK_HOST_THREADS)
    (void)team;
    __builtin_wasm_memory_atomic_notify((int32_t *)word, CK_MAX_LANES);
#elif defined(__linux__)
    (void)team;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, CK_MAX_LANES, NULL, NULL, 0);
#else
    (void)word;
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
#endif
}

static void advance(ck_team *team, _Atomic uint32_t *word) {
    atomic_fetch_add(word, 1);
    // A sleeper counts itself before it looks at the word again, so none is missed here.
    if (atomic_load(&team->sleepers) > 0) wake_all(team, word);
}

static void publish_job(ck_team *team) {
    uint32_t counted = (atomic_load(&team->job) | 255) + 1;
    atomic_store(&team->job, counted | (uint32_t)team->count);
    if (atomic_load(&team->sleepers) > 0) wake_all(team, &team->job);
}

static void wait_while(ck_team *team, _Atomic uint32_t *word, uint32_t seen) {
    for (int spin = 0; spin < CK_SPINS; spin++) {
        if (atomic_load_explicit(word, memory_order_acquire) != seen) return;
        spin_hint();
    }
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(word) == seen) sleep_while(team, word, seen);
    atomic_fetch_sub(&team->sleepers, 1);
}

void ck_team_barrier(ck_team *team) {
    if (team->count == 1) return;
    uint32_t phase = atomic_load_explicit(&team->phase, memory_order_acquire);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == (uint32_t)team->count) {
        atomic_store(&team->arrived, 0);
        advance(team, &team->phase);
    } else {
        wait_while(team, &team->phase, phase);
    }
}

void ck_team_serve(ck_team *team, int32_t lane) {
    uint32_t seen = 0;
    for (;;) {
        wait_while(team, &team->job, seen);
        seen = atomic_load(&team->job);
        if (atomic_load(&team->stopping)) return;
        // A helper of a larger team may sleep through jobs without it; none that counts on it ends before it came.
        if (lane >= (int32_t)(seen & 255)) continue;
        team->work(team->context, lane, team->count);
        ck_team_barrier(team);
    }
}

void ck_team_run(ck_team *team, ck_work work, void *context) {
    team->work = work;
    team->context = context;
    if (team->count > 1) publish_job(team);
    work(context, 0, team->count);
    ck_team_barrier(team);
}

int32_t ck_team_count(const ck_team *team) { return team->count; }

#if defined(__wasm__)

// One team per instance: the host hands its address to the helper workers.
static struct ck_team only_team;

ck_team *ck_team_create(int32_t count) {
#if defined(CK_SINGLE)
    count = 1;
#endif
    if (count < 1 || count > CK_MAX_LANES) return NULL;
    only_team.count = count;
    return &only_team;
}

void ck_team_destroy(ck_team *team) { (void)team; }

#else

typedef struct { ck_team *team; int32_t lane; } seat;

static void *thread_main(void *argument) {
    seat taken = *(seat *)argument;
    free(argument);
    ck_team_serve(taken.team, taken.lane);
    return NULL;
}

void ck_team_destroy(ck_team *team) {
    atomic_store(&team->stopping, 1);
    publish_job(team);
    for (int32_t lane = 1; lane < team->count; lane++) pthread_join(team->threads[lane], NULL);
    pthread_mutex_destroy(&team->mutex);
    pthread_cond_destroy(&team->changed);
    free(team);
}

ck_team *ck_team_create(int32_t count) {
    if (count < 1 || count > CK_MAX_LANES) return NULL;
    ck_team *team = aligned_alloc(64, (sizeof(ck_team) + 63) / 64 * 64);
    if (!team) return NULL;
    *team = (ck_team){.count = count};
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->changed, NULL);
    for (int32_t lane = 1; lane < count; lane++) {
        seat *taken = malloc(sizeof(seat));
        if (taken) *taken = (seat){team, lane};
        if (!taken || pthread_create(&team->threads[lane], NULL, thread_main, taken) != 0) {
            free(taken);
            team->count = lane; // what was started ends with the team
            ck_team_destroy(team);
            return NULL;
        }
    }
    return team;
}

#endif
