/* SPDX-License-Identifier: Apache-2.0 */
/* Processes wait in epoll, not in accept(2): a word to stop reaches them there, and EPOLLEXCLUSIVE wakes one of them for a connection. */
#define _GNU_SOURCE /* accept4() */
#include "fcgi/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, INHERITED = 0, TURN_RETRY_US = 10000, ACCEPT_PAUSE_US = 100000 };

static int check_inherited(struct err *err)
{
    int listening = 0;
    socklen_t size = sizeof(listening);
    if (getsockopt(INHERITED, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
        return 0;
    return err_set(err, ERR_INVALID,
                   "Descriptor 0 is no listening socket: start this from a web server's FastCGI "
                   "configuration, or with --listen unix:PATH.");
}

/* Removes what an ended process left at the path; a socket that somebody answers at is left alone. */
static int clear_path(const struct sockaddr_un *address, struct err *err)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_INVALID, "%s exists and is no socket.", address->sun_path);
    cleanup_fd int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe >= 0 && (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN))
        return err_set(err, ERR_INVALID, "Another process listens at %s.", address->sun_path);
    unlink(address->sun_path);
    return 0;
}

/* Not FCGX_OpenSocket(): that ends the process when it cannot bind, without saying where. */
static int open_path(struct listener *listener, const char *address, struct err *err)
{
    static const char scheme[] = "unix:";
    struct sockaddr_un target = { .sun_family = AF_UNIX };
    if (strncmp(address, scheme, sizeof(scheme) - 1) != 0)
        return err_set(err, ERR_INVALID, "--listen takes unix:PATH.");
    const char *path = address + sizeof(scheme) - 1;
    if (strlen(path) == 0 || strlen(path) >= sizeof(target.sun_path))
        return err_set(err, ERR_INVALID, "The socket's path must have 1 to %zu bytes.", sizeof(target.sun_path) - 1);
    strcpy(target.sun_path, path);
    if (clear_path(&target, err) != 0)
        return -1;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&target, sizeof(target)) != 0 || listen(fd, BACKLOG) != 0)
        return err_set(err, ERR_INVALID, "Cannot listen at %s: %s.", path, strerror(errno));
    listener->socket = steal_fd(&fd);
    listener->path = path;
    return 0;
}

static int prepare(struct listener *listener, struct err *err)
{
    int flags = fcntl(listener->socket, F_GETFL);
    listener->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener->stop >= 0 && flags >= 0 && fcntl(listener->socket, F_SETFL, flags | O_NONBLOCK) == 0)
        return 0;
    err_internal(err, errno, "cannot prepare the listening socket");
    listener_close(listener);
    return -1;
}

int listener_open(struct listener *listener, const char *address, struct err *err)
{
    *listener = (struct listener){ .socket = INHERITED, .stop = -1 };
    if ((address ? open_path(listener, address, err) : check_inherited(err)) != 0)
        return -1;
    return prepare(listener, err);
}

int listener_share(struct listener *listener, const struct listener *other, struct err *err)
{
    *listener = (struct listener){ .socket = other->socket, .stop = -1, .shared = true };
    return prepare(listener, err);
}

void listener_close(struct listener *listener)
{
    if (listener->path)
        unlink(listener->path);
    if (listener->stop >= 0)
        close(listener->stop);
    close(listener->socket);
}

void listener_stop(const struct listener *listener)
{
    eventfd_write(listener->stop, 1);
}

void listener_refuse(const struct listener *listener)
{
    shutdown(listener->socket, SHUT_RDWR);
}

static int await_connections(const struct listener *listener, int place)
{
    struct epoll_event connection = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = listener->socket };
    return epoll_ctl(place, EPOLL_CTL_ADD, listener->socket, &connection);
}

int listener_join(const struct listener *listener, struct err *err)
{
    struct epoll_event stop = { .events = EPOLLIN, .data.fd = listener->stop };
    cleanup_fd int place = epoll_create1(EPOLL_CLOEXEC);
    if (place < 0 || await_connections(listener, place) != 0 ||
        epoll_ctl(place, EPOLL_CTL_ADD, listener->stop, &stop) != 0)
        return err_internal(err, errno, "cannot wait for connections");
    return steal_fd(&place);
}

/* No descriptors left, say: it would be tried again at once, as the socket is still readable. */
int listener_accept(const struct listener *listener)
{
    int fd = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        usleep(ACCEPT_PAUSE_US);
    return fd;
}

bool listener_heard(int fd)
{
    char first;
    return recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* The kernel wakes the first that waits: without this one process would do all the work until each of its threads is busy. */
void listener_take_turn(const struct listener *listener, int place)
{
    if (!listener->shared || epoll_ctl(place, EPOLL_CTL_DEL, listener->socket, NULL) != 0)
        return;
    while (await_connections(listener, place) != 0)
        usleep(TURN_RETRY_US);
}

int listener_wait(const struct listener *listener, int place)
{
    struct epoll_event events[2];
    int count;
    do
        count = epoll_wait(place, events, 2, -1);
    while (count < 0 && errno == EINTR);
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == listener->stop)
            return 0;
    return 1;
}
