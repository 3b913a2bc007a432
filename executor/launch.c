/* SPDX-License-Identifier: Apache-2.0 */
/* vfork() and exec() with chosen descriptors and nothing else inherited. Between them the child has our memory: it makes system calls
 * and writes to its own stack, no more. Copying our page tables would take longer than all that it does. */
#include "executor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { FAILED = 126 };

static void fail(const char *what) __attribute__((noreturn));
static void fail(const char *what)
{
    const char *why = strerrordesc_np(errno);
    ssize_t ignored = write(STDERR_FILENO, what, strlen(what));
    ignored = write(STDERR_FILENO, ": ", 2);
    ignored = write(STDERR_FILENO, why ? why : "?", why ? strlen(why) : 1);
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    _exit(FAILED);
}

/* Moves every descriptor out of the way first, so that none is overwritten before it is copied. */
static void place_descriptors(const struct launch *launch)
{
    int moved[LAUNCH_FDS_MAX];
    for (int i = 0; i < launch->fd_count; i++) {
        int fd = launch->fds[i] >= 0 ? launch->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        moved[i] = fcntl(fd, F_DUPFD_CLOEXEC, LAUNCH_FDS_MAX);
        if (moved[i] < 0)
            fail("cannot copy a descriptor");
    }
    for (int i = 0; i < launch->fd_count; i++)
        if (dup2(moved[i], i) < 0)
            fail("cannot place a descriptor");
}

/* close_range() is newer than some kernels: marking is left to O_CLOEXEC there, which everything of ours carries. */
static void close_others(const struct launch *launch)
{
    (void)syscall(SYS_close_range, (unsigned)launch->fd_count, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

/* First the dispositions, as one to ignore would survive exec, and a handler would run in our memory; then nothing is blocked any more. */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_user(const struct launch *launch)
{
    if (setgroups(0, NULL) != 0 && errno != EPERM)
        fail("cannot drop groups");
    if (setresgid(launch->gid, launch->gid, launch->gid) != 0 ||
        setresuid(launch->uid, launch->uid, launch->uid) != 0)
        fail("cannot become the sandbox's user");
}

static void child(const struct launch *launch) __attribute__((noreturn));
static void child(const struct launch *launch)
{
    place_descriptors(launch);
    close_others(launch);
    reset_signals();
    (void)setsid();
    (void)umask(0002);
    if (launch->limits && limits_apply(launch->limits, 0) != 0)
        fail("cannot set resource limits");
    /* Landlock's ruleset and /proc are out of reach afterwards, so this comes before the user changes */
    if (confine_apply(launch->confine) != 0)
        fail("cannot confine the process");
    if (launch->uid != 0)
        become_user(launch);
    if (chdir(launch->directory) != 0)
        fail("cannot enter the workspace");
    execve(launch->path, (char *const *)launch->argv, (char *const *)launch->envp);
    fail(launch->path);
}

pid_t launch(const struct launch *launch, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork(); /* we wait until it has become the program, or ended */
    if (pid == 0)
        child(launch);
    int errnum = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        err_set(err, ERR_UNAVAILABLE, "The sandbox cannot start another process (%s).", strerror(errnum));
    }
    return pid;
}

bool launch_find(const char *name, char out[LAUNCH_PATH_SIZE])
{
    for (const char *at = LAUNCH_PATH; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        snprintf(out, LAUNCH_PATH_SIZE, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (access(out, X_OK) == 0)
            return true;
    }
    out[0] = '\0';
    return false;
}
