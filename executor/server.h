/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's HTTP side: listening, authorization, routes. */
#ifndef SANDBOX_EXECUTOR_SERVER_H
#define SANDBOX_EXECUTOR_SERVER_H

#include "executor/engine.h"

struct evhttp_connection;
struct evhttp_request;
struct server;

/* Listens where engine->setup.listen says. */
struct server *server_new(struct engine *engine, struct err *err) must_use;
void server_free(struct server *server);

/* A row of the table of routes. `*` in a pattern stands for one segment, `**` for the rest of the path. */
struct route {
    const char *method;
    const char *pattern;
    /* `part` is what `*` or `**` stood for, decoded. An error becomes the answer. */
    int (*handle)(struct engine *engine, struct evhttp_request *request, const char *part, struct err *err);
};
extern const struct route routes[];
extern const size_t route_count;

/* Answers with a body. */
void server_reply(struct evhttp_request *request, int status, const char *type, const char *data, size_t len);
/* Answers 200 with JSON text. */
void server_reply_json(struct evhttp_request *request, const char *text, size_t len);
/* Begins an answer of JSON lines, whose chunks the caller sends; on_close is called when the client leaves before its end. */
void server_begin_lines(struct evhttp_request *request, void (*on_close)(struct evhttp_connection *connection, void *arg), void *arg);
void server_end_lines(struct evhttp_request *request);
/* In on_close: the request is not answered any more. */
void server_abandon(struct evhttp_request *request);
/* A number of the query string, or `preset`. ERR_INVALID. */
int server_query_number(struct evhttp_request *request, const char *name, int64_t preset, int64_t *out,
                        struct err *err) must_use;
/* A text of the query string, or "". ERR_INVALID: longer than `size` less one. */
int server_query_text(struct evhttp_request *request, const char *name, char *out, size_t size, struct err *err) must_use;

#endif
