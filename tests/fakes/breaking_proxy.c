/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a connection; both directions are copied until the trigger is seen. */
#include "tests/fakes/breaking_proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct breaking_proxy {
    char path[108], target[108];
    int listener, stop[2];
    pthread_t acceptor;
    pthread_mutex_t lock;
    char trigger[64];
    bool once;
    int breaks;
    int links; /* threads that look at this */
    pthread_cond_t link_ended;
};

struct link {
    struct breaking_proxy *proxy;
    int client, server;
};

static int open_socket(const char *path, bool listening)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = listening ? bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)
                           : connect(fd, (struct sockaddr *)&address, sizeof(address));
    if (failed) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool contains(const char *data, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; n > 0 && i + n <= len; i++)
        if (memcmp(data + i, word, n) == 0)
            return true;
    return false;
}

static bool triggered(struct breaking_proxy *proxy, const char *data, size_t len)
{
    pthread_mutex_lock(&proxy->lock);
    bool hit = contains(data, len, proxy->trigger);
    if (hit) {
        proxy->breaks++;
        if (proxy->once)
            proxy->trigger[0] = '\0';
    }
    pthread_mutex_unlock(&proxy->lock);
    return hit;
}

/* Copies what is there; false at the end of the stream or when the trigger was seen. */
static bool copy(struct link *link, int from, int to, bool watch)
{
    char data[65536];
    ssize_t got = read(from, data, sizeof(data));
    if (got <= 0 || send(to, data, (size_t)got, MSG_NOSIGNAL) != got)
        return false;
    if (!watch || !triggered(link->proxy, data, (size_t)got))
        return true;
    got = read(link->server, data, sizeof(data)); /* it was obeyed */
    return false;
}

static void *run_link(void *arg)
{
    struct link *link = arg;
    for (bool open = link->server >= 0; open;) {
        struct pollfd fds[] = { { .fd = link->client, .events = POLLIN }, { .fd = link->server, .events = POLLIN } };
        open = poll(fds, 2, -1) > 0;
        if (open && fds[0].revents)
            open = copy(link, link->client, link->server, true);
        if (open && fds[1].revents)
            open = copy(link, link->server, link->client, false);
    }
    struct breaking_proxy *proxy = link->proxy;
    close(link->client);
    if (link->server >= 0)
        close(link->server);
    free(link);
    pthread_mutex_lock(&proxy->lock);
    proxy->links--;
    pthread_cond_signal(&proxy->link_ended);
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static void *run_acceptor(void *arg)
{
    struct breaking_proxy *proxy = arg;
    struct pollfd fds[] = { { .fd = proxy->listener, .events = POLLIN }, { .fd = proxy->stop[0], .events = POLLIN } };
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        struct link *link = malloc(sizeof(*link));
        pthread_t thread;
        *link = (struct link){ .proxy = proxy, .client = accept(proxy->listener, NULL, NULL) };
        link->server = open_socket(proxy->target, false);
        pthread_mutex_lock(&proxy->lock);
        proxy->links++;
        pthread_mutex_unlock(&proxy->lock);
        pthread_create(&thread, NULL, run_link, link);
        pthread_detach(thread);
    }
    return NULL;
}

struct breaking_proxy *breaking_proxy_start(const char *path, const char *target)
{
    struct breaking_proxy *proxy = calloc(1, sizeof(*proxy));
    snprintf(proxy->path, sizeof(proxy->path), "%s", path);
    snprintf(proxy->target, sizeof(proxy->target), "%s", target);
    unlink(path);
    proxy->listener = open_socket(path, true);
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->link_ended, NULL);
    if (proxy->listener < 0 || pipe(proxy->stop) != 0 ||
        pthread_create(&proxy->acceptor, NULL, run_acceptor, proxy) != 0)
        abort();
    return proxy;
}

void breaking_proxy_break_on(struct breaking_proxy *proxy, const char *trigger, bool once)
{
    pthread_mutex_lock(&proxy->lock);
    snprintf(proxy->trigger, sizeof(proxy->trigger), "%s", trigger ? trigger : "");
    proxy->once = once;
    pthread_mutex_unlock(&proxy->lock);
}

int breaking_proxy_breaks(struct breaking_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    int breaks = proxy->breaks;
    pthread_mutex_unlock(&proxy->lock);
    return breaks;
}

void breaking_proxy_stop(struct breaking_proxy *proxy)
{
    if (write(proxy->stop[1], "x", 1) == 1)
        pthread_join(proxy->acceptor, NULL);
    close(proxy->listener);
    close(proxy->stop[0]);
    close(proxy->stop[1]);
    unlink(proxy->path);
    pthread_mutex_lock(&proxy->lock);
    while (proxy->links > 0)
        pthread_cond_wait(&proxy->link_ended, &proxy->lock);
    pthread_mutex_unlock(&proxy->lock);
    free(proxy);
}
