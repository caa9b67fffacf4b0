// A team of threads. Lanes that wait spin briefly and then sleep: on small models the waiting, not the arithmetic, is
// what would cost. Nobody waits for a lane that holds no piece of work, and a lane that is seen to be held up (another
// program has its core) is left out for a while.

#include "CKernels.h"
#include <stdatomic.h>

#if defined(__wasm__) && !defined(__wasm_atomics__)
#define CK_SINGLE 1
#elif defined(__wasm__)
#define CK_HOST_THREADS 1
#else
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

enum {
    CK_MAX_LANES = 64,
#if defined(__wasm__)
    CK_SPINS = 40000, // an iteration has no pause there
#else
    CK_SPINS = 4000,
#endif
    CK_STALL_MICROSECONDS = 500, // longer than most pieces take: whoever holds it probably does not run
    CK_SHORTEST_REST = 4,
    CK_LONGEST_REST = 512
};

struct ck_team {
    int32_t count;
    ck_work work;
    void *context;
    _Alignas(64) _Atomic uint32_t job;    // how many lanes may take part (low 8 bits, 0: none), and a count above
    _Alignas(64) _Atomic uint32_t inside; // helpers that take part
    _Alignas(64) _Atomic uint32_t stalls;
    _Atomic uint32_t sleepers; // spares the waker a system call when nobody sleeps
    _Atomic uint32_t stopping;
    int32_t rest, next_rest; // jobs to come with one lane less, and how many the next time
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

// Sleeps while *word is `seen`, at most for the time of a stall when `briefly`; may wake for no reason. Returns whether
// that time has passed.
static int sleep_while(ck_team *team, _Atomic uint32_t *word, uint32_t seen, int briefly) {
#if defined(CK_SINGLE)
    (void)team, (void)word, (void)seen, (void)briefly;
    return 0;
#elif defined(CK_HOST_THREADS)
    (void)team;
    int64_t patience = briefly ? CK_STALL_MICROSECONDS * 1000ll : -1;
    return __builtin_wasm_memory_atomic_wait32((int32_t *)word, (int32_t)seen, patience) == 2;
#elif defined(__linux__)
    (void)team;
    struct timespec patience = {.tv_nsec = CK_STALL_MICROSECONDS * 1000};
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, briefly ? &patience : NULL, NULL, 0) != 0 &&
           errno == ETIMEDOUT;
#else
    int late = 0;
    pthread_mutex_lock(&team->mutex);
    if (atomic_load(word) == seen) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += CK_STALL_MICROSECONDS * 1000;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        if (briefly) late = pthread_cond_timedwait(&team->changed, &team->mutex, &until) == ETIMEDOUT;
        else pthread_cond_wait(&team->changed, &team->mutex);
    }
    pthread_mutex_unlock(&team->mutex);
    return late;
#endif
}

static void wake_all(ck_team *team, _Atomic uint32_t *word) {
    // A sleeper counts itself before it looks at the word again, so none is missed.
    if (atomic_load(&team->sleepers) == 0) return;
#if defined(CK_SINGLE)
    (void)word;
#elif defined(CK_HOST_THREADS)
    __builtin_wasm_memory_atomic_notify((int32_t *)word, CK_MAX_LANES);
#elif defined(__linux__)
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, CK_MAX_LANES, NULL, NULL, 0);
#else
    (void)word;
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
#endif
}

// Waits until *word is `wanted`; whoever sets it to that calls wake_all.
static void wait_until(ck_team *team, _Atomic uint32_t *word, uint32_t wanted) {
    for (int spin = 0; spin < CK_SPINS; spin++) {
        if (atomic_load_explicit(word, memory_order_acquire) == wanted) return;
        spin_hint();
    }
    atomic_fetch_add(&team->sleepers, 1);
    for (uint32_t seen; (seen = atomic_load(word)) != wanted;)
        if (sleep_while(team, word, seen, 1)) atomic_fetch_add(&team->stalls, 1);
    atomic_fetch_sub(&team->sleepers, 1);
}

// ---- Steps --------------------------------------------------------------------------------------

static _Atomic uint32_t *atomic_of(uint32_t *word) { return (_Atomic uint32_t *)word; }

int32_t ck_step_take(ck_step *step, int32_t pieces) {
    // Looking first keeps the count from running on, and the line shared, while others wait.
    if (atomic_load_explicit(atomic_of(&step->next), memory_order_relaxed) >= (uint32_t)pieces) return -1;
    uint32_t piece = atomic_fetch_add_explicit(atomic_of(&step->next), 1, memory_order_relaxed);
    return piece < (uint32_t)pieces ? (int32_t)piece : -1;
}

void ck_step_finish(ck_team *team, ck_step *step, int32_t pieces) {
    if (atomic_fetch_add(atomic_of(&step->done), 1) + 1 == (uint32_t)pieces) wake_all(team, atomic_of(&step->done));
}

void ck_step_wait(ck_team *team, ck_step *step, int32_t pieces) {
    wait_until(team, atomic_of(&step->done), (uint32_t)pieces);
}

// ---- Jobs ---------------------------------------------------------------------------------------

static void set_job(ck_team *team, uint32_t lanes) {
    atomic_store(&team->job, ((atomic_load(&team->job) | 255) + 1) | lanes);
    if (lanes != 0) wake_all(team, &team->job);
}

void ck_team_serve(ck_team *team, int32_t lane) {
    uint32_t last = 0; // the job that this lane has taken part in
    for (;;) {
        uint32_t job = atomic_load(&team->job);
        for (int spin = 0; spin < CK_SPINS && (job == last || lane >= (int32_t)(job & 255)); spin++) {
            spin_hint();
            job = atomic_load_explicit(&team->job, memory_order_acquire);
        }
        if (atomic_load(&team->stopping)) return;
        if (job == last || lane >= (int32_t)(job & 255)) {
            atomic_fetch_add(&team->sleepers, 1);
            sleep_while(team, &team->job, job, 0);
            atomic_fetch_sub(&team->sleepers, 1);
            continue;
        }
        // Only a job that is still open after this lane is counted may be entered; it then waits for the lane.
        atomic_fetch_add(&team->inside, 1);
        if (atomic_load(&team->job) == job) team->work(team->context, lane);
        if (atomic_fetch_sub(&team->inside, 1) == 1) wake_all(team, &team->inside);
        last = job;
    }
}

void ck_team_run(ck_team *team, ck_work work, void *context, ck_step *steps, int32_t count,
                 int32_t stalls_to_rest) {
    __builtin_memset(steps, 0, sizeof(ck_step) * (size_t)count);
    team->work = work;
    team->context = context;
    atomic_store(&team->stalls, 0);
    int is_short = stalls_to_rest < INT32_MAX;
    int resting = is_short && team->rest > 0;
    int32_t lanes = resting && team->count > 1 ? team->count - 1 : team->count;
    if (lanes > 1) set_job(team, (uint32_t)lanes);
    work(context, 0);
    if (lanes > 1) {
        set_job(team, 0);
        wait_until(team, &team->inside, 0);
    }
    // One lane less after stalls, for twice as many jobs each time that it happens again.
    if (resting) {
        team->rest--;
    } else if (is_short && atomic_load(&team->stalls) >= (uint32_t)stalls_to_rest) {
        team->rest = team->next_rest;
        team->next_rest = team->next_rest * 2 < CK_LONGEST_REST ? team->next_rest * 2 : CK_LONGEST_REST;
    } else if (is_short && team->next_rest > CK_SHORTEST_REST) {
        team->next_rest--;
    }
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
    only_team.next_rest = CK_SHORTEST_REST;
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
    atomic_fetch_add(&team->job, 256);
    wake_all(team, &team->job);
    for (int32_t lane = 1; lane < team->count; lane++) pthread_join(team->threads[lane], NULL);
    pthread_mutex_destroy(&team->mutex);
    pthread_cond_destroy(&team->changed);
    free(team);
}

ck_team *ck_team_create(int32_t count) {
    if (count < 1 || count > CK_MAX_LANES) return NULL;
    ck_team *team = aligned_alloc(64, (sizeof(ck_team) + 63) / 64 * 64);
    if (!team) return NULL;
    *team = (ck_team){.count = count, .next_rest = CK_SHORTEST_REST};
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
