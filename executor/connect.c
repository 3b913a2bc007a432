/* SPDX-License-Identifier: Apache-2.0 */
/* Two pumps between three descriptors. */
#include "executor/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE = 65536,
    START_MS = 1000,  /* for a container that has just been started */
    START_POLL_MS = 5,
    REST_MS = 10000, /* after the end of the input, for what is still to come */
};
#define USUAL "unix:/run/sandbox/executor.sock"

struct pump {
    int from, to;
    size_t start, len;
    bool ended; /* `from` has */
    char data[PIECE];
};

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_socket(const char *listen)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strncmp(listen, "unix:", 5) != 0 || strlen(listen + 5) >= sizeof(address.sun_path)) {
        errno = EINVAL;
        return -1;
    }
    strcpy(address.sun_path, listen + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    for (long end = now_ms() + START_MS; connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0;) {
        if ((errno != ENOENT && errno != ECONNREFUSED) || now_ms() > end) {
            int problem = errno;
            close(fd);
            errno = problem;
            return -1;
        }
        poll(NULL, 0, START_POLL_MS);
    }
    return fd;
}

static bool again(ssize_t moved)
{
    return moved < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False: there is nobody to write to. */
static bool pump_run(struct pump *pump)
{
    if (pump->len == 0 && !pump->ended) {
        ssize_t got = read(pump->from, pump->data, sizeof(pump->data));
        pump->start = 0;
        pump->len = got > 0 ? (size_t)got : 0;
        pump->ended = got == 0 || (got < 0 && !again(got));
    }
    if (pump->len > 0) {
        ssize_t sent = write(pump->to, pump->data + pump->start, pump->len);
        if (sent < 0 && !again(sent))
            return false;
        pump->start += sent > 0 ? (size_t)sent : 0;
        pump->len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static int copy(struct pump *in, struct pump *out)
{
    bool told = false;
    for (;;) {
        if (!pump_run(in)) {
            /* the executor takes no more, but may have answered */
            in->ended = told = true;
            in->len = 0;
        }
        if (!pump_run(out))
            return 0;
        if (out->ended && out->len == 0)
            return 0;
        if (in->ended && in->len == 0 && !told) {
            shutdown(in->to, SHUT_WR);
            told = true;
        }
        struct pollfd fds[] = {
            { .fd = in->len == 0 && !in->ended ? in->from : -1, .events = POLLIN },
            { .fd = in->len > 0 || (out->len == 0 && !out->ended) ? in->to : -1,
              .events = (short)((in->len > 0 ? POLLOUT : 0) | (out->len == 0 && !out->ended ? POLLIN : 0)) },
            { .fd = out->to, .events = out->len > 0 ? POLLOUT : 0 },
        };
        int ready = poll(fds, 3, told ? REST_MS : -1);
        if ((ready < 0 && errno != EINTR) || ready == 0 || (ready > 0 && (fds[2].revents & (POLLERR | POLLNVAL))))
            return 0;
    }
}

int connect_run(const char *listen)
{
    static struct pump in, out;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    int fd = open_socket(listen ? listen : USUAL);
    if (fd < 0) {
        dprintf(2, "sandbox-executor --connect: the executor's socket cannot be reached: %s\n", strerror(errno));
        return 1;
    }
    int ends[] = { 0, 1, fd };
    for (int i = 0; i < 3; i++)
        (void)fcntl(ends[i], F_SETFL, fcntl(ends[i], F_GETFL) | O_NONBLOCK);
    in.from = 0;
    in.to = out.from = fd;
    out.to = 1;
    int status = copy(&in, &out);
    close(fd);
    return status;
}
