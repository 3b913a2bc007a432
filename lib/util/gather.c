/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of who waits; those who ask take from its front, and wake the next to ask when they are done. */
#include "lib/util/gather.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20, MOST_MAX = 16 };
enum { WAITING, CALLED, DONE };

struct waiter {
    void *question;
    struct err *err;
    struct waiter *next;
    bool taken; /* somebody asks for it */
    int status;
    atomic_uint state; /* a futex; DONE is the last that another thread does to it */
};

struct gather {
    gather_answer_fn answer;
    size_t most, at_once;
    pthread_mutex_t lock;
    size_t asking;
    struct waiter *first, **end;
};

struct gather *gather_new(gather_answer_fn answer, size_t most, size_t at_once)
{
    struct gather *gather = calloc(1, sizeof(*gather));
    if (!gather)
        return NULL;
    *gather = (struct gather){ .answer = answer, .most = most < MOST_MAX ? most : MOST_MAX, .at_once = at_once };
    gather->end = &gather->first;
    pthread_mutex_init(&gather->lock, NULL);
    return gather;
}

void gather_free(struct gather *gather)
{
    if (gather)
        pthread_mutex_destroy(&gather->lock);
    free(gather);
}

static void leave_queue(struct gather *gather, struct waiter *waiter)
{
    struct waiter **at = &gather->first;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    if (!*at)
        gather->end = at;
    waiter->taken = true;
}

/* Ourselves first, so that nobody asks without having an answer of it. */
static size_t take_along(struct gather *gather, struct waiter *self, bool alone, struct waiter *out[MOST_MAX])
{
    size_t count = 0;
    leave_queue(gather, self);
    out[count++] = self;
    while (!alone && gather->first && count < gather->most) {
        out[count++] = gather->first;
        leave_queue(gather, gather->first);
    }
    gather->asking++;
    return count;
}

/* Waking an address is all that is done with it: whoever waited there may be gone by then. */
static void wake(const atomic_uint *state)
{
    syscall(SYS_futex, state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void tell(struct waiter *waiter, int status, const struct err *err)
{
    const atomic_uint *state = &waiter->state;
    if (status != 0)
        *waiter->err = *err;
    waiter->status = status;
    atomic_store(&waiter->state, DONE);
    wake(state);
}

/* With the lock held: it waits still. */
static void call_first(struct gather *gather)
{
    unsigned waiting = WAITING;
    if (gather->first && atomic_compare_exchange_strong(&gather->first->state, &waiting, CALLED))
        wake(&gather->first->state);
}

/* With the lock held, which it gives up. */
static void ask_for(struct gather *gather, struct waiter *self, bool alone, void *asker)
{
    struct waiter *waiters[MOST_MAX];
    void *questions[MOST_MAX];
    size_t count = take_along(gather, self, alone, waiters);
    pthread_mutex_unlock(&gather->lock);
    for (size_t i = 0; i < count; i++)
        questions[i] = waiters[i]->question;
    self->status = gather->answer(asker, questions, count, self->err);
    pthread_mutex_lock(&gather->lock);
    gather->asking--;
    call_first(gather);
    pthread_mutex_unlock(&gather->lock);
    for (size_t i = 1; i < count; i++)
        tell(waiters[i], self->status, self->err);
}

/* Until it was called; false: it has waited long enough for others to take it along. */
static bool await_call(struct waiter *waiter)
{
    const struct timespec patience = { .tv_nsec = PATIENCE_MS * 1000000 };
    unsigned called = CALLED;
    while (atomic_load(&waiter->state) == WAITING)
        if (syscall(SYS_futex, &waiter->state, FUTEX_WAIT_PRIVATE, WAITING, &patience, NULL, 0) != 0 && errno == ETIMEDOUT)
            return false;
    atomic_compare_exchange_strong(&waiter->state, &called, WAITING);
    return true;
}

int gather_ask(struct gather *gather, void *question, void *asker, struct err *err)
{
    struct waiter self = { .question = question, .err = err };
    pthread_mutex_lock(&gather->lock);
    *gather->end = &self;
    gather->end = &self.next;
    for (bool alone = false;;) {
        if (!self.taken && (alone || gather->asking < gather->at_once)) {
            ask_for(gather, &self, alone, asker);
            break;
        }
        pthread_mutex_unlock(&gather->lock);
        alone = !await_call(&self);
        if (atomic_load(&self.state) == DONE)
            break;
        pthread_mutex_lock(&gather->lock);
    }
    return self.status;
}
