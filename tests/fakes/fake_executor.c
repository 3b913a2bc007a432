/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted executor. */
#include "config.h"

#include "tests/fakes/fake_executor.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_MAX = 64 * 1024, TICK_MS = 20 };

struct fake_executor {
    pthread_t thread;
    pthread_mutex_t mutex;
    int listener;
    bool stopping, held;
    char *bytes;
    size_t len;
    enum fake_ending ending;
    size_t posts;
    char path[108];
};

static bool stopping(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    bool result = fake->stopping;
    pthread_mutex_unlock(&fake->mutex);
    return result;
}

/* Reads until `fd` has something or the fake ends. */
static bool readable(struct fake_executor *fake, int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    while (!stopping(fake))
        if (poll(&poll_fd, 1, TICK_MS) > 0)
            return true;
    return false;
}

/* One request into `text`: headers and the body they announce. */
static bool read_request(struct fake_executor *fake, int fd, char *text)
{
    size_t len = 0;
    while (len < REQUEST_MAX && readable(fake, fd)) {
        ssize_t got = read(fd, text + len, REQUEST_MAX - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        char *length = strcasestr(text, "content-length:");
        if (end && len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 15, NULL, 10) : 0))
            return true;
    }
    return false;
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* Whether the connection goes on. */
static bool answer(struct fake_executor *fake, int fd, const char *request)
{
    /* one connection is served at a time: an idle one must not keep the others waiting */
    static const char nothing[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    if (strncmp(request, "POST ", 5) != 0) {
        send_all(fd, nothing, sizeof(nothing) - 1);
        return false;
    }
    pthread_mutex_lock(&fake->mutex);
    fake->posts++;
    while (fake->held && !fake->stopping) {
        pthread_mutex_unlock(&fake->mutex);
        poll(NULL, 0, TICK_MS);
        pthread_mutex_lock(&fake->mutex);
    }
    enum fake_ending ending = fake->ending;
    size_t len = fake->len;
    char *bytes = malloc(len + 1);
    if (len > 0)
        memcpy(bytes, fake->bytes, len);
    pthread_mutex_unlock(&fake->mutex);
    send_all(fd, bytes, len);
    free(bytes);
    return ending == FAKE_STALL && readable(fake, fd);
}

static void *serve(void *arg)
{
    struct fake_executor *fake = arg;
    char *request = malloc(REQUEST_MAX + 1);
    while (readable(fake, fake->listener)) {
        int fd = accept(fake->listener, NULL, NULL);
        while (fd >= 0 && read_request(fake, fd, request) && answer(fake, fd, request))
            continue;
        if (fd >= 0)
            close(fd);
    }
    free(request);
    return NULL;
}

struct fake_executor *fake_executor_start(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct fake_executor *fake = calloc(1, sizeof(*fake));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    snprintf(fake->path, sizeof(fake->path), "%s", path);
    unlink(path);
    pthread_mutex_init(&fake->mutex, NULL);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fake->listener, 64) != 0 ||
        pthread_create(&fake->thread, NULL, serve, fake) != 0) {
        perror(path);
        abort();
    }
    return fake;
}

void fake_executor_script(struct fake_executor *fake, const char *bytes, size_t len, enum fake_ending ending)
{
    pthread_mutex_lock(&fake->mutex);
    free(fake->bytes);
    fake->bytes = malloc(len + 1);
    memcpy(fake->bytes, bytes, len);
    fake->len = len;
    fake->ending = ending;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_executor_hold(struct fake_executor *fake, bool held)
{
    pthread_mutex_lock(&fake->mutex);
    fake->held = held;
    pthread_mutex_unlock(&fake->mutex);
}

size_t fake_executor_posts(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t posts = fake->posts;
    pthread_mutex_unlock(&fake->mutex);
    return posts;
}

void fake_executor_stop(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->stopping = true;
    pthread_mutex_unlock(&fake->mutex);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    unlink(fake->path);
    pthread_mutex_destroy(&fake->mutex);
    free(fake->bytes);
    free(fake);
}
