/* Work that several threads share: those that torch keeps for its own products, as others would take the cores from them. */
#ifndef EMBEDREG_TEAM_H
#define EMBEDREG_TEAM_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "_bfloat16.h"

#define PARTS 4 /* a thread, where a part takes nothing that the whole would not: one that begins late has fewer of them to do */
#define LONG_WAIT 5e-4 /* seconds beside half of the own work: another process has a thread's core */
#define REST 64        /* times that nothing is shared after that */

/* Does what is from first to end, of a whole. */
typedef void (*Work)(const void *whole, Size first, Size end);

typedef struct {
    Work work;
    const void *whole;
    Size size, each;
    atomic_ptrdiff_t next;
    pthread_t caller;
    double done; /* when the caller had no more to do */
} Task;

/* What GCC makes of `#pragma omp parallel`: each thread of OpenMP's team calls it once, and all of them are waited for. */
typedef void (*Parallel)(void (*)(void *), void *, unsigned, unsigned);

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void take_parts(void *given) {
    Task *task = given;
    for (Size first; (first = atomic_fetch_add(&task->next, task->each)) < task->size;)
        task->work(task->whole, first, first + task->each < task->size ? first + task->each : task->size);
    if (pthread_equal(pthread_self(), task->caller)) task->done = seconds();
}

/* Do the work on a whole of such a size, in so many parts a thread. Where this process has no OpenMP, one thread does all of it.
 * All threads are waited for, also one that another process keeps from its core: where that was so, one does what comes next. */
static void share(Work work, const void *whole, Size size, int threads, int parts) {
    static atomic_int resting = 0;
    Parallel run = NULL;
    if (threads > 1 && size > 1 && (atomic_load(&resting) <= 0 || atomic_fetch_sub(&resting, 1) <= 0)) {
        void *found = dlsym(RTLD_DEFAULT, "GOMP_parallel");
        memcpy(&run, &found, sizeof run); /* from an object's address to a function's, which C has no cast for */
    }
    if (run == NULL) {
        work(whole, 0, size);
        return;
    }
    Task task = {.work = work, .whole = whole, .size = size, .caller = pthread_self()};
    task.each = (size + threads * parts - 1) / (threads * parts);
    const double begun = seconds();
    run(take_parts, &task, (unsigned)threads, 0);
    if (seconds() - task.done > LONG_WAIT + (task.done - begun) / 2) atomic_store(&resting, REST);
}

#endif
