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

enum { REAP_INTERVAL_MS = 5, STATUS_FD = 3, LIFTED_FIRST = 32 };

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
        ? open(spawn->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)
        : fcntl(null_fd, F_DUPFD_CLOEXEC, 3);
    if (null_fd < 0 || log_fd < 0)
        return errno;
    if (dup2(null_fd, 0) < 0 || dup2(out_fd >= 0 ? out_fd : log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        return errno;
    return 0;
}

/* Moves the status pipe to 3 (exec closes it), what is kept to 4 and up, and closes the rest. */
static int sort_descriptors(const struct spawn *spawn, const int *keep, int status_fd)
{
    if (dup3(status_fd, STATUS_FD, O_CLOEXEC) < 0)
        return errno;
    for (unsigned i = 0; i < spawn->keep_count; i++)
        if (dup2(keep[i], SPAWN_KEEP_FIRST + (int)i) < 0)
            return errno;
    closefrom(SPAWN_KEEP_FIRST + (int)spawn->keep_count);
    return 0;
}

/* Lifts a descriptor out of the low numbers that are about to be overwritten. */
static int lift(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, LIFTED_FIRST);
}

/* In the child: everything up to exec. Returns only when that failed, with an errno. */
static int become(const struct spawn *spawn, int out_fd, int *status_fd)
{
    int keep[SPAWN_KEEP_MAX];
    reset_signals();
    *status_fd = lift(*status_fd);
    out_fd = out_fd >= 0 ? lift(out_fd) : -1;
    for (unsigned i = 0; i < spawn->keep_count; i++)
        keep[i] = lift(spawn->keep[i]);
    if (spawn->detached && setsid() < 0)
        return errno;
    int failed = set_descriptors(spawn, out_fd);
    if (failed == 0)
        failed = sort_descriptors(spawn, keep, *status_fd);
    if (failed != 0)
        return failed;
    *status_fd = STATUS_FD;
    if (spawn->prepare) {
        failed = spawn->prepare(spawn->arg);
        if (failed != 0)
            return failed;
    }
    const char *const *envp = spawn->envp ? spawn->envp : default_environment;
    execvpe(spawn->argv[0], (char *const *)spawn->argv, (char *const *)envp);
    return errno;
}

/* What travels through the status pipe; a pipe that just closes is success. */
struct report {
    pid_t pid;
    int failed; /* an errno, or 0 */
};

static void send_report(int fd, pid_t pid, int failed)
{
    struct report report = { .pid = pid, .failed = failed };
    ssize_t sent = write(fd, &report, sizeof(report));
    (void)sent; /* nobody is left to be told */
}

/* The forked process' whole life. */
static void run_child(const struct spawn *spawn, int out_fd, int status_fd)
{
    pid_t pid = spawn->detached ? fork() : 0;
    if (pid > 0)
        _exit(0);
    if (pid == 0 && spawn->detached)
        send_report(status_fd, getpid(), 0);
    int failed = pid < 0 ? errno : become(spawn, out_fd, &status_fd);
    send_report(status_fd, 0, failed);
    _exit(127);
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Waits until the child has become its program, or says why it could not. A detached one reports its id first. */
static int await_exec(const struct spawn *spawn, int status_fd, pid_t *pid, struct err *err)
{
    struct report report;
    for (;;) {
        ssize_t got = read(status_fd, &report, sizeof(report));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return 0;
        if (got != sizeof(report) || report.failed != 0)
            return err_internal(err, got < 0 ? errno : report.failed, "cannot start %s", spawn->argv[0]);
        *pid = report.pid;
    }
}

static int start(const struct spawn *spawn, int out_fd, pid_t *pid_out, struct err *err)
{
    int ends[2];
    if (spawn->keep_count > SPAWN_KEEP_MAX)
        return err_internal(err, 0, "too many descriptors for %s", spawn->argv[0]);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_internal(err, errno, "cannot make a pipe for %s", spawn->argv[0]);
    cleanup_fd int reader = ends[0];
    cleanup_fd int writer = ends[1];
    /* no handler of ours may run in the child before it has reset them */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        run_child(spawn, out_fd, writer);
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0)
        return err_internal(err, failed, "cannot fork for %s", spawn->argv[0]);
    close(steal_fd(&writer));
    pid_t pid = child;
    int status = await_exec(spawn, reader, &pid, err);
    if (spawn->detached || status != 0)
        reap(child);
    if (status == 0)
        *pid_out = pid;
    return status;
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
    reap(pid);
    if (end == 2)
        return err_set(err, ERR_TOO_LARGE, "%s wrote more than %zu bytes.", spawn->argv[0], out->max);
    return err_set(err, ERR_TIMEOUT, "%s did not end within %lld ms.", spawn->argv[0], (long long)timeout_ms);
}
