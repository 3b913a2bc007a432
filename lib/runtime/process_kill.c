/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and kills all that belongs to a container: by its recorded process, its cgroup and its user ids, each of which
 * may be missing when a creation was cut short. */
#include "config.h"

#include "lib/runtime/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/util/clock.h"
#include "lib/wire/environment.h"

enum {
    KILL_LIMIT_MS = 10000,
    KILL_PAUSE_MS = 2,
    PATIENT_ROUNDS = 50, /* of killing one by one, before whole user ids are killed at once: who dies needs some of them; then again as many */
    TEXT_SIZE = 2048,
};

bool process_read_range(int room, struct uid_range *out)
{
    char text[96];
    unsigned first, slot;
    long long width;
    if (room_read(room, PROCESS_RECORD_RANGE, text, sizeof(text)) < 0 ||
        sscanf(text, "%u %lld %u", &first, &width, &slot) != 3)
        return false;
    *out = (struct uid_range){ .first = first, .width = width, .slot = slot };
    return true;
}

static bool read_proc(const char *pid, const char *name, char out[TEXT_SIZE])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, TEXT_SIZE - 1) : -1;
    if (got <= 0)
        return false;
    out[got] = '\0';
    return true;
}

/* The recorded process' id if it lives, else 0. */
static pid_t recorded_pid(int room)
{
    char record[64], name[24], text[TEXT_SIZE];
    int pid;
    unsigned long long recorded, started;
    char state;
    if (room < 0 || room_read(room, PROCESS_RECORD_PID, record, sizeof(record)) < 0 ||
        sscanf(record, "%d %llu", &pid, &recorded) != 2 || pid <= 1)
        return 0;
    snprintf(name, sizeof(name), "%d", pid);
    const char *after = read_proc(name, "stat", text) ? strrchr(text, ')') : NULL;
    if (!after || sscanf(after + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                         &state, &started) != 2)
        return 0;
    return started == recorded && !strchr("ZXx", state) ? pid : 0;
}

bool process_alive(int room)
{
    return recorded_pid(room) != 0;
}

/* Whether a process, by the text of its status, lives under one of the range's ids. */
static bool in_range(const char *status, const struct uid_range *range)
{
    unsigned ids[4];
    const char *state = strstr(status, "\nState:\t"), *line = strstr(status, "\nUid:\t");
    if (!state || strchr("ZX", state[8]) || !line ||
        sscanf(line + 6, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (ids[i] >= range->first && ids[i] - range->first < range->width)
            return true;
    return false;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* Kills whatever runs under the range's ids; how many there were, or -1. */
static int kill_range(const struct uid_range *range)
{
    cleanup(close_directory) DIR *proc = opendir("/proc");
    char status[TEXT_SIZE];
    int found = 0;
    if (!proc)
        return -1;
    for (struct dirent *entry; (entry = readdir(proc));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !read_proc(entry->d_name, "status", status) ||
            !in_range(status, range))
            continue;
        found++;
        kill((pid_t)atoi(entry->d_name), SIGKILL);
    }
    return found;
}

/* As that user, kill(-1) reaches all of its processes in one step: no fork bomb is faster. */
static void kill_user(uid_t uid)
{
    pid_t pid = _Fork();
    if (pid == 0) {
        if (setresuid(uid, uid, uid) == 0)
            kill(-1, SIGKILL);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void kill_users(const struct uid_range *range)
{
    kill_user(range->first);
    for (int i = 0; i < EXECUTOR_SLOTS; i++)
        kill_user(range->slot + (uid_t)i);
}

int process_kill(const struct process_runtime *runtime, const char *group, const char *path, int room, struct err *err)
{
    struct uid_range range;
    /* after a reboot the ids on record may be another container's by now */
    bool has_range =
        room >= 0 && process_read_range(room, &range) && uid_range_owned(PROCESS_REGISTRY, range.first, path);
    /* a child joins it after it is on record, and before it is anything else: then record and cgroup know all of them */
    bool complete = cgroup_exists(&runtime->cgroup, group);
    int64_t deadline_ms = clock_mono_ms() + KILL_LIMIT_MS;
    /* a child that is not on record yet finds the place taken and ends */
    struct err recorded = ERR_INIT;
    if (room >= 0 && room_write(room, PROCESS_RECORD_PID, "0 0\n", &recorded) == 0)
        room = -1;
    for (int round = 0; clock_mono_ms() < deadline_ms; round++) {
        pid_t pid = recorded_pid(room);
        if (pid > 0)
            kill(pid, SIGKILL);
        if (has_range && round % PATIENT_ROUNDS == PATIENT_ROUNDS - 1)
            kill_users(&range);
        size_t grouped = cgroup_kill(&runtime->cgroup, group);
        /* all of /proc is dear: it is searched where there is no cgroup (any more), once those on record are gone */
        bool search = has_range && !complete && pid == 0 && grouped == 0;
        int ranged = search ? kill_range(&range) : 0;
        if (ranged < 0)
            return err_internal(err, errno, "cannot look into /proc");
        if (pid == 0 && grouped == 0 && ranged == 0)
            return 0;
        poll(NULL, 0, KILL_PAUSE_MS);
    }
    return err_internal(err, 0, "processes of %s could not be killed", path);
}
