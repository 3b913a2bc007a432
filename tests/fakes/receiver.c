/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts, reads one request, answers as its path says, closes. */
#include "config.h"

#include "tests/fakes/receiver.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MAX = 512, REQUEST_MAX = 64 * 1024 };

struct receiver_fake {
    pthread_mutex_t lock;
    pthread_t thread;
    int listener, port;
    int connections, hanging, requests;
    char *request[REQUESTS_MAX];
    struct receiver_fake *next;
};

/* Kept: a visitor may still be served when it is stopped. */
static struct receiver_fake *all;

struct visit {
    struct receiver_fake *receiver;
    int fd;
};

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* The whole request, NUL-terminated; NULL when there is none. */
static char *read_request(int fd)
{
    char *text = calloc(1, REQUEST_MAX);
    size_t len = 0;
    for (ssize_t got; text && (got = read(fd, text + len, REQUEST_MAX - 1 - len)) > 0;) {
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
        if (end && len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 17, NULL, 10) : 0))
            return text;
    }
    free(text);
    return NULL;
}

static int note(struct receiver_fake *receiver, char *request)
{
    pthread_mutex_lock(&receiver->lock);
    int number = receiver->requests++;
    if (number < REQUESTS_MAX)
        receiver->request[number] = request;
    pthread_mutex_unlock(&receiver->lock);
    return number;
}

static void change_hanging(struct receiver_fake *receiver, int by)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->hanging += by;
    pthread_mutex_unlock(&receiver->lock);
}

static void hang(struct receiver_fake *receiver, int fd)
{
    char byte;
    change_hanging(receiver, 1);
    while (read(fd, &byte, 1) > 0)
        ;
    change_hanging(receiver, -1);
}

static void pour(int fd, const char *status)
{
    char block[4096];
    memset(block, 'x', sizeof(block) - 1);
    block[sizeof(block) - 1] = '\0';
    if (say(fd, "HTTP/1.1 ") && say(fd, status) && say(fd, "\r\nContent-Length: 1000000000\r\n\r\n"))
        while (say(fd, block))
            ;
}

static void answer(struct receiver_fake *receiver, int fd, const char *path, int number)
{
    static const struct {
        const char *path, *text;
    } answers[] = {
        { "/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
        { "/500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" },
        { "/410", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n" },
        { "/302", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n" },
        { "/503", "HTTP/1.1 503 Busy\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n" },
        { "/half", "HTTP/1.1 200" },
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (strncmp(path, answers[i].path, strlen(answers[i].path)) == 0)
            say(fd, answers[i].text);
    if (strncmp(path, "/giant500", 9) == 0)
        pour(fd, "500 Oops");
    else if (strncmp(path, "/giant", 6) == 0)
        pour(fd, "200 OK");
    else if (strncmp(path, "/hang", 5) == 0)
        hang(receiver, fd);
    else if (strncmp(path, "/flaky", 6) == 0)
        say(fd, answers[number == 0 ? 1 : 0].text);
}

static void *serve(void *arg)
{
    struct visit visit = *(struct visit *)arg;
    free(arg);
    char *request = read_request(visit.fd);
    const char *path = request ? strchr(request, '/') : NULL;
    if (path)
        answer(visit.receiver, visit.fd, path, note(visit.receiver, request));
    else
        free(request);
    close(visit.fd);
    return NULL;
}

static void *run(void *arg)
{
    struct receiver_fake *receiver = arg;
    for (int fd; (fd = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        pthread_t thread;
        struct visit *visit = malloc(sizeof(*visit));
        if (!visit)
            abort();
        *visit = (struct visit){ receiver, fd };
        pthread_mutex_lock(&receiver->lock);
        receiver->connections++;
        pthread_mutex_unlock(&receiver->lock);
        if (pthread_create(&thread, NULL, serve, visit) != 0)
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

struct receiver_fake *receiver_start(void)
{
    struct receiver_fake *receiver = calloc(1, sizeof(*receiver));
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any }; /* IPv4, too */
    socklen_t len = sizeof(any);
    int both = 0;
    if (!receiver || (receiver->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        setsockopt(receiver->listener, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)) != 0 ||
        bind(receiver->listener, (struct sockaddr *)&any, len) != 0 || listen(receiver->listener, 256) != 0 ||
        getsockname(receiver->listener, (struct sockaddr *)&any, &len) != 0)
        abort();
    receiver->port = ntohs(any.sin6_port);
    pthread_mutex_init(&receiver->lock, NULL);
    if (pthread_create(&receiver->thread, NULL, run, receiver) != 0)
        abort();
    return receiver;
}

void receiver_stop(struct receiver_fake *receiver)
{
    if (!receiver)
        return;
    shutdown(receiver->listener, SHUT_RDWR);
    pthread_join(receiver->thread, NULL);
    close(receiver->listener);
    receiver->next = all;
    all = receiver;
}

int receiver_port(const struct receiver_fake *receiver)
{
    return receiver->port;
}

/* The last one that has it, under the lock; NULL: none. */
static const char *find(const struct receiver_fake *receiver, const char *text, int *count_out)
{
    const char *last = NULL;
    *count_out = 0;
    for (int i = 0; i < receiver->requests && i < REQUESTS_MAX; i++)
        if (strstr(receiver->request[i], text)) {
            last = receiver->request[i];
            ++*count_out;
        }
    return last;
}

int receiver_seen(struct receiver_fake *receiver, const char *text)
{
    int count;
    pthread_mutex_lock(&receiver->lock);
    find(receiver, text, &count);
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

int receiver_hanging(struct receiver_fake *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    int count = receiver->hanging;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

int receiver_connections(struct receiver_fake *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    int count = receiver->connections;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

void receiver_header(struct receiver_fake *receiver, const char *text, const char *name, char *out, size_t size)
{
    char line[64];
    int count;
    snprintf(line, sizeof(line), "\r\n%s: ", name);
    pthread_mutex_lock(&receiver->lock);
    const char *request = find(receiver, text, &count), *at = request ? strcasestr(request, line) : NULL;
    at = at ? at + strlen(line) : "";
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    pthread_mutex_unlock(&receiver->lock);
}

void receiver_body(struct receiver_fake *receiver, const char *text, char *out, size_t size)
{
    int count;
    pthread_mutex_lock(&receiver->lock);
    const char *request = find(receiver, text, &count), *at = request ? strstr(request, "\r\n\r\n") : NULL;
    snprintf(out, size, "%s", at ? at + 4 : "");
    pthread_mutex_unlock(&receiver->lock);
}
