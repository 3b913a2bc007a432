/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request, as named steps; the first that fails makes the answer. */
#include "fcgi/serve.h"

#include <string.h>

#include "fcgi/guard.h"
#include "fcgi/metrics.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

struct visit {
    const struct server *server;
    struct request request;
    struct response response;
    struct route_match match;
    struct call call;
    int64_t start_us;
    enum err_code failure; /* that made the answer */
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
    visit->call.id = visit->match.id;
    visit->call.tail = visit->match.tail;
    visit->call.tail_count = visit->match.tail_count;
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

static void run(struct visit *visit, const struct request_source *source)
{
    struct err err = ERR_INIT;
    int status = request_open(&visit->request, source, &err);
    guard_request_id(&visit->request, visit->server->context, visit->response.request_id);
    guard_identify(&visit->request, visit->response.request_id, visit->server->context);
    if (status == 0)
        status = find_route(visit, &err);
    if (status == 0)
        status = handle(visit, &err);
    if (status != 0) {
        response_error(&visit->response, &err);
        visit->failure = err.code;
        log_failure(visit, &err);
    }
}

void serve_request(const struct server *server, const struct request_source *source, int client_fd,
                   const struct response_sink *sink)
{
    struct visit visit = { .server = server, .start_us = clock_mono_us() };
    visit.call = (struct call){ .context = server->context,
                                .request = &visit.request,
                                .begun_us = visit.start_us,
                                .room = server->room,
                                .client_fd = client_fd,
                                .response = &visit.response };
    run(&visit, source);
    bool head = visit.match.head || strcmp(visit.request.method, "HEAD") == 0;
    struct err failure = ERR_INIT;
    int sent = response_send(&visit.response, head, sink, &failure);
    if (failure.code != ERR_NONE) {
        visit.failure = failure.code;
        log_err(LOG_LEVEL_ERROR, "a download failed", &failure, "request_id", visit.response.request_id);
    }
    int64_t us = clock_mono_us() - visit.start_us;
    count(&visit, us);
    log_access(&visit, sent == 0, us);
    request_release(&visit.request);
    response_release(&visit.response);
}
