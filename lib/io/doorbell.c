/* SPDX-License-Identifier: Apache-2.0 */
/* Doorbells on UDP sockets. */
#include "lib/io/doorbell.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/util/clock.h"

enum { HOST_SIZE = 48, PORT_SIZE = 8 };

/* Cuts "host:port" or "[v6]:port" in two; false when it is neither. */
static int split_address(const char *address, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address)
        return -1;
    const char *start = address;
    size_t len = (size_t)(colon - address);
    if (len > 2 && address[0] == '[' && colon[-1] == ']') {
        start++;
        len -= 2;
    }
    size_t port_len = strlen(colon + 1);
    if (len >= HOST_SIZE || port_len == 0 || port_len >= PORT_SIZE)
        return -1;
    memcpy(host, start, len);
    host[len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return 0;
}

/* Numeric only: ringing must never wait for a name server. */
static int resolve(const char *address, struct sockaddr_storage *out, socklen_t *len_out)
{
    static const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                           .ai_family = AF_UNSPEC,
                                           .ai_socktype = SOCK_DGRAM };
    char host[HOST_SIZE], port[PORT_SIZE];
    struct addrinfo *found = NULL;
    if (split_address(address, host, port) != 0 || getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len_out = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int name_of(int fd, char out[DOORBELL_ADDRESS_SIZE])
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char host[HOST_SIZE], port[PORT_SIZE];
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
        return -1;
    if (getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    snprintf(out, DOORBELL_ADDRESS_SIZE, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

int doorbell_open(const char *address, char bound_out[DOORBELL_ADDRESS_SIZE], struct err *err)
{
    struct sockaddr_storage where = { 0 };
    socklen_t len = 0;
    if (resolve(address, &where, &len) != 0)
        return err_set(err, ERR_INVALID,
                       "\"%s\" is not a doorbell address; write it like \"127.0.0.1:7101\".", address);
    cleanup_fd int fd = socket(where.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_internal(err, errno, "cannot make a doorbell socket");
    const int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes)); /* without it, when it is taken counts */
    if (bind(fd, (struct sockaddr *)&where, len) != 0) {
        int errnum = errno;
        err_set(err, ERR_UNAVAILABLE, "The doorbell address %s cannot be used: %s.%s", address,
                strerror(errnum), errnum == EADDRINUSE ? " Is the same program running already?" : "");
        return -1;
    }
    if (bound_out && name_of(fd, bound_out) != 0)
        return err_internal(err, errno, "cannot read a doorbell's address");
    return steal_fd(&fd);
}

void doorbell_ring(int fd, const char *address, const char *text)
{
    struct sockaddr_storage where = { 0 };
    socklen_t len = 0;
    if (!address || !address[0] || resolve(address, &where, &len) != 0)
        return;
    cleanup_fd int own = -1;
    if (fd < 0)
        fd = own = socket(where.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    ssize_t ignored = sendto(fd, text, strnlen(text, DOORBELL_TEXT_MAX), MSG_DONTWAIT | MSG_NOSIGNAL,
                             (struct sockaddr *)&where, len);
    (void)ignored; /* the listener polls as well */
}

int doorbell_take(int fd, char text[DOORBELL_TEXT_MAX + 1])
{
    ssize_t got;
    do
        got = recv(fd, text, DOORBELL_TEXT_MAX, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    text[got > 0 ? got : 0] = '\0';
    return got >= 0;
}

/* Now, if the kernel does not say. */
static int64_t moment_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct timespec came;
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS || part->cmsg_len != CMSG_LEN(sizeof(came)))
            continue;
        memcpy(&came, CMSG_DATA(part), sizeof(came));
        return (int64_t)came.tv_sec * 1000000 + came.tv_nsec / 1000;
    }
    return clock_wall_us();
}

int doorbell_take_at(int fd, char text[DOORBELL_TEXT_MAX + 1], int64_t *wall_us_out)
{
    union {
        struct cmsghdr first; /* for its alignment */
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec data = { .iov_base = text, .iov_len = DOORBELL_TEXT_MAX };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    ssize_t got;
    do
        got = recvmsg(fd, &message, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    text[got > 0 ? got : 0] = '\0';
    if (got >= 0)
        *wall_us_out = moment_of(&message);
    return got >= 0;
}

int doorbell_drain(int fd)
{
    char text[DOORBELL_TEXT_MAX + 1];
    int count = 0;
    /* bounded: a flood of datagrams must not keep the listener from its work */
    while (count < 4096 && doorbell_take(fd, text))
        count++;
    return count;
}
