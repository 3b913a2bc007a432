/* SPDX-License-Identifier: Apache-2.0 */
/* Between fork and exec of a sandbox: async-signal-safe calls only. From here on the sandbox needs nobody: whatever
 * becomes of the job that forked it, it is on record before it is anything else. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/runtime/process.h"

static int write_all(int directory, const char *path, int flags, const char *text)
{
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, text, strlen(text));
    int failed = written < 0 ? errno : written == (ssize_t)strlen(text) ? 0 : ENOSPC;
    close(fd);
    return failed;
}

/* "pid starttime": the same pair is never given to another process. Appears whole or not at all, and not where
 * process_kill() was faster and has put its own mark there. */
static int record_self(void)
{
    char stat_text[1024], record[64];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, stat_text, sizeof(stat_text) - 1) : -1;
    if (got < 0)
        return errno;
    close(fd);
    stat_text[got] = '\0';
    /* the name, in parentheses, may hold anything; field 22 is the 20th after it */
    const char *at = strrchr(stat_text, ')');
    for (int i = 0; at && i < 20; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return EPROTO;
    snprintf(record, sizeof(record), "%d %.*s\n", (int)getpid(), (int)strcspn(at + 1, " "), at + 1);
    int failed = write_all(PROCESS_ROOM_FD, PROCESS_RECORD_PID ".new", O_CREAT | O_EXCL | O_NOFOLLOW, record);
    if (failed != 0)
        return failed;
    return linkat(PROCESS_ROOM_FD, PROCESS_RECORD_PID ".new", PROCESS_ROOM_FD, PROCESS_RECORD_PID, 0) == 0 ? 0 : errno;
}

static int join_cgroups(const struct process_launch *launch)
{
    for (size_t i = 0; i < launch->door_count; i++) {
        int failed = write_all(AT_FDCWD, launch->doors[i], 0, "0");
        if (failed != 0)
            return failed;
    }
    return 0;
}

/* The map can only be written from outside the namespace. */
static int write_maps(pid_t pid, const struct uid_range *range)
{
    char path[64], map[64];
    snprintf(map, sizeof(map), "0 %u %lld\n", (unsigned)range->first, (long long)range->width);
    snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
    int failed = write_all(AT_FDCWD, path, 0, map);
    snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
    return failed != 0 ? failed : write_all(AT_FDCWD, path, 0, map);
}

static int await_helper(pid_t helper)
{
    int status;
    while (waitpid(helper, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPROTO;
}

/* Whoever makes a user namespace owns it, and pays for what is used in it from his share: there are 128 inotify instances a user on many
 * machines, and all sandboxes would be root's. So it is made by the id that is root in there, which belongs to this sandbox alone. It keeps its
 * capabilities meanwhile: machines may refuse namespaces to who has none. Where that cannot be, root remains the owner. */
static int become_owner(const struct uid_range *range)
{
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0)
        return 0;
    return setresuid((uid_t)-1, range->first, (uid_t)-1) == 0 ? 0 : errno;
}

/* A user namespace in which this process is root, and on the host nobody. */
static int enter_user_namespace(const struct process_launch *launch)
{
    int ready[2];
    pid_t self = getpid();
    if (pipe2(ready, O_CLOEXEC) != 0)
        return errno;
    pid_t helper = _Fork();
    if (helper < 0)
        return errno;
    if (helper == 0) {
        char byte;
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? write_maps(self, &launch->range) : EPIPE);
    }
    close(ready[0]);
    int failed = become_owner(&launch->range);
    if (failed == 0 && (unshare(CLONE_NEWUSER) != 0 || write(ready[1], "", 1) != 1))
        failed = errno;
    close(ready[1]); /* without its byte the helper ends too */
    int helped = await_helper(helper);
    if (failed != 0 || helped != 0)
        return failed != 0 ? failed : helped;
    if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return errno;
    /* a second wall: where /proc/sys is read-only, the executor's seccomp filter stands alone */
    write_all(AT_FDCWD, "/proc/sys/user/max_user_namespaces", 0, "0");
    return 0;
}

/* Root of the host with nothing left but what an executor needs. */
static int keep_three_capabilities(void)
{
    const unsigned kept = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { .effective = kept, .permitted = kept }, { 0 } };
    for (int cap = 0; cap < 64; cap++)
        if ((cap > 31 || !(kept & 1u << cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
            return errno;
    if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0)
        return errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || syscall(SYS_capset, &header, data) != 0)
        return errno;
    return 0;
}

int process_become(void *arg)
{
    const struct process_launch *launch = arg;
    umask(022);
    int failed = record_self();
    if (failed == 0)
        failed = join_cgroups(launch);
    if (failed != 0)
        return failed;
    close(PROCESS_ROOM_FD);
    return launch->namespaces ? enter_user_namespace(launch) : keep_three_capabilities();
}
