/* SPDX-License-Identifier: Apache-2.0 */
/* A registry of symbolic links, "<first uid>" -> room: made in one step, stale as soon as the room is gone. */
#include "lib/runtime/uid_range.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
    WIDE = 65536, /* a whole user namespace */
    WIDE_SLOT = 1000,
    WIDE_COUNT = 4094, /* up to where the machine's unused ids end */
    NARROW = 64,
    NARROW_SLOT = 32,
    NARROW_BASE = 20480,
    NARROW_COUNT = 512,
    LINK_SIZE = 256,
};

/* Whether one line of `uid_map` covers first .. first + count - 1 of this namespace's ids. */
static bool map_covers(const char *uid_map, int64_t first, int64_t count)
{
    for (const char *line = uid_map; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        int64_t inside, outside, length;
        if (sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64, &inside, &outside, &length) == 3 &&
            inside <= first && first + count <= inside + length)
            return true;
    }
    return false;
}

void uid_plan_make(int64_t base, const char *uid_map, struct uid_plan *out)
{
    *out = (struct uid_plan){ .base = base, .width = WIDE, .slot = WIDE_SLOT, .count = WIDE_COUNT };
    while (out->count > 0 && !map_covers(uid_map, base, out->count * WIDE))
        out->count /= 2;
    if (out->count < 64)
        *out = (struct uid_plan){
            .base = NARROW_BASE, .width = NARROW, .slot = NARROW_SLOT, .count = NARROW_COUNT
        };
}

struct uid_range uid_plan_range(const struct uid_plan *plan, int64_t number)
{
    int64_t first = plan->base + number * plan->width;
    return (struct uid_range){ .first = (uid_t)first, .width = plan->width, .slot = (uid_t)(first + plan->slot) };
}

static void link_path(const char *registry, uid_t first, char out[LINK_SIZE])
{
    snprintf(out, LINK_SIZE, "%s/%u", registry, (unsigned)first);
}

static bool read_owner(const char *link, char out[LINK_SIZE])
{
    ssize_t len = readlink(link, out, LINK_SIZE - 1);
    if (len < 0)
        return false;
    out[len] = '\0';
    return true;
}

/* Removes the record of a room that is gone; under the lock. True when the range is free. */
static bool reclaim(const char *link)
{
    char owner[LINK_SIZE];
    struct stat unused;
    if (!read_owner(link, owner))
        return errno == ENOENT;
    if (lstat(owner, &unused) == 0 || errno != ENOENT)
        return false;
    return unlink(link) == 0;
}

static int lock_registry(const char *registry, struct err *err)
{
    if (mkdir(registry, 0700) != 0 && errno != EEXIST)
        return err_internal(err, errno, "cannot make %s", registry);
    cleanup_fd int fd = open(registry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_internal(err, errno, "cannot lock %s", registry);
    if (fd < 0)
        return err_internal(err, errno, "cannot open %s", registry);
    return steal_fd(&fd);
}

/* Where the search for a free range begins: elsewhere for each owner (FNV-1a), so that it is short however many are taken, and that ids
 * given back rest for a while. */
static int64_t first_try(const struct uid_plan *plan, const char *owner)
{
    uint32_t hash = 2166136261u;
    for (const char *at = owner; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return plan->count > 0 ? hash % plan->count : 0;
}

int uid_range_take(const char *registry, const struct uid_plan *plan, const char *owner,
                   struct uid_range *out, struct err *err)
{
    char link[LINK_SIZE];
    cleanup_fd int lock = lock_registry(registry, err);
    if (lock < 0)
        return -1;
    int64_t first = first_try(plan, owner);
    for (int64_t tries = 0; tries < plan->count; tries++) {
        struct uid_range range = uid_plan_range(plan, (first + tries) % plan->count);
        link_path(registry, range.first, link);
        bool taken = symlink(owner, link) == 0;
        if (!taken && errno != EEXIST)
            return err_internal(err, errno, "cannot record a uid range in %s", registry);
        if (taken || (reclaim(link) && symlink(owner, link) == 0)) {
            *out = range;
            return 0;
        }
    }
    return err_set(err, ERR_NO_ROOM, "The node has no free user ids for another sandbox.");
}

bool uid_range_owned(const char *registry, uid_t first, const char *owner)
{
    char link[LINK_SIZE], recorded[LINK_SIZE];
    link_path(registry, first, link);
    return read_owner(link, recorded) && strcmp(recorded, owner) == 0;
}

void uid_range_release(const char *registry, uid_t first, const char *owner)
{
    char link[LINK_SIZE];
    struct err ignored = ERR_INIT;
    cleanup_fd int lock = lock_registry(registry, &ignored);
    link_path(registry, first, link);
    if (lock >= 0 && uid_range_owned(registry, first, owner))
        unlink(link);
}
