/* SPDX-License-Identifier: Apache-2.0 */
/* A doorbell wakes the waiter at once; every DOORBELL_FALLBACK_MS it looks by itself. */
#include "lib/service/waiting.h"

#include <poll.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/service/dispatch_bell.h"
#include "lib/util/clock.h"

bool wait_room_enter(struct wait_room *room)
{
    if (atomic_load(&room->closing))
        return false;
    if (atomic_fetch_add(&room->waiting, 1) < room->seats)
        return true;
    atomic_fetch_sub(&room->waiting, 1);
    return false;
}

void wait_room_leave(struct wait_room *room)
{
    atomic_fetch_sub(&room->waiting, 1);
}

int wait_announce(const struct context *context, const char *id, struct err *err)
{
    bool ignored; /* a final row is found by the first look */
    if (context->doorbell_address[0] == '\0')
        return 0;
    if (execution_repo_set_notify(context->db, id, context->doorbell_address, &ignored, err) != 0)
        return -1;
    dispatch_bell_wait(context, id);
    return 0;
}

/* Takes all datagrams; whether one was about `id` (others are late ones of earlier waits). */
static bool take_rings(int doorbell, const char *id, struct trace *trace)
{
    char text[DOORBELL_TEXT_MAX + 1];
    int64_t came_us = 0;
    bool ours = false;
    while (trace ? doorbell_take_at(doorbell, text, &came_us) : doorbell_take(doorbell, text)) {
        bool about_it = strcmp(text, id) == 0;
        if (about_it && !ours)
            trace_mark_at(trace, TRACE_STORED, came_us);
        ours |= about_it;
    }
    return ours;
}

enum woken { WOKEN_BY_RING, WOKEN_BY_TIME, WOKEN_BY_LOSS };

static enum woken nap(const struct context *context, const struct wait *wait, const char *id,
                      int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms - clock_mono_ms();
        if (left <= 0)
            return WOKEN_BY_TIME;
        struct pollfd fds[] = { { .fd = context->doorbell, .events = POLLIN },
                                { .fd = wait->client_fd } };
        if (poll(fds, 2, (int)left) <= 0)
            continue;
        if (fds[1].revents)
            return WOKEN_BY_LOSS;
        trace_mark(wait->trace, TRACE_WOKEN);
        if (take_rings(context->doorbell, id, wait->trace))
            return WOKEN_BY_RING;
    }
}

int wait_until(const struct context *context, const struct wait *wait, const char *id, wait_look_fn look, void *arg,
               struct err *err)
{
    int64_t deadline = clock_mono_ms() + wait->limit_ms;
    enum woken woken = WOKEN_BY_TIME;
    bool done = false;
    for (bool first = wait->fresh;; first = false) {
        if (!first && look(context, arg, woken == WOKEN_BY_RING, &done, err) != 0)
            return -1;
        int64_t now = clock_mono_ms();
        if (!first && (done || now >= deadline || woken == WOKEN_BY_LOSS || atomic_load(&wait->room->closing)))
            return 0;
        int64_t until = now + DOORBELL_FALLBACK_MS;
        woken = nap(context, wait, id, until < deadline ? until : deadline);
    }
}

/* Nobody rang: it was seen to be stored. */
static void trace_found(struct trace *trace)
{
    trace_mark(trace, TRACE_STORED);
    trace_mark_at(trace, TRACE_WOKEN, trace->at[TRACE_STORED]);
}

struct looking {
    const char *owner, *id;
    struct execution *out;
};

/* The row, with its outcome if it is final. A ring makes it likely that it is: then one query does. */
static int look_at_execution(const struct context *context, void *arg, bool rung, bool *done_out, struct err *err)
{
    struct looking *looking = arg;
    struct execution *out = looking->out;
    enum execution_part part = rung ? EXECUTION_WITH_OUTCOME : EXECUTION_SUMMARY;
    execution_release(out);
    if (execution_repo_get(context->db, looking->owner, looking->id, part, out, err) != 0)
        return -1;
    *done_out = execution_status_final(out->status);
    if (rung || !*done_out)
        return 0;
    execution_release(out);
    return execution_repo_get(context->db, looking->owner, looking->id, EXECUTION_WITH_OUTCOME, out, err);
}

int wait_for_execution(const struct context *context, const struct wait *wait, const char *owner,
                       const char *id, struct execution *out, struct err *err)
{
    struct looking looking = { .owner = owner, .id = id, .out = out };
    if (wait_until(context, wait, id, look_at_execution, &looking, err) != 0)
        return -1;
    if (wait->trace && !wait->trace->at[TRACE_STORED])
        trace_found(wait->trace);
    return 0;
}
