/* SPDX-License-Identifier: Apache-2.0 */
/* Starts python3 on the embedded runner and speaks its protocol (executor/runners/python.py). */
#include "executor/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "executor/launch.h"
#include "executor/runners.h"

enum { FDS_MAX = 8, ANSWER_LEN = 1 + sizeof(uint64_t) + sizeof(int) };

/* Read from the start whatever the name: a script's own text must not show in a list of processes. */
static const char bootstrap[] = "with open(4, 'rb') as f: s = f.read()\n"
                                "exec(compile(s, '<runner>', 'exec'))";

int zygote_script(const char *text, size_t len, struct err *err)
{
    cleanup_fd int fd = memfd_create("runner", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, text, len, 0) != (ssize_t)len)
        return err_internal(err, errno, "cannot write a runner script");
    return steal_fd(&fd);
}

/* The way to fork comes first, in the same file. */
static int python_script(struct err *err)
{
    cleanup_fd int fd = zygote_script(runner_clone, runner_clone_len, err);
    if (fd < 0 || pwrite(fd, runner_python, runner_python_len, (off_t)runner_clone_len) != (ssize_t)runner_python_len)
        return fd < 0 ? -1 : err_internal(err, errno, "cannot write a runner script");
    return steal_fd(&fd);
}

int zygote_start(struct zygote *zygote, const struct setup *setup, const struct confine *confine, struct err *err)
{
    static const char *const argv[] = { "python3", "-I", "-B", "-X", "utf8", "-c", bootstrap, NULL };
    static const char *const envp[] = { "PATH=" LAUNCH_PATH, "LANG=C.UTF-8", "LD_BIND_NOW=1", NULL };
    char path[LAUNCH_PATH_SIZE];
    int ends[2];
    if (!launch_find("python3", path))
        return err_set(err, ERR_NOT_FOUND, "The sandbox's image has no Python interpreter (python3).");
    cleanup_fd int script = python_script(err);
    if (script < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_internal(err, errno, "cannot make a socket pair");
    cleanup_fd int own = ends[0], theirs = ends[1];
    const struct launch spec = { .path = path, .argv = argv, .envp = envp, .directory = setup->workspace,
                                 .fds = { -1, -1, STDERR_FILENO, theirs, script }, .fd_count = 5,
                                 .confine = confine };
    pid_t pid = launch(&spec, err);
    if (pid < 0)
        return -1;
    if (fcntl(own, F_SETFL, O_NONBLOCK) != 0)
        return err_internal(err, errno, "fcntl");
    zygote->pid = pid;
    zygote->control = steal_fd(&own);
    return 0;
}

void zygote_stop(struct zygote *zygote)
{
    if (zygote->control >= 0)
        close(zygote->control);
    *zygote = (struct zygote){ .control = -1 };
}

int zygote_request(struct zygote *zygote, uint64_t number, const int *fds, size_t count, struct err *err)
{
    union {
        char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec data = { &number, sizeof(number) };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space,
                              .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    if (sendmsg(zygote->control, &message, MSG_NOSIGNAL) != (ssize_t)sizeof(number))
        return err_internal(err, errno, "the Python process takes no requests");
    return 0;
}

int zygote_receive(struct zygote *zygote, struct zygote_answer *out)
{
    char answer[64];
    ssize_t got = recv(zygote->control, answer, sizeof(answer), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    bool forked = got == ANSWER_LEN && answer[0] == 'P';
    if (!forked && !(got == 1 + (ssize_t)sizeof(uint64_t) && answer[0] == 'F'))
        return -1;
    int pid = 0;
    memcpy(&out->number, answer + 1, sizeof(out->number));
    if (forked)
        memcpy(&pid, answer + 1 + sizeof(out->number), sizeof(pid));
    out->pid = pid;
    return 1;
}
