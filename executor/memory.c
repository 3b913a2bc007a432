/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the cgroup's files, of either version, at the place /proc/self/cgroup names or at the mount's root. */
#include "executor/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "lib/util/cleanup.h"

static const struct version {
    const char *mount, *events, *limit;
    const char *line; /* what stands before the path in /proc/self/cgroup, after the hierarchy's number */
} versions[] = {
    { "/sys/fs/cgroup/memory", "memory.oom_control", "memory.limit_in_bytes", ":memory:" },
    { "/sys/fs/cgroup", "memory.events", "memory.max", "::" },
};

static size_t read_small(const char *path, char *buffer, size_t size)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, buffer, size - 1);
    buffer[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* Our path in the hierarchy, or "". */
static void own_path(const struct version *version, char *out, size_t size)
{
    char text[4096];
    read_small("/proc/self/cgroup", text, sizeof(text));
    const char *at = strstr(text, version->line);
    const char *path = at ? at + strlen(version->line) : "";
    snprintf(out, size, "%.*s", (int)strcspn(path, "\n"), path);
}

static bool is_limit(const char *text)
{
    struct sysinfo info;
    if (text[0] < '0' || text[0] > '9' || sysinfo(&info) != 0)
        return false; /* "max" */
    return strtoull(text, NULL, 10) < (unsigned long long)info.totalram * info.mem_unit;
}

static bool try_directory(struct memory *memory, const struct version *version, const char *sub)
{
    char path[4400], text[64];
    snprintf(path, sizeof(path), "%s%s/%s", version->mount, sub, version->events);
    memory->events = open(path, O_RDONLY | O_CLOEXEC);
    if (memory->events < 0)
        return false;
    snprintf(path, sizeof(path), "%s%s/%s", version->mount, sub, version->limit);
    read_small(path, text, sizeof(text));
    memory->limited = is_limit(text);
    return true;
}

void memory_init(struct memory *memory)
{
    *memory = (struct memory){ .events = -1 };
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        char sub[4200];
        own_path(&versions[i], sub, sizeof(sub));
        if (try_directory(memory, &versions[i], sub) || try_directory(memory, &versions[i], ""))
            return;
    }
}

void memory_release(struct memory *memory)
{
    if (memory->events >= 0)
        close(memory->events);
    memory->events = -1;
}

int64_t memory_kills(const struct memory *memory)
{
    char text[512];
    ssize_t got = memory->events < 0 ? -1 : pread(memory->events, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    for (const char *at = text; (at = strstr(at, "oom_kill ")); at++)
        if (at == text || at[-1] == '\n')
            return strtoll(at + strlen("oom_kill "), NULL, 10);
    return 0;
}
