/* SPDX-License-Identifier: Apache-2.0 */
/* One request from start to end: open, route, admit, read, handle, answer, log. Knows nothing of FastCGI. */
#ifndef SANDBOX_FCGI_SERVE_H
#define SANDBOX_FCGI_SERVE_H

#include "fcgi/call.h"
#include "fcgi/router.h"
#include "lib/service/ahead.h"

/* What a thread serves with. */
struct server {
    struct context *context; /* its actor is each request's */
    struct wait_room *room;
    struct metrics *http_metrics; /* NULL: requests are not counted */
    const struct route *routes;
    size_t route_count;
};

/* A request from its opening to its answer, so that several can be open before the first is served. */
struct visit;

/* Opens the request of `source` and finds its route. `source` and `sink` are borrowed until it is freed. NULL: no memory, there will be no answer. */
struct visit *visit_open(const struct server *server, const struct request_source *source, int client_fd,
                         const struct response_sink *sink) must_use;
/* Whether it is answered soon: by one or two reads, or refused. */
bool visit_is_short(const struct visit *visit);
/* What can be looked up for it, for ahead_find(); NULL: nothing. */
struct ahead *visit_ahead(struct visit *visit);
/* Serves it and writes its answer, whatever happens. One at a time of a server. */
void visit_serve(struct visit *visit);
void visit_free(struct visit *visit);

/* All of it. -1: no memory, there was no answer. */
int serve_request(const struct server *server, const struct request_source *source, int client_fd,
                  const struct response_sink *sink) must_use;

#endif
