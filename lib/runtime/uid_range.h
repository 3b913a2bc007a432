/* SPDX-License-Identifier: Apache-2.0 */
/* Host user ids for sandboxes: each container has a range that no other container of this machine has, whatever
 * installation it belongs to. A range belongs to a room (a directory) and is free again once that is gone. */
#ifndef SANDBOX_RUNTIME_UID_RANGE_H
#define SANDBOX_RUNTIME_UID_RANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* How the ids are cut up; the first id of range n is base + n * width. */
struct uid_plan {
    int64_t base;
    int64_t width;
    int64_t slot; /* offset of the first user-code id in a range */
    int64_t count;
};

struct uid_range {
    uid_t first;
    int64_t width;
    uid_t slot; /* host id of the first user-code slot, and of their group */
};

/* The plan for `base`. Where this process' own user namespace lacks ids from there on (`uid_map` is the text of
 * /proc/self/uid_map), narrow ranges from the ids it has. */
void uid_plan_make(int64_t base, const char *uid_map, struct uid_plan *out);
/* Range `number` of the plan. */
struct uid_range uid_plan_range(const struct uid_plan *plan, int64_t number);

/* Takes a free range for `owner` (the room's path), recorded in the directory `registry` across all processes.
 * ERR_NO_ROOM when all are taken. */
int uid_range_take(const char *registry, const struct uid_plan *plan, const char *owner,
                   struct uid_range *out, struct err *err) must_use;
/* Whether `first` is recorded as `owner`'s. */
bool uid_range_owned(const char *registry, uid_t first, const char *owner);
/* Gives it back, if it is `owner`'s. */
void uid_range_release(const char *registry, uid_t first, const char *owner);

#endif
