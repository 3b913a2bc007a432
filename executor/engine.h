/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the executor share. One object, made by main(), handed down. */
#ifndef SANDBOX_EXECUTOR_ENGINE_H
#define SANDBOX_EXECUTOR_ENGINE_H

#include <event2/event.h>

#include "executor/confine.h"
#include "executor/memory.h"
#include "executor/setup.h"
#include "executor/usage.h"
#include "lib/wire/environment.h"

enum { ENGINE_PRIORITIES = 3, ENGINE_LATER = 2 /* of events that wait until no other is there; the others have the one in the middle */ };

struct engine {
    struct event_base *base;
    struct setup setup;
    struct confine confine;
    struct memory memory;
    struct interpreters *interpreters;
    struct runs *runs;
    int64_t started_ms;      /* monotonic */
    struct journal *journal;
    struct transfers *transfers;
    struct usage usage; /* of the workspace, as last seen */
    int64_t unlinked;   /* bytes of files without a name that code holds open, as last seen */
};

static inline uid_t engine_slot_uid(const struct engine *engine, int slot)
{
    return engine->setup.uid + (uid_t)slot;
}

/* A uid that no process has: see as_user_kill_all(). */
static inline uid_t engine_nobody(const struct engine *engine)
{
    return engine->setup.uid + EXECUTOR_SLOTS;
}

#endif
