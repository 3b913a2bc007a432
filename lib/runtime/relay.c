/* SPDX-License-Identifier: Apache-2.0 */
/* The listener, and the loop around its connections. */
#include "config.h"

#include "lib/runtime/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/runtime/relay_link.h"
#include "lib/runtime/room.h"
#include "lib/util/clock.h"

enum {
    BACKLOG = 512,
    TICK_MS = 500,      /* how exactly time limits are kept */
    REPORT_MS = 1000,
    BREATH_MS = 200,    /* without accepting, when this process may open no more files */
    RELAY_PATH_SIZE = 108,
};

struct relay {
    struct docker_target target;
    struct link_place place;
    int listener;
    char directory[RELAY_PATH_SIZE], path[RELAY_PATH_SIZE];
    struct link *links;
    size_t count, most;
    int64_t idle_ms;
    int64_t accept_ms; /* not before */
    int64_t report_ms; /* likewise */
    int64_t tick_ms;   /* then every link is looked at */
    relay_report_fn report;
    void *arg;
    struct pollfd fds[1 + LINK_FDS * RELAY_LINKS_MAX];
};

static int listen_there(struct relay *relay, const char *directory, struct err *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(relay->directory, sizeof(relay->directory), "%s/" ROOM_RELAY, directory);
    snprintf(relay->path, sizeof(relay->path), "%s/" ROOM_RELAY_SOCKET, directory);
    memcpy(address.sun_path, relay->path, sizeof(relay->path));
    if ((mkdir(relay->directory, 0700) != 0 && errno != EEXIST) || chmod(relay->directory, 0700) != 0)
        return err_internal(err, errno, "cannot make %s", relay->directory);
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (unlink(relay->path) != 0 && errno != ENOENT)
        return err_internal(err, errno, "cannot remove %s", relay->path);
    /* nobody can connect before it listens, and then it is closed to others already */
    if (relay->listener < 0 || bind(relay->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(relay->path, 0600) != 0 || listen(relay->listener, BACKLOG) != 0)
        return err_internal(err, errno, "cannot listen on %s", relay->path);
    return 0;
}

struct relay *relay_new(const struct runtime_settings *settings, relay_report_fn report, void *arg, struct err *err)
{
    struct relay *relay = calloc(1, sizeof(*relay));
    if (!relay) {
        err_internal(err, ENOMEM, "a relay");
        return NULL;
    }
    relay->listener = -1;
    relay_limit(relay, RELAY_LINKS_MAX, RELAY_IDLE_MS);
    relay->report = report;
    relay->arg = arg;
    if (docker_target_read(settings, &relay->target, err) != 0 || rooms_prepare(settings->directory, err) != 0 ||
        !(relay->place.set = raw_set_new(err)) || listen_there(relay, settings->directory, err) != 0) {
        relay_free(relay);
        return NULL;
    }
    relay->place.target = &relay->target;
    return relay;
}

void relay_limit(struct relay *relay, size_t links, int64_t idle_ms)
{
    relay->most = links;
    relay->idle_ms = idle_ms;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    for (struct link *link; (link = relay->links);) {
        relay->links = link->next;
        link_free(link);
    }
    if (relay->listener >= 0) {
        close(relay->listener);
        (void)unlink(relay->path);
        (void)rmdir(relay->directory);
    }
    raw_set_free(relay->place.set);
    free(relay);
}

void relay_wake(struct relay *relay)
{
    raw_set_wake(relay->place.set);
}

static void say(struct relay *relay, const char *id, const struct err *err, int64_t now)
{
    if (!relay->report || now < relay->report_ms)
        return;
    relay->report_ms = now + REPORT_MS;
    relay->report(relay->arg, id, err);
}

static void drop(struct relay *relay, struct link **at)
{
    struct link *link = *at;
    *at = link->next;
    relay->count--;
    link_free(link);
}

/* Clients keep connections that they may never use again; whoever waits needs the place more. */
static void make_room(struct relay *relay, int64_t now)
{
    struct link **idlest = NULL;
    for (struct link **at = &relay->links; *at; at = &(*at)->next)
        if ((*at)->state == LINK_STREAM && now - (*at)->moved_ms >= relay->idle_ms && (!idlest || (*at)->moved_ms < (*idlest)->moved_ms))
            idlest = at;
    if (idlest)
        drop(relay, idlest);
}

/* Whether somebody waits to be accepted. */
static bool is_asked(const struct relay *relay)
{
    struct pollfd look = { .fd = relay->listener, .events = POLLIN };
    return poll(&look, 1, 0) > 0;
}

static void accept_all(struct relay *relay, int64_t now)
{
    if (relay->count >= relay->most && is_asked(relay))
        make_room(relay, now);
    while (relay->count < relay->most && now >= relay->accept_ms) {
        struct err err = ERR_INIT;
        int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        struct link *link = NULL;
        if (fd < 0)
            err_internal(&err, errno, "accept");
        else
            link = link_new(&relay->place, fd, &err);
        if (!link) {
            relay->accept_ms = now + BREATH_MS;
            say(relay, "", &err, now);
            return;
        }
        link->due = true;
        link->next = relay->links;
        relay->links = link;
        relay->count++;
    }
}

/* Whether any must not be waited for. */
static bool step_all(struct relay *relay, int64_t now)
{
    bool more = false, tick = now >= relay->tick_ms;
    if (tick)
        relay->tick_ms = now + TICK_MS;
    for (struct link **at = &relay->links; *at;) {
        struct link *link = *at;
        /* of a connection under way nobody but libcurl sees what happens */
        if (!tick && !link->due && !link->more && link->state != LINK_CONNECT) {
            at = &link->next;
            continue;
        }
        link_step(link, now);
        if (link->problem.code != ERR_NONE) {
            say(relay, link->id, &link->problem, now);
            link->problem = ERR_INIT;
        }
        if (link->state == LINK_CLOSED) {
            drop(relay, at);
            continue;
        }
        more = more || link->more;
        at = &link->next;
    }
    return more;
}

int relay_step(struct relay *relay, int timeout_ms, struct err *err)
{
    int64_t now = clock_mono_ms();
    accept_all(relay, now);
    if (step_all(relay, now))
        timeout_ms = 0;
    if (timeout_ms < 0 || (timeout_ms > TICK_MS && (relay->count > 0 || relay->accept_ms > now)))
        timeout_ms = TICK_MS;
    unsigned used = 0;
    bool open = relay->count < relay->most && now >= relay->accept_ms;
    relay->fds[used++] = (struct pollfd){ .fd = open ? relay->listener : -1, .events = POLLIN };
    for (const struct link *link = relay->links; link; link = link->next, used += LINK_FDS)
        link_interest(link, &relay->fds[used]);
    int status = raw_set_wait(relay->place.set, relay->fds, used, timeout_ms, err);
    used = 1;
    for (struct link *link = relay->links; link; link = link->next, used += LINK_FDS)
        link->due = relay->fds[used].revents || relay->fds[used + 1].revents;
    return status;
}
