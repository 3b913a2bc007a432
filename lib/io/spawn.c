/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes by fork and exec; a close-on-exec pipe carries a failure before exec back to the caller. */
#include "config.h"

#include "lib/io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/util/clock.h"

enum { REAP_INTERVAL_MS = 5 };

static const char *const default_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL
};

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* those that cannot be changed say so: nothing to do */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* stdin from /dev/null; stdout to `out_fd` (or the log), stderr to the log. */
static int set_descriptors(const struct spawn *spawn, int out_fd)
{
    cleanup_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    cleanup_fd int log_fd = spawn->log_path
        ? open(spawn->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)
        : fcntl(null_fd, F_DUPFD_CLOEXEC, 3);
    if (null_fd < 0 || log_fd < 0)
        return errno;
    if (dup2(null_fd, 0) < 0 || dup2(out_fd >= 0 ? out_fd : log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        return errno;
    return 0;
}

/* In the child: everything up to exec. Returns only when that failed, with an errno. */
static int become(const struct spawn *spawn, int out_fd, int status_fd)
{
    reset_signals();
    if (spawn->detached && setsid() < 0)
        return errno;
    int failed = set_descriptors(spawn, out_fd);
    if (failed != 0)
        return failed;
    /* everything but the three and the status pipe, which exec closes */
    if (dup3(status_fd, 3, O_CLOEXEC) < 0)
        return errno;
    closefrom(4);
    if (spawn->prepare) {
        failed = spawn->prepare(spawn->arg);
        if (failed != 0)
            return failed;
    }
    const char *const *envp = spawn->envp ? spawn->envp : default_environment;
    execvpe(spawn->argv[0], (char *const *)spawn->argv, (char *const *)envp);
    return errno;
}

/* Waits until the child has become its program, or says why it could not. */
static int await_exec(const struct spawn *spawn, pid_t pid, int status_fd, struct err *err)
{
    int failed = 0;
    ssize_t got;
    do
        got = read(status_fd, &failed, sizeof(failed));
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return err_internal(err, got == sizeof(failed) ? failed : errno, "cannot start %s", spawn->argv[0]);
}

static int start(const struct spawn *spawn, int out_fd, pid_t *pid_out, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_internal(err, errno, "cannot make a pipe for %s", spawn->argv[0]);
    cleanup_fd int reader = ends[0];
    cleanup_fd int writer = ends[1];
    /* no handler of ours may run in the child before it has reset them */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        /* out of the low numbers, which set_descriptors() overwrites */
        int status_fd = fcntl(writer, F_DUPFD_CLOEXEC, 10);
        int high_out = out_fd >= 0 ? fcntl(out_fd, F_DUPFD_CLOEXEC, 10) : -1;
        int failed = become(spawn, high_out, status_fd);
        /* 3 if it got that far */
        if (write(status_fd, &failed, sizeof(failed)) < 0 && write(3, &failed, sizeof(failed)) < 0)
            _exit(126);
        _exit(127);
    }
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return err_internal(err, failed, "cannot fork for %s", spawn->argv[0]);
    close(steal_fd(&writer));
    if (await_exec(spawn, pid, reader, err) != 0)
        return -1;
    *pid_out = pid;
    return 0;
}

int spawn_start(const struct spawn *spawn, pid_t *pid_out, struct err *err)
{
    return start(spawn, -1, pid_out, err);
}

/* Reads to the end of `fd` or the deadline. 0 at the end, 1 at the deadline, 2 when `out` is full. */
static int drain(int fd, int64_t deadline_ms, struct strbuf *out)
{
    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        struct pollfd waiting = { .fd = fd, .events = POLLIN };
        if (left <= 0)
            return 1;
        if (poll(&waiting, 1, left > INT32_MAX ? INT32_MAX : (int)left) <= 0)
            continue;
        char part[4096];
        ssize_t got = read(fd, part, sizeof(part));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        strbuf_add(out, part, (size_t)got);
        if (!strbuf_ok(out))
            return 2;
    }
}

/* The child's wait status by the deadline; false when it still runs then. */
static bool await_end(pid_t pid, int64_t deadline_ms, int *status_out)
{
    for (;;) {
        pid_t ended = waitpid(pid, status_out, WNOHANG);
        if (ended == pid || (ended < 0 && errno == ECHILD))
            return true;
        if (clock_mono_ms() >= deadline_ms)
            return false;
        poll(NULL, 0, REAP_INTERVAL_MS);
    }
}

int spawn_collect(const struct spawn *spawn, int64_t timeout_ms, struct strbuf *out, int *exit_out,
                  struct err *err)
{
    int ends[2];
    pid_t pid;
    int status = 0;
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_internal(err, errno, "cannot make a pipe for %s", spawn->argv[0]);
    cleanup_fd int reader = ends[0];
    cleanup_fd int writer = ends[1];
    if (start(spawn, writer, &pid, err) != 0)
        return -1;
    close(steal_fd(&writer));
    int end = drain(reader, deadline_ms, out);
    if (end == 0 && await_end(pid, deadline_ms, &status)) {
        *exit_out = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return 0;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (end == 2)
        return err_set(err, ERR_TOO_LARGE, "%s wrote more than %zu bytes.", spawn->argv[0], out->max);
    return err_set(err, ERR_TIMEOUT, "%s did not end within %lld ms.", spawn->argv[0], (long long)timeout_ms);
}
