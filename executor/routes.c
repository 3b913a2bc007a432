/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's calls. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "executor/changes.h"
#include "executor/files.h"
#include "executor/interpreter.h"
#include "executor/runs.h"
#include "executor/server.h"
#include "lib/util/clock.h"

enum { HEALTH_MAX = 1024 };

/* A stream on its way to a client. */
struct reply {
    struct follower follower; /* first: the two have one address */
    struct evhttp_request *request;
    bool broken; /* a piece is missing: the answer ends without a result, and the reader comes back with its offset */
};

static void on_data(struct follower *follower, const char *data, size_t len)
{
    struct reply *reply = (struct reply *)follower;
    struct evbuffer *chunk = reply->broken ? NULL : evbuffer_new();
    if (chunk && evbuffer_add(chunk, data, len) == 0)
        evhttp_send_reply_chunk(reply->request, chunk);
    else
        reply->broken = true;
    if (chunk)
        evbuffer_free(chunk);
}

static void on_end(struct follower *follower)
{
    struct reply *reply = (struct reply *)follower;
    server_end_lines(reply->request);
    free(reply);
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct reply *reply = arg;
    stream_unfollow(&reply->follower);
    server_abandon(reply->request);
    free(reply);
}

static int send_stream(struct evhttp_request *request, struct run *run, int64_t offset, struct err *err)
{
    if ((uint64_t)offset > run->stream.log.len)
        return err_field(err, "offset", "The stream has %zu bytes so far.", run->stream.log.len);
    struct reply *reply = calloc(1, sizeof(*reply));
    if (!reply)
        return err_internal(err, errno, "out of memory for a stream");
    reply->request = request;
    reply->follower.on_data = on_data;
    reply->follower.on_end = on_end;
    server_begin_lines(request, on_close, reply);
    stream_follow(&run->stream, &reply->follower, (size_t)offset);
    return 0;
}

static int get_health(struct engine *engine, struct evhttp_request *request, const char *part, struct err *err)
{
    (void)part;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(HEALTH_MAX);
    struct wire_health health = { .version = PACKAGE_VERSION, .uptime_ms = clock_mono_ms() - engine->started_ms,
                                  .running = runs_running(engine->runs),
                                  .preparing = interpreters_preparing(engine->interpreters) };
    snprintf(health.isolation, sizeof(health.isolation), "uid, seccomp, rlimits%s%s",
             engine->setup.landlock ? ", landlock" : "", engine->memory.limited ? ", memory cgroup" : "");
    if (wire_health_encode(&health, &text, err) != 0)
        return -1;
    server_reply_json(request, text.data, text.len);
    return 0;
}

static int post_execute(struct engine *engine, struct evhttp_request *request, const char *part, struct err *err)
{
    (void)part;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(body);
    const char *text = (const char *)evbuffer_pullup(body, -1);
    cleanup(wire_execute_release) struct wire_execute wanted = { 0 };
    struct run *run;
    if (wire_execute_decode(text ? text : "", len, &wanted, err) != 0 ||
        runs_execute(engine->runs, &wanted, &run, err) != 0)
        return -1;
    return send_stream(request, run, 0, err);
}

static int get_execution(struct engine *engine, struct evhttp_request *request, const char *id, struct err *err)
{
    struct run *run;
    int64_t offset;
    if (server_query_number(request, "offset", 0, &offset, err) != 0 || runs_find(engine->runs, id, &run, err) != 0)
        return -1;
    return send_stream(request, run, offset, err);
}

static int post_cancel(struct engine *engine, struct evhttp_request *request, const char *id, struct err *err)
{
    struct run *run;
    if (runs_find(engine->runs, id, &run, err) != 0)
        return -1;
    run_force(run, WIRE_FAILURE_CANCELLED);
    server_reply_json(request, "{}\n", 3);
    return 0;
}

static int delete_execution(struct engine *engine, struct evhttp_request *request, const char *id, struct err *err)
{
    int64_t mark;
    if (server_query_number(request, "mark", 0, &mark, err) != 0 || runs_acknowledge(engine->runs, id, mark, err) != 0)
        return -1;
    server_reply_json(request, "{}\n", 3);
    return 0;
}

const struct route routes[] = {
    { "GET", "/health", get_health },
    { "POST", "/execute", post_execute },
    { "GET", "/executions/*", get_execution },
    { "DELETE", "/executions/*", delete_execution },
    { "POST", "/executions/*/cancel", post_cancel },
    { "GET", "/executions/*/changes", changes_get },
    { "GET", "/files/**", files_get },
    { "PUT", "/files/**", files_put },
    { "DELETE", "/files/**", files_delete },
};
const size_t route_count = sizeof(routes) / sizeof(routes[0]);
