/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of executions. */
#include "fcgi/call.h"
#include "fcgi/codec/execution_codec.h"
#include "lib/service/cancelling.h"

enum {
    SYNC_MARGIN_S = 10, /* beyond an execution's own time: its start, its end, a retry */
    CANCEL_WAIT_S = 10,
};

/* A result as far as there is one: 200, or `unfinished` with the status. */
static int answer_result(const struct call *call, const struct execution *execution, int unfinished,
                         struct err *err)
{
    int status = execution_status_final(execution->status) ? 200 : unfinished;
    return call_answer(call, status, execution_result_encode(execution), err);
}

/* Waits in the seat that the caller has taken, and leaves it. */
static int wait_seated(const struct call *call, const char *id, int64_t limit_ms, struct execution *out,
                       struct err *err)
{
    const struct wait wait = { .room = call->room, .limit_ms = limit_ms, .client_fd = call->client_fd };
    int status = wait_for_execution(call->context, &wait, call->caller.owner, id, out, err);
    wait_room_leave(call->room);
    return status;
}

/* Submits the body's execution and, if a seat is free, waits for it. */
static int submit(const struct call *call, int64_t wait_s, bool sync, struct execution *out, struct err *err)
{
    cleanup(execution_request_release) struct execution_request request = { 0 };
    const struct strbuf *body = &call->request->body;
    if (call_check_session_id(call, err) != 0 ||
        execution_request_decode(strbuf_str(body), body->len, &request, err) != 0)
        return -1;
    if (sync)
        wait_s = request.timeout_s + SYNC_MARGIN_S;
    bool seated = wait_s > 0 && wait_room_enter(call->room);
    if (execution_service_submit(call->context, call->caller.owner, call->id, &request, seated, out, err) != 0) {
        if (seated)
            wait_room_leave(call->room);
        return -1;
    }
    if (!seated)
        return 0;
    struct execution waited = { 0 };
    if (wait_seated(call, out->id, wait_s * 1000, &waited, err) != 0) {
        execution_release(&waited);
        return 0; /* it was accepted: that is the answer, whatever kept us from seeing its end */
    }
    execution_release(out);
    *out = waited;
    return 0;
}

int executions_submit(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    int64_t wait_s = 0;
    if (request_query_int(call->request, "wait", 0, WAIT_MAX_S, &wait_s, err) != 0 ||
        submit(call, wait_s, false, &execution, err) != 0)
        return -1;
    if (execution_status_final(execution.status))
        return answer_result(call, &execution, 200, err);
    return call_answer(call, 200, execution_submitted_encode(&execution), err);
}

int executions_submit_sync(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    if (submit(call, 0, true, &execution, err) != 0)
        return -1;
    return answer_result(call, &execution, 202, err);
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
static int wait_if_open(const struct call *call, int64_t wait_s, struct execution *out, struct err *err)
{
    if (execution_status_final(out->status) || wait_s == 0 || !wait_room_enter(call->room))
        return 0;
    if (wait_announce(call->context, call->id, err) != 0) {
        wait_room_leave(call->room);
        return -1;
    }
    return wait_seated(call, call->id, wait_s * 1000, out, err);
}

int executions_result(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    int64_t wait_s = 0;
    if (request_query_int(call->request, "wait", 0, WAIT_MAX_S, &wait_s, err) != 0 ||
        get(call, EXECUTION_WITH_OUTCOME, &execution, err) != 0 || wait_if_open(call, wait_s, &execution, err) != 0)
        return -1;
    return answer_result(call, &execution, 202, err);
}

int executions_cancel(struct call *call, struct err *err)
{
    cleanup(execution_release) struct execution execution = { 0 };
    if (call_check_execution_id(call, err) != 0 ||
        execution_service_cancel(call->context, call->caller.owner, call->id, &execution, err) != 0 ||
        wait_if_open(call, CANCEL_WAIT_S, &execution, err) != 0 ||
        execution_service_check_cancelled(&execution, err) != 0)
        return -1;
    return call_answer(call, 200, execution_cancelled_encode(&execution), err);
}
