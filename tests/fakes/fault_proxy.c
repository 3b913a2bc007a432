/* SPDX-License-Identifier: Apache-2.0 */
/* A faulty way to an HTTP server: one thread, one connection after the other. */
#include "config.h" /* memmem */

#include "tests/fakes/fault_proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, PIECE = 20 * 1024, SLOW_MS = 20 };

struct fault_proxy {
    int listener;
    struct sockaddr_in upstream;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    struct fault fault;
    int hits, requests;
    _Atomic bool stopping;
};

/* One request and its answer. */
struct passage {
    int client, server;
    struct fault fault; /* FAULT_NONE if it is not meant */
    char buffer[HEAD_MAX + 1];
    size_t len;
};

static bool send_all(int fd, const char *data, size_t len)
{
    for (ssize_t put; len > 0; data += put, len -= (size_t)put)
        if ((put = send(fd, data, len, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

/* Reads until the head's end is in the buffer; where the body begins, or NULL. */
static char *read_head(int fd, struct passage *passage)
{
    passage->len = 0;
    for (;;) {
        ssize_t got = recv(fd, passage->buffer + passage->len, HEAD_MAX - passage->len, 0);
        if (got <= 0)
            return NULL;
        passage->len += (size_t)got;
        passage->buffer[passage->len] = '\0';
        char *end = memmem(passage->buffer, passage->len, "\r\n\r\n", 4);
        if (end)
            return end + 4;
    }
}

static int64_t content_length(const char *head, const char *end)
{
    for (const char *line = head; line && line < end; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoll(line + 15, NULL, 10);
    return 0;
}

/* The other side sees "connection reset by peer". */
static void reset(int fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void wait_ms(int ms)
{
    struct timespec time = { .tv_nsec = ms * 1000000L };
    nanosleep(&time, NULL);
}

/* The request goes on with "Connection: close", so that the answer ends with the connection. */
static bool pass_request(struct passage *passage)
{
    char *body = read_head(passage->client, passage), piece[PIECE];
    if (!body)
        return false;
    char *first_line = strstr(passage->buffer, "\r\n") + 2;
    int64_t left = content_length(passage->buffer, body), passed = 0;
    size_t len = passage->len - (size_t)(body - passage->buffer);
    if (!send_all(passage->server, passage->buffer, (size_t)(first_line - passage->buffer)) ||
        !send_all(passage->server, "Connection: close\r\n", 19) ||
        !send_all(passage->server, first_line, (size_t)(body - first_line)))
        return false;
    memcpy(piece, body, len);
    while (left > 0) {
        ssize_t got = len > 0 ? (ssize_t)len : recv(passage->client, piece, sizeof(piece), 0);
        if (got <= 0 || !send_all(passage->server, piece, (size_t)got))
            return false;
        left -= got;
        passed += got;
        len = 0;
        if (passage->fault.kind == FAULT_RESET_REQUEST && passed >= passage->fault.after) {
            reset(passage->client);
            reset(passage->server);
            return false;
        }
    }
    return true;
}

static void pass_answer(struct passage *passage)
{
    char *body = read_head(passage->server, passage), piece[PIECE];
    const struct fault *fault = &passage->fault;
    if (!body || fault->kind == FAULT_LOSE_ANSWER || !send_all(passage->client, passage->buffer, (size_t)(body - passage->buffer)))
        return;
    size_t len = passage->len - (size_t)(body - passage->buffer);
    int64_t passed = 0;
    memcpy(piece, body, len);
    for (;;) {
        ssize_t got = len > 0 ? (ssize_t)len : recv(passage->server, piece, sizeof(piece), 0);
        len = 0;
        bool cuts = fault->kind == FAULT_RESET_ANSWER || fault->kind == FAULT_CUT_ANSWER;
        if (got > 0 && cuts && passed + got > fault->after)
            got = (ssize_t)(fault->after - passed);
        if (got <= 0 || !send_all(passage->client, piece, (size_t)got))
            break;
        passed += got;
        if (fault->kind == FAULT_SLOW_ANSWER)
            wait_ms(SLOW_MS);
    }
    if (fault->kind == FAULT_RESET_ANSWER) {
        wait_ms(SLOW_MS); /* a reset overtakes what the other side has not read yet */
        reset(passage->client);
    }
}

/* Whether the fault is meant for the request that waits in `client`. */
static struct fault choose(struct fault_proxy *proxy, int client)
{
    char line[2048];
    struct fault none = { .kind = FAULT_NONE };
    ssize_t got = recv(client, line, sizeof(line) - 1, MSG_PEEK);
    line[got > 0 ? got : 0] = '\0';
    line[strcspn(line, "\r")] = '\0';
    pthread_mutex_lock(&proxy->lock);
    proxy->requests += got > 0;
    bool meant = got > 0 && proxy->fault.kind != FAULT_NONE && proxy->fault.times != 0 && strstr(line, proxy->fault.match);
    struct fault fault = meant ? proxy->fault : none;
    if (meant) {
        proxy->hits++;
        proxy->fault.times -= proxy->fault.times > 0;
        if (fault.kind == FAULT_LOSE_ANSWER && fault.answer)
            proxy->fault.kind = FAULT_ANSWER;
    }
    pthread_mutex_unlock(&proxy->lock);
    return fault;
}

static void wait_for_end(const struct fault_proxy *proxy, int client)
{
    char piece[PIECE];
    struct pollfd waiting = { .fd = client, .events = POLLIN };
    while (!proxy->stopping && (poll(&waiting, 1, 50) == 0 || recv(client, piece, sizeof(piece), 0) > 0))
        ;
}

static void answer_at_once(struct passage *passage)
{
    char piece[PIECE], *body = read_head(passage->client, passage);
    if (!body)
        return;
    int64_t left = content_length(passage->buffer, body) - (int64_t)(passage->len - (size_t)(body - passage->buffer));
    while (left > 0) {
        ssize_t got = recv(passage->client, piece, sizeof(piece), 0);
        if (got <= 0)
            return;
        left -= got;
    }
    send_all(passage->client, passage->fault.answer, strlen(passage->fault.answer));
}

static void serve(struct fault_proxy *proxy, int client)
{
    struct passage passage = { .client = client, .server = -1, .fault = choose(proxy, client) };
    if (passage.fault.kind == FAULT_ANSWER) {
        answer_at_once(&passage);
    } else if (passage.fault.kind == FAULT_SILENCE) {
        wait_for_end(proxy, client);
    } else {
        passage.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(passage.server, (struct sockaddr *)&proxy->upstream, sizeof(proxy->upstream)) == 0 && pass_request(&passage))
            pass_answer(&passage);
        close(passage.server);
    }
    close(client);
}

static void *run(void *arg)
{
    struct fault_proxy *proxy = arg;
    struct pollfd waiting = { .fd = proxy->listener, .events = POLLIN };
    while (!proxy->stopping) {
        if (poll(&waiting, 1, 50) <= 0)
            continue;
        int client = accept(proxy->listener, NULL, NULL);
        if (client >= 0)
            serve(proxy, client);
    }
    return NULL;
}

struct fault_proxy *fault_proxy_start(const char *upstream)
{
    struct fault_proxy *proxy = calloc(1, sizeof(*proxy));
    char host[32];
    unsigned port;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    ck_assert_int_eq(sscanf(upstream, "http://%31[0-9.]:%u", host, &port), 2);
    proxy->upstream = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    ck_assert_int_eq(inet_pton(AF_INET, host, &proxy->upstream.sin_addr), 1);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(proxy->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(proxy->listener, 16), 0);
    ck_assert_int_eq(getsockname(proxy->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(proxy->url, sizeof(proxy->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    pthread_mutex_init(&proxy->lock, NULL);
    ck_assert_int_eq(pthread_create(&proxy->thread, NULL, run, proxy), 0);
    return proxy;
}

const char *fault_proxy_url(const struct fault_proxy *proxy)
{
    return proxy->url;
}

void fault_proxy_set(struct fault_proxy *proxy, struct fault fault)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->fault = fault;
    proxy->hits = proxy->requests = 0;
    pthread_mutex_unlock(&proxy->lock);
}

int fault_proxy_hits(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    int hits = proxy->hits;
    pthread_mutex_unlock(&proxy->lock);
    return hits;
}

int fault_proxy_requests(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    int requests = proxy->requests;
    pthread_mutex_unlock(&proxy->lock);
    return requests;
}

void fault_proxy_stop(struct fault_proxy *proxy)
{
    proxy->stopping = true;
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    free(proxy);
}
