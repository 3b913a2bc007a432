/* SPDX-License-Identifier: Apache-2.0 */
/* Applies seccomp, Landlock, capabilities and resource limits to a process that is about to run an interpreter. */
#include "executor/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "executor/landlock.h"
#include "executor/syscalls.h"

enum { OPEN_FILES = 4096, MIB = 1024 * 1024 };

int confine_init(const struct setup *setup, struct confine *out, struct err *err)
{
    struct confine confine = { .landlock = -1 };
    if (syscalls_filter(setup->network, &confine.filter, err) != 0)
        return -1;
    if (setup->landlock && landlock_ruleset(setup->workspace, setup->tmp, &confine.landlock, err) != 0) {
        confine_release(&confine);
        return -1;
    }
    *out = confine;
    return 0;
}

void confine_release(struct confine *confine)
{
    free(confine->filter.filter);
    if (confine->landlock >= 0)
        close(confine->landlock);
    *confine = (struct confine){ .landlock = -1 };
}

/* With no_new_privs, an exec by root does not bring back what is given up here. */
static int keep_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (syscall(SYS_capget, &header, data) != 0)
        return -1;
    data[0].permitted &= (1u << CAP_SETUID) | (1u << CAP_SETGID);
    data[0].effective = data[0].permitted;
    data[1].permitted = data[1].effective = 0;
    data[0].inheritable = data[1].inheritable = 0;
    return (int)syscall(SYS_capset, &header, data);
}

/* The kernel should end user code before it ends the executor. Not every /proc can be written. */
static void offer_to_oom_killer(void)
{
    /* in a user namespace, what is not dumpable belongs to a root that we are not */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, "1000", 4);
    (void)ignored;
    close(fd);
}

int confine_apply(const struct confine *confine)
{
    const struct rlimit core = { 0, 0 }, files = { OPEN_FILES, OPEN_FILES };
    offer_to_oom_killer();
    if (setrlimit(RLIMIT_CORE, &core) != 0)
        return -1;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 && errno != EPERM) /* EPERM: the container's own limit is lower */
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || keep_capabilities() != 0)
        return -1;
    if (confine->landlock >= 0 && landlock_apply(confine->landlock) != 0)
        return -1;
    return syscalls_apply(&confine->filter);
}

static int64_t first(int64_t wanted, int64_t otherwise)
{
    return wanted > 0 ? wanted : otherwise;
}

static rlim_t mebibytes(int64_t count)
{
    return count > 0 ? (rlim_t)count * MIB : RLIM_INFINITY;
}

void limits_init(struct limits *limits, const struct setup *setup, const struct wire_execute *request, int own_memory)
{
    int64_t memory = first(request->memory_mb, setup->memory_mb);
    int64_t disk = first(request->disk_mb, setup->disk_mb);
    int64_t nproc = setup->nproc;
    if (request->max_processes > 0 && nproc > request->max_processes)
        nproc = request->max_processes;
    limits->data = own_memory ? mebibytes(memory) : RLIM_INFINITY;
    limits->file = mebibytes(disk);
    limits->nproc = nproc > 0 ? (rlim_t)nproc : RLIM_INFINITY;
}

int limits_apply(const struct limits *limits, pid_t pid)
{
    const struct {
        int resource;
        rlim_t value;
    } rows[] = { { RLIMIT_DATA, limits->data }, { RLIMIT_FSIZE, limits->file }, { RLIMIT_NPROC, limits->nproc } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rlimit limit = { rows[i].value, rows[i].value };
        if (rows[i].value != RLIM_INFINITY && prlimit(pid, (unsigned)rows[i].resource, &limit, NULL) != 0)
            return -1;
    }
    return 0;
}
