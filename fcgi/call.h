/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler is given: a request that has passed router and guard, and the response to fill. */
#ifndef SANDBOX_FCGI_CALL_H
#define SANDBOX_FCGI_CALL_H

#include "fcgi/request.h"
#include "fcgi/response.h"
#include "lib/model/workspace.h"
#include "lib/service/context.h"
#include "lib/service/idempotency.h"
#include "lib/service/waiting.h"

struct call {
    const struct context *context;
    const struct request *request;
    struct caller caller;
    const char *id; /* what stands for the {id} of the route's pattern */
    const char *const *tail; /* and for its {name...} */
    size_t tail_count;
    struct body_reader body; /* of a route with BODY_STREAM */
    int64_t begun_us; /* clock_mono_us() when the request came */
    struct wait_room *room;
    int client_fd;  /* hangs up when the client is gone; -1: unknown */
    struct response *response;
};

/* Pages: "limit" and "offset" of the query. */
int call_page(const struct call *call, struct page *out, struct err *err) must_use;
/* Answers with `body`; ERR_INTERNAL when it is NULL (no memory). */
int call_answer(const struct call *call, int status, struct json_object *body, struct err *err) must_use;
/* {message} */
struct json_object *call_message(const char *message) must_use;
/* Whether the path's id can be one at all: ERR_..._NOT_FOUND. What cannot is not looked up. */
int call_check_session_id(const struct call *call, struct err *err) must_use;
int call_check_execution_id(const struct call *call, struct err *err) must_use;
int call_check_container_id(const struct call *call, struct err *err) must_use;
/* The path of a file of the workspace out of the pattern's {path...}: ERR_INVALID for what is none. */
int call_file_path(const struct call *call, char out[WORKSPACE_PATH_SIZE], struct err *err) must_use;
/* Whose containers the caller may see: NULL for everybody's, with the scope admin. */
const char *call_owner(const struct call *call);

/* The request's Idempotency-Key, if it has one. */
int call_idempotency(const struct call *call, struct idempotency *out, struct err *err) must_use;
/* Answers with what the first such request was answered. */
int call_replay(const struct call *call, int status, const struct idempotency *once, struct err *err) must_use;
/* A malloc()ed copy of the body's text, which is released; NULL when memory ran out. */
char *call_text(struct json_object *body) must_use;

/* Handlers, one file a subject. */
int sessions_create(struct call *call, struct err *err);
int sessions_list(struct call *call, struct err *err);
int sessions_get(struct call *call, struct err *err);
int sessions_renew(struct call *call, struct err *err);
int sessions_delete(struct call *call, struct err *err);
int executions_submit(struct call *call, struct err *err);
int executions_submit_sync(struct call *call, struct err *err);
int executions_of_session(struct call *call, struct err *err);
int executions_get(struct call *call, struct err *err);
int executions_status(struct call *call, struct err *err);
int executions_result(struct call *call, struct err *err);
int executions_cancel(struct call *call, struct err *err);
int files_list(struct call *call, struct err *err);
int files_get(struct call *call, struct err *err);
int files_delete(struct call *call, struct err *err);
int files_upload(struct call *call, struct err *err);
int internal_status(struct call *call, struct err *err);
int internal_heartbeat(struct call *call, struct err *err);
int internal_result(struct call *call, struct err *err);
int internal_artifacts(struct call *call, struct err *err);
int internal_container_ready(struct call *call, struct err *err);
int internal_container_exited(struct call *call, struct err *err);
int containers_list(struct call *call, struct err *err);
int containers_get(struct call *call, struct err *err);
int nodes_list(struct call *call, struct err *err);
int nodes_update(struct call *call, struct err *err);
int templates_list(struct call *call, struct err *err);
int templates_get(struct call *call, struct err *err);
int templates_create(struct call *call, struct err *err);
int templates_update(struct call *call, struct err *err);
int templates_delete(struct call *call, struct err *err);
int containers_logs(struct call *call, struct err *err);
int health_get(struct call *call, struct err *err);
int health_detailed(struct call *call, struct err *err);
int metrics_get(struct call *call, struct err *err);

#endif
