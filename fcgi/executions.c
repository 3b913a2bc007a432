/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of executions. */
#include "fcgi/call.h"
#include "fcgi/codec/execution_codec.h"
#include "fcgi/tracing.h"
#include "lib/service/cancelling.h"

enum {
    SYNC_MARGIN_S = 10, /* beyond an execution's own time: its start, its end, a retry */
    CANCEL_WAIT_S = 10,
};

/* A result as far as there is one: 200, or `unfinished` with the status. */
static int answer_result(const struct call *call, struct tracing *tracing, const struct execution *execution, int unfinished,
                         struct err *err)
{
    bool final = execution_status_final(execution->status);
    struct json_object *body = execution_result_encode(execution);
    if (final)
        tracing_add(tracing, execution, body);
    return call_answer(call, final ? 200 : unfinished, body, err);
}

/* Waits in the seat that the caller has taken, and leaves it. */
static int wait_seated(const struct call *call, const char *id, int64_t limit_ms, bool fresh, struct trace *trace,
                       struct execution *out, struct err *err)
{
    const struct wait wait = { .room = call->room, .limit_ms = limit_ms, .client_fd = call->client_fd, .fresh = fresh, .trace = trace };
    int status = wait_for_execution(call->context, &wait, call->caller.owner, id, out, err);
    wait_room_leave(call->room);
    return status;
}

/* What came of a submission: a new execution, or the one that an equal request made before. */
struct submitted {
    struct execution execution;
    struct idempotency once;
    struct tracing tracing;
};

static void submitted_release(struct submitted *submitted)
{
    execution_release(&submitted->execution);
    idempotency_release(&submitted->once);
}

static char *encode_submitted(const void *arg, const void *execution)
{
    (void)arg;
    return call_text(execution_submitted_encode(execution));
}

/* Whatever keeps us from seeing its end, it was accepted: out->execution stays as it was then. */
static void await(const struct call *call, bool seated, int64_t wait_s, struct submitted *out)
{
    struct err ignored = ERR_INIT;
    struct execution waited = { 0 };
    const char *id = out->execution.id;
    int status = 0;
    if (out->once.replayed && seated)
        status = wait_announce(call->context, id, &ignored);
    if (!seated)
        status = execution_service_get(call->context, call->caller.owner, id, EXECUTION_WITH_OUTCOME, &waited, &ignored);
    else if (status == 0)
        status = wait_seated(call, id, wait_s * 1000, !out->once.replayed, tracing_own(&out->tracing), &waited, &ignored);
    else
        wait_room_leave(call->room);
    if (status == 0) {
        if (!out->once.replayed)
            waited.created_at = out->execution.created_at; /* as the answer says that is kept for the key */
        execution_release(&out->execution);
        out->execution = waited;
    } else {
        execution_release(&waited);
    }
}

/* Submits the body's execution and, if a seat is free, waits for it. */
static int submit(const struct call *call, int64_t wait_s, bool sync, struct submitted *out, struct err *err)
{
    cleanup(execution_request_release) struct execution_request request = { 0 };
    const struct strbuf *body = &call->request->body;
    out->once.encode = encode_submitted;
    if (tracing_open(call, true, &out->tracing, err) != 0 || call_check_session_id(call, err) != 0 ||
        execution_request_decode(strbuf_str(body), body->len, &request, err) != 0 ||
        call_idempotency(call, &out->once, err) != 0)
        return -1;
    request.once = &out->once;
    request.trace = tracing_own(&out->tracing);
    if (sync)
        wait_s = request.timeout_s + SYNC_MARGIN_S;
    bool seated = wait_s > 0 && wait_room_enter(call->room);
    if (execution_service_submit(call->context, call->caller.owner, call->id, &request, seated, &out->execution, err) != 0) {
        if (seated)
            wait_room_leave(call->room);
        return -1;
    }
    call->response->replayed = out->once.replayed;
    if (out->once.replayed)
        tracing_disown(&out->tracing);
    if (seated || (out->once.replayed && wait_s > 0))
        await(call, seated, wait_s, out);
    return 0;
}

int executions_submit(struct call *call, struct err *err)
{
    cleanup(submitted_release) struct submitted submitted = { 0 };
    int64_t wait_s = 0;
    if (request_query_int(call->request, "wait", 0, WAIT_MAX_S, &wait_s, err) != 0 ||
        submit(call, wait_s, false, &submitted, err) != 0)
        return -1;
    if (execution_status_final(submitted.execution.status))
        return answer_result(call, &submitted.tracing, &submitted.execution, 200, err);
    if (submitted.once.replayed)
        return call_replay(call, 200, &submitted.once, err);
    return call_answer(call, 200, execution_submitted_encode(&submitted.execution), err);
}

int executions_submit_sync(struct call *call, struct err *err)
{
    cleanup(submitted_release) struct submitted submitted = { 0 };
    if (submit(call, 0, true, &submitted, err) != 0)
        return -1;
    return answer_result(call, &submitted.tracing, &submitted.execution, 202, err);
}

int executions_of_session(struct call *call, struct err *err)
{
    cleanup(execution_list_release) struct execution_list list = { 0 };
    struct page page;
    const char *name = request_query(call->request, "status");
    int status = name ? execution_status_parse(name) : -1;
    if (name && status < 0)
        return err_field(err, "status",
                         "status must be pending, running, completed, failed, timeout, crashed or cancelled.");
    if (call_check_session_id(call, err) != 0 || call_page(call, &page, err) != 0 ||
        execution_service_list(call->context, call->caller.owner, call->id, status, &page, &list, err) != 0)
        return -1;
    return call_answer(call, 200, execution_list_encode(&list), err);
}

static int get(const struct call *call, enum execution_part part, struct execution *out, struct err *err)
{
    if (call_check_execution_id(call, err) != 0)
        return -1;
    return execution_service_get(call->context, call->caller.owner, call->id, part, out, err);
}

int executions_get(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    if (get(call, EXECUTION_WHOLE, &execution, err) != 0)
        return -1;
    return call_answer(call, 200, execution_encode(&execution), err);
}

int executions_status(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    if (get(call, EXECUTION_SUMMARY, &execution, err) != 0)
        return -1;
    return call_answer(call, 200, execution_status_encode(&execution), err);
}

/* With a wait and a free seat, the row as it is in the end; else it stays as it is. */
static int wait_if_open(const struct call *call, int64_t wait_s, struct trace *trace, struct execution *out, struct err *err)
{
    if (execution_status_final(out->status) || wait_s == 0 || !wait_room_enter(call->room))
        return 0;
    if (wait_announce(call->context, call->id, err) != 0) {
        wait_room_leave(call->room);
        return -1;
    }
    return wait_seated(call, call->id, wait_s * 1000, false, trace, out, err);
}

int executions_result(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    struct tracing tracing;
    int64_t wait_s = 0;
    if (tracing_open(call, false, &tracing, err) != 0 || request_query_int(call->request, "wait", 0, WAIT_MAX_S, &wait_s, err) != 0 ||
        get(call, EXECUTION_WITH_OUTCOME, &execution, err) != 0 ||
        wait_if_open(call, wait_s, tracing_own(&tracing), &execution, err) != 0)
        return -1;
    return answer_result(call, &tracing, &execution, 202, err);
}

int executions_cancel(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    if (call_check_execution_id(call, err) != 0 ||
        execution_service_cancel(call->context, call->caller.owner, call->id, &execution, err) != 0 ||
        wait_if_open(call, CANCEL_WAIT_S, NULL, &execution, err) != 0 ||
        execution_service_check_cancelled(&execution, err) != 0)
        return -1;
    return call_answer(call, 200, execution_cancelled_encode(&execution), err);
}
