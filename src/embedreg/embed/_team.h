/* Work that several threads share: those that torch keeps for its own products, as others would take the cores from them. */
#ifndef EMBEDREG_TEAM_H
#define EMBEDREG_TEAM_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "_bfloat16.h"

#define PARTS 4 /* a thread, so that one that begins late has fewer of them to do */

/* Does what is from first to end, of a whole. */
typedef void (*Work)(const void *whole, Size first, Size end);

typedef struct {
    Work work;
    const void *whole;
    Size size, each;
    atomic_ptrdiff_t next;
} Task;

/* What GCC makes of `#pragma omp parallel`: each thread of OpenMP's team calls it once, and all of them are waited for. */
typedef void (*Parallel)(void (*)(void *), void *, unsigned, unsigned);

static void take_parts(void *given) {
    Task *task = given;
    for (Size first; (first = atomic_fetch_add(&task->next, task->each)) < task->size;)
        task->work(task->whole, first, first + task->each < task->size ? first + task->each : task->size);
}

/* Do the work on a whole of such a size. Where this process has no OpenMP, one thread does all of it. */
static void share(Work work, const void *whole, Size size, int threads) {
    Task task = {.work = work, .whole = whole, .size = size, .each = size};
    void *parallel = threads > 1 && size > 1 ? dlsym(RTLD_DEFAULT, "GOMP_parallel") : NULL;
    if (parallel == NULL) {
        take_parts(&task);
        return;
    }
    task.each = (size + threads * PARTS - 1) / (threads * PARTS);
    Parallel run;
    memcpy(&run, &parallel, sizeof run); /* from an object's address to a function's, which C has no cast for */
    run(take_parts, &task, (unsigned)threads, 0);
}

#endif
