/* SPDX-License-Identifier: Apache-2.0 */
/* waitid() to learn whose child it was, wait4() for its resource usage; /proc for who is left. */
#include "executor/reaper.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/util/cleanup.h"

bool reaper_run(int max, void (*on_exit)(void *arg, const struct reaped *child), void *arg)
{
    for (int i = 0; i < max; i++) {
        siginfo_t info = { 0 };
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return false;
        struct reaped child = { .pid = info.si_pid, .uid = info.si_uid };
        if (wait4(child.pid, &child.status, WNOHANG, &child.usage) == child.pid)
            on_exit(arg, &child);
    }
    return true;
}

/* Reads a small file of /proc; "" when the process is gone. */
static const char *read_proc(const char *path, char *buffer, size_t size)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, buffer, size - 1);
    buffer[got > 0 ? got : 0] = '\0';
    return buffer;
}

static long long status_number(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static bool has_uid(const char *pid, uid_t uid, char *status, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
    read_proc(path, status, size);
    return strstr(status, "\nUid:") && (uid_t)status_number(status, "\nUid:") == uid;
}

/* Every process, where the kernel does not list children (no CONFIG_PROC_CHILDREN). */
static bool scan_all(uid_t uid, long long *bytes)
{
    DIR *dir = opendir("/proc");
    char status[4096];
    bool found = false;
    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !has_uid(entry->d_name, uid, status, sizeof(status)))
            continue;
        found = true;
        if (bytes)
            *bytes += (status_number(status, "\nRssAnon:") + status_number(status, "\nRssShmem:")) * 1024;
    }
    closedir(dir);
    return found;
}

bool reaper_has(uid_t uid, bool (*skip)(void *arg, pid_t pid), void *arg)
{
    static char path[64]; /* our own pid does not change */
    char list[16384], status[4096];
    if (!path[0])
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    if (!*read_proc(path, list, sizeof(list)))
        return access(path, R_OK) != 0 && scan_all(uid, NULL);
    char *rest = NULL;
    for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest))
        if (!skip(arg, (pid_t)atoi(pid)) && has_uid(pid, uid, status, sizeof(status)))
            return true;
    return false;
}

long long reaper_memory(uid_t uid)
{
    long long bytes = 0;
    scan_all(uid, &bytes);
    return bytes;
}
