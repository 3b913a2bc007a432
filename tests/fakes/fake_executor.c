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
    char *bytes, *last_bytes; /* an answer, and how a cancelled one goes on */
    size_t len, last_len;
    enum fake_ending ending;
    char *health; /* NULL: as any other request */
    size_t health_len;
    enum fake_ending health_ending;
    size_t posts, cancels;
    size_t connections; /* open */
    char path[108];
};

struct connection {
    struct fake_executor *fake;
    int fd;
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

/* A stalled answer: whether it was cancelled before the other side or the fake ended. */
static bool await_cancel(struct fake_executor *fake, int fd, size_t cancels)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    while (!stopping(fake) && poll(&poll_fd, 1, TICK_MS) == 0)
        if (fake_executor_cancels(fake) > cancels)
            return true;
    return false;
}

static void count_cancel(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->cancels++;
    pthread_mutex_unlock(&fake->mutex);
}

/* Whether there is a script for it. */
static bool answer_get(struct fake_executor *fake, int fd, const char *request, bool *goes_on_out)
{
    pthread_mutex_lock(&fake->mutex);
    char *bytes = fake->health && strncmp(request, "GET ", 4) == 0 ? malloc(fake->health_len + 1) : NULL;
    size_t len = fake->health_len;
    if (bytes)
        memcpy(bytes, fake->health, len);
    *goes_on_out = fake->health_ending == FAKE_STALL;
    pthread_mutex_unlock(&fake->mutex);
    if (bytes)
        send_all(fd, bytes, len);
    free(bytes);
    return bytes != NULL;
}

/* Whether the connection goes on. */
static bool answer(struct fake_executor *fake, int fd, const char *request)
{
    static const char nothing[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    bool cancel = strstr(request, "/cancel HTTP/") != NULL, goes_on = false;
    if (answer_get(fake, fd, request, &goes_on))
        return goes_on;
    if (cancel)
        count_cancel(fake);
    if (cancel || strncmp(request, "POST ", 5) != 0) {
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
    size_t cancels = fake->cancels, len = fake->len, last_len = fake->last_len;
    char *bytes = malloc(len + last_len + 1);
    if (len > 0)
        memcpy(bytes, fake->bytes, len);
    if (last_len > 0)
        memcpy(bytes + len, fake->last_bytes, last_len);
    pthread_mutex_unlock(&fake->mutex);
    send_all(fd, bytes, len);
    bool cancelled = ending == FAKE_STALL && await_cancel(fake, fd, cancels);
    if (cancelled)
        send_all(fd, bytes + len, last_len);
    free(bytes);
    return ending == FAKE_STALL && !cancelled;
}

static void *serve_connection(void *arg)
{
    struct connection *connection = arg;
    struct fake_executor *fake = connection->fake;
    char *request = malloc(REQUEST_MAX + 1);
    while (read_request(fake, connection->fd, request) && answer(fake, connection->fd, request))
        continue;
    close(connection->fd);
    free(request);
    free(connection);
    pthread_mutex_lock(&fake->mutex);
    fake->connections--;
    pthread_mutex_unlock(&fake->mutex);
    return NULL;
}

static void *serve(void *arg)
{
    struct fake_executor *fake = arg;
    while (readable(fake, fake->listener)) {
        pthread_t thread;
        struct connection *connection = malloc(sizeof(*connection));
        *connection = (struct connection){ .fake = fake, .fd = accept(fake->listener, NULL, NULL) };
        pthread_mutex_lock(&fake->mutex);
        fake->connections++;
        pthread_mutex_unlock(&fake->mutex);
        if (connection->fd < 0 || pthread_create(&thread, NULL, serve_connection, connection) != 0)
            abort();
        pthread_detach(thread);
    }
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

void fake_executor_answer_get(struct fake_executor *fake, const char *bytes, size_t len, enum fake_ending ending)
{
    pthread_mutex_lock(&fake->mutex);
    free(fake->health);
    fake->health = malloc(len + 1);
    memcpy(fake->health, bytes, len);
    fake->health_len = len;
    fake->health_ending = ending;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_executor_on_cancel(struct fake_executor *fake, const char *bytes, size_t len)
{
    pthread_mutex_lock(&fake->mutex);
    free(fake->last_bytes);
    fake->last_bytes = malloc(len + 1);
    memcpy(fake->last_bytes, bytes, len);
    fake->last_len = len;
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

size_t fake_executor_cancels(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t cancels = fake->cancels;
    pthread_mutex_unlock(&fake->mutex);
    return cancels;
}

void fake_executor_stop(struct fake_executor *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->stopping = true;
    pthread_mutex_unlock(&fake->mutex);
    pthread_join(fake->thread, NULL);
    pthread_mutex_lock(&fake->mutex);
    while (fake->connections > 0) {
        pthread_mutex_unlock(&fake->mutex);
        poll(NULL, 0, 1);
        pthread_mutex_lock(&fake->mutex);
    }
    pthread_mutex_unlock(&fake->mutex);
    close(fake->listener);
    unlink(fake->path);
    pthread_mutex_destroy(&fake->mutex);
    free(fake->bytes);
    free(fake->last_bytes);
    free(fake->health);
    free(fake);
}
