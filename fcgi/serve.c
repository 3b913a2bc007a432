/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request, as named steps; the first that fails makes the answer. */
#include "fcgi/serve.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/guard.h"
#include "fcgi/metrics.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

struct visit {
    const struct server *server;
    const struct response_sink *sink;
    struct response response;
    struct route_match match;
    struct call call;
    struct ahead ahead;
    int64_t start_us;
    struct err refused;    /* before its route was known; ERR_NONE: not */
    enum err_code failure; /* that made the answer */
    struct request request; /* last: large, and not all of it is used */
};

static int find_route(struct visit *visit, struct err *err)
{
    struct request *request = &visit->request;
    int status = router_find(visit->server->routes, visit->server->route_count, request->method,
                             request->segments, request->segment_count, &visit->match, err);
    if (!visit->match.route)
        memcpy(visit->response.allow, visit->match.allow, sizeof(visit->response.allow));
    return status;
}

/* An executor that has nothing to say need not send {}. */
static int read_body(struct visit *visit, const struct route *route, struct err *err)
{
    struct request *request = &visit->request;
    if (route->body == BODY_STREAM)
        return body_reader_open(&visit->call.body, request, route->body_limit, err);
    if (route->access == ACCESS_CONTAINER && request_has_no_body(request))
        return 0;
    return request_read_body(request, route->body_limit, err);
}

static int handle(struct visit *visit, struct err *err)
{
    const struct route *route = visit->match.route;
    if (!route) { /* OPTIONS */
        response_json(&visit->response, 204, NULL);
        return 0;
    }
    visit->response.internal = route->access == ACCESS_CONTAINER;
    if (guard_admit(route, &visit->request, visit->server->context, &visit->call.caller, err) != 0 ||
        request_check_query(&visit->request, route->query, err) != 0 ||
        read_body(visit, route, err) != 0)
        return -1;
    return route->handler(&visit->call, err);
}

static void log_failure(const struct visit *visit, const struct err *err)
{
    if (visit->response.status >= 500)
        log_err(LOG_LEVEL_ERROR, "request failed", err, "request_id", visit->response.request_id);
    else
        log_err(LOG_LEVEL_DEBUG, "request refused", err, "request_id", visit->response.request_id);
}

static void log_access(const struct visit *visit, bool sent, int64_t us)
{
    const char *error_code = visit->response.error_code;
    log_event(LOG_LEVEL_INFO, sent ? "request" : "request abandoned by the client",
              LOG_STR("request_id", visit->response.request_id), LOG_STR("method", visit->request.method),
              LOG_STR("path", visit->request.path), LOG_INT("status", visit->response.status),
              LOG_STR("error_code", error_code ? error_code : ""), LOG_INT("us", us),
              LOG_STR("owner", visit->call.caller.owner));
}

static void count(const struct visit *visit, int64_t us)
{
    const char *authorization = request_param(&visit->request, "HTTP_AUTHORIZATION");
    const struct served served = {
        .route = visit->match.route,
        .method = visit->request.method,
        .status = visit->response.status,
        .failure = visit->failure,
        .has_token = authorization && authorization[0],
        .replayed = visit->response.replayed,
        .us = us,
    };
    http_metrics_count(visit->server->http_metrics, &served);
}

static void run(struct visit *visit)
{
    struct err err = visit->refused;
    guard_identify(&visit->request, visit->response.request_id, visit->server->context);
    if (err.code != ERR_NONE || handle(visit, &err) != 0) {
        response_error(&visit->response, &err);
        visit->failure = err.code;
        log_failure(visit, &err);
    }
}

static void answer(struct visit *visit)
{
    bool head = visit->match.head || strcmp(visit->request.method, "HEAD") == 0;
    struct err failure = ERR_INIT;
    int sent = response_send(&visit->response, head, visit->sink, &failure);
    if (failure.code != ERR_NONE) {
        visit->failure = failure.code;
        log_err(LOG_LEVEL_ERROR, "a download failed", &failure, "request_id", visit->response.request_id);
    }
    int64_t us = clock_mono_us() - visit->start_us;
    count(visit, us);
    log_access(visit, sent == 0, us);
}

static void open_request(struct visit *visit, const struct request_source *source)
{
    if (request_open(&visit->request, source, &visit->refused) == 0 && find_route(visit, &visit->refused) == 0)
        visit->refused = ERR_INIT;
    guard_request_id(&visit->request, visit->server->context, visit->response.request_id);
    visit->call.id = visit->match.id;
    visit->call.tail = visit->match.tail;
    visit->call.tail_count = visit->match.tail_count;
}

struct visit *visit_open(const struct server *server, const struct request_source *source, int client_fd,
                         const struct response_sink *sink)
{
    struct visit *visit = malloc(sizeof(*visit));
    if (!visit)
        return NULL;
    memset(visit, 0, offsetof(struct visit, request));
    visit->server = server;
    visit->sink = sink;
    visit->start_us = clock_mono_us();
    visit->call = (struct call){ .context = server->context,
                                 .request = &visit->request,
                                 .begun_us = visit->start_us,
                                 .room = server->room,
                                 .client_fd = client_fd,
                                 .response = &visit->response };
    open_request(visit, source);
    return visit;
}

bool visit_is_short(const struct visit *visit)
{
    const struct route *route = visit->match.route;
    return request_has_no_body(&visit->request) && (visit->refused.code != ERR_NONE || (route && route->ahead != AHEAD_NOTHING));
}

struct ahead *visit_ahead(struct visit *visit)
{
    const struct route *route = visit->match.route;
    struct err none = ERR_INIT;
    if (visit->refused.code != ERR_NONE || !route || route->ahead == AHEAD_NOTHING)
        return NULL;
    visit->ahead.token = guard_bearer_token(&visit->request);
    if (!visit->ahead.token)
        return NULL;
    if (route->ahead == AHEAD_SESSION && call_check_session_id(&visit->call, &none) == 0)
        visit->ahead.session_id = visit->call.id;
    return &visit->ahead;
}

void visit_serve(struct visit *visit)
{
    struct context *context = visit->server->context;
    context->ahead = &visit->ahead;
    run(visit);
    answer(visit);
    context->ahead = NULL;
}

void visit_free(struct visit *visit)
{
    ahead_release(&visit->ahead);
    request_release(&visit->request);
    response_release(&visit->response);
    free(visit);
}

int serve_request(const struct server *server, const struct request_source *source, int client_fd,
                  const struct response_sink *sink)
{
    struct visit *visit = visit_open(server, source, client_fd, sink);
    if (!visit)
        return -1;
    visit_serve(visit);
    visit_free(visit);
    return 0;
}
