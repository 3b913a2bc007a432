/* SPDX-License-Identifier: Apache-2.0 */
/* One request from start to end: open, route, admit, read, handle, answer, log. Knows nothing of FastCGI. */
#ifndef SANDBOX_FCGI_SERVE_H
#define SANDBOX_FCGI_SERVE_H

#include "fcgi/call.h"
#include "fcgi/router.h"

/* What a thread serves with. */
struct server {
    struct context *context; /* its actor is each request's */
    struct wait_room *room;
    struct metrics *http_metrics; /* NULL: requests are not counted */
    const struct route *routes;
    size_t route_count;
};

/* Serves the request of `source` and writes its answer, whatever happens. */
void serve_request(const struct server *server, const struct request_source *source, int client_fd,
                   const struct response_sink *sink);

#endif
