/* SPDX-License-Identifier: Apache-2.0 */
/* The small calls: acknowledge, cancel, and waiting for a new executor. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#include "lib/execclient/execclient.h"
#include "lib/execclient/request.h"
#include "lib/util/clock.h"

enum {
    CALL_TIMEOUT_MS = 5000,
    HEALTH_TIMEOUT_MS = 2000, /* of one question */
    HEALTH_BODY_MAX = 4096,
    DELAY_MAX_MS = 20, /* between questions, when nothing announces the socket */
};

void exec_request_init(struct exec_request *request, const struct exec_target *target, const char *method,
                       const char *path, const char *id, const char *tail)
{
    snprintf(request->url, sizeof(request->url), "%s%s%s%s", target->url, path, id ? id : "", tail ? tail : "");
    request->http = (struct http_request){
        .method = method,
        .unix_path = target->unix_path && target->unix_path[0] ? target->unix_path : NULL,
        .url = request->url,
        .bearer = target->secret,
    };
}

static void forget(void *arg, int status, const struct err *err)
{
    (void)arg;
    (void)status;
    (void)err; /* the executor goes with its container; nothing depends on this call */
}

static void fire(struct http *http, const struct exec_target *target, const char *method, const char *id,
                 const char *tail)
{
    struct exec_request request;
    struct err ignored = ERR_INIT;
    exec_request_init(&request, target, method, "/executions/", id, tail);
    request.http.timeout_ms = CALL_TIMEOUT_MS;
    request.http.on_done = forget;
    (void)!http_start(http, &request.http, NULL, &ignored);
}

void execclient_ack(struct http *http, const struct exec_target *target, const char *execution_id, int64_t mark)
{
    char tail[32];
    snprintf(tail, sizeof(tail), "?mark=%" PRId64, mark);
    fire(http, target, "DELETE", execution_id, mark >= 0 ? tail : NULL);
}

void execclient_cancel(struct http *http, const struct exec_target *target, const char *execution_id)
{
    fire(http, target, "POST", execution_id, "/cancel");
}

/* A descriptor that becomes readable when something appears beside the socket; -1: there is nothing to watch. */
static int watch_directory(const char *unix_path)
{
    char copy[PATH_MAX];
    if (!unix_path || !unix_path[0])
        return -1;
    snprintf(copy, sizeof(copy), "%s", unix_path);
    cleanup_fd int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0 || inotify_add_watch(fd, dirname(copy), IN_CREATE | IN_ATTRIB | IN_MOVED_TO) < 0)
        return -1;
    return steal_fd(&fd);
}

static void wait_for_change(int watch, int64_t ms)
{
    struct pollfd fd = { .fd = watch, .events = POLLIN };
    char events[1024];
    if (poll(&fd, 1, (int)ms) > 0)
        while (read(watch, events, sizeof(events)) > 0)
            ;
}

/* One question. 0: healthy; 1: not yet; -1: never will be. */
static int ask(struct http *http, const struct exec_target *target, int64_t timeout_ms, struct wire_health *out,
               struct err *err)
{
    struct exec_request request;
    cleanup_strbuf struct strbuf body = STRBUF_INIT(HEALTH_BODY_MAX);
    int status = 0;
    if (target->unix_path && target->unix_path[0] && access(target->unix_path, F_OK) != 0)
        return 1;
    exec_request_init(&request, target, "GET", "/health", NULL, NULL);
    request.http.timeout_ms = timeout_ms < HEALTH_TIMEOUT_MS ? timeout_ms : HEALTH_TIMEOUT_MS;
    request.http.connect_timeout_ms = request.http.timeout_ms;
    if (http_fetch(http, &request.http, &status, &body, err) != 0)
        return 1;
    if (status == 401 || status == 403)
        return err_set(err, ERR_UNAUTHORIZED, "The executor does not accept its secret (HTTP %d).", status);
    if (status != 200)
        return 1;
    return wire_health_decode(strbuf_str(&body), body.len, out, err) == 0 ? 0 : 1;
}

int execclient_health(struct http *http, const struct exec_target *target, int64_t deadline_ms,
                      struct wire_health *out, struct err *err)
{
    struct err last = ERR_INIT;
    cleanup_fd int watch = watch_directory(target->unix_path);
    for (int64_t delay = 1;; delay = delay < DELAY_MAX_MS / 2 ? delay * 2 : DELAY_MAX_MS) {
        int64_t left = deadline_ms - clock_mono_ms();
        int state = ask(http, target, left > 0 ? left : 1, out, &last);
        if (state <= 0) {
            if (state < 0)
                *err = last;
            return state;
        }
        left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            break;
        wait_for_change(watch, left < delay ? left : delay);
    }
    err_set(err, ERR_TIMEOUT, "The sandbox's executor did not answer in time.");
    if (last.code != ERR_NONE)
        err_wrap(err, "%s %s", last.text, last.detail);
    return -1;
}
