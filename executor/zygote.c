/* SPDX-License-Identifier: Apache-2.0 */
/* Starts python3 on the embedded runner and speaks its protocol (executor/runners/python.py). */
#include "executor/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "executor/launch.h"
#include "executor/runners.h"
#include "lib/model/preload.h"

enum { FDS_MAX = 8, FORKED_LEN = 1 + sizeof(uint64_t) + sizeof(int), FAILED_LEN = 1 + sizeof(uint64_t), WARM_LEN = 1 + sizeof(int) };
enum { OWN_ARGUMENTS = 7, IDS = 2 };

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

/* One program, in one file: how to fork, what to import ahead, and the rest. */
static int python_script(bool preload, struct err *err)
{
    const struct {
        const char *text;
        size_t len;
    } parts[] = { { runner_clone, runner_clone_len }, { runner_preload, preload ? runner_preload_len : 0 }, { runner_python, runner_python_len } };
    cleanup_fd int fd = zygote_script("", 0, err);
    off_t at = 0;
    for (size_t i = 0; fd >= 0 && i < sizeof(parts) / sizeof(parts[0]); at += (off_t)parts[i++].len)
        if (pwrite(fd, parts[i].text, parts[i].len, at) != (ssize_t)parts[i].len)
            return err_internal(err, errno, "cannot write a runner script");
    return fd < 0 ? -1 : steal_fd(&fd);
}

/* The command: with modules, who the sandbox's users are, and the modules. */
struct command {
    const char *argv[OWN_ARGUMENTS + IDS + PRELOAD_MODULES_MAX + 1];
    char ids[IDS][16];
};

static void make_command(struct command *command, const struct setup *setup, bool preload)
{
    static const char *const own[OWN_ARGUMENTS] = { "python3", "-I", "-B", "-X", "utf8", "-c", bootstrap };
    *command = (struct command){ 0 };
    memcpy(command->argv, own, sizeof(own));
    if (!preload)
        return;
    snprintf(command->ids[0], sizeof(command->ids[0]), "%u", setup->uid);
    snprintf(command->ids[1], sizeof(command->ids[1]), "%u", setup->gid);
    const char **next = command->argv + OWN_ARGUMENTS;
    for (int i = 0; i < IDS; i++)
        *next++ = command->ids[i];
    for (const char *name = setup->preload; *name; name += strlen(name) + 1)
        *next++ = name;
}

int zygote_start(struct zygote *zygote, const struct setup *setup, bool preload, const struct confine *confine, struct err *err)
{
    struct command command;
    static const char *const envp[] = { "PATH=" LAUNCH_PATH, "LANG=C.UTF-8", "LD_BIND_NOW=1", NULL };
    char path[LAUNCH_PATH_SIZE];
    int ends[2];
    if (!launch_find("python3", path))
        return err_set(err, ERR_NOT_FOUND, "The sandbox's image has no Python interpreter (python3).");
    cleanup_fd int script = python_script(preload, err);
    if (script < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_internal(err, errno, "cannot make a socket pair");
    cleanup_fd int own = ends[0], theirs = ends[1];
    make_command(&command, setup, preload);
    const struct launch spec = { .path = path, .argv = command.argv, .envp = envp, .directory = setup->workspace,
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

static bool parse_forked(const char *message, size_t len, struct zygote_answer *out)
{
    int pid = 0;
    bool forked = len == FORKED_LEN && message[0] == 'P';
    if (!forked && !(len == FAILED_LEN && message[0] == 'F'))
        return false;
    memcpy(&out->number, message + 1, sizeof(out->number));
    if (forked)
        memcpy(&pid, message + FAILED_LEN, sizeof(pid));
    out->word = ZYGOTE_FORKED;
    out->pid = pid;
    return true;
}

static bool parse_warm(const char *message, size_t len, struct zygote_answer *out)
{
    int pid = 0;
    if (len != WARM_LEN || message[0] != 'W')
        return false;
    memcpy(&pid, message + 1, sizeof(pid));
    out->word = ZYGOTE_WARM;
    out->pid = pid;
    return pid > 0;
}

/* A name, a NUL, and why. */
static bool parse_left_out(const char *message, size_t len, struct zygote_answer *out)
{
    if (len < 2 || len > sizeof(out->text) || message[0] != 'L')
        return false;
    memcpy(out->text, message + 1, len - 1);
    out->text[len - 1] = '\0';
    out->word = ZYGOTE_LEFT_OUT;
    out->module = out->text;
    out->reason = out->text + strlen(out->text);
    if (out->reason < out->text + len - 1)
        out->reason++;
    return true;
}

int zygote_receive(struct zygote *zygote, struct zygote_answer *out)
{
    char message[ZYGOTE_TEXT_SIZE];
    ssize_t got = recv(zygote->control, message, sizeof(message), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return -1;
    size_t len = (size_t)got;
    return parse_forked(message, len, out) || parse_warm(message, len, out) || parse_left_out(message, len, out) ? 1 : -1;
}
