/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /internal: what executors report. */
#include "fcgi/call.h"
#include "fcgi/codec/internal_codec.h"

int internal_status(struct call *call, struct err *err)
{
    if (report_status_decode(&call->request->body, err) != 0 ||
        callback_running(call->context, &call->caller, call->id, err) != 0)
        return -1;
    return call_answer(call, 200, report_execution_encode(call->id, "running"), err);
}

int internal_heartbeat(struct call *call, struct err *err)
{
    bool go_on = true;
    if (report_empty_decode(&call->request->body, err) != 0 ||
        callback_heartbeat(call->context, &call->caller, call->id, &go_on, err) != 0)
        return -1;
    return call_answer(call, 200, report_continue_encode(go_on), err);
}

static char *encode_result(const void *id, const void *status)
{
    return call_text(report_execution_encode(id, execution_status_name(*(const enum execution_status *)status)));
}

static void result_release(struct callback_result *result)
{
    execution_outcome_release(&result->outcome);
}

int internal_result(struct call *call, struct err *err)
{
    cleanup(idempotency_release) struct idempotency once = { .encode = encode_result, .arg = call->id };
    cleanup(result_release) struct callback_result result = { .once = &once };
    if (call_idempotency(call, &once, err) != 0 || report_result_decode(&call->request->body, &result, err) != 0 ||
        callback_result(call->context, &call->caller, call->id, &result, err) != 0)
        return -1;
    if (once.replayed)
        return call_replay(call, 200, &once, err);
    return call_answer(call, 201, report_execution_encode(call->id, execution_status_name(result.status)), err);
}

int internal_artifacts(struct call *call, struct err *err)
{
    cleanup_free char *json = NULL;
    if (report_artifacts_decode(&call->request->body, &json, err) != 0 ||
        callback_artifacts(call->context, &call->caller, call->id, json, err) != 0)
        return -1;
    return call_answer(call, 200, report_artifacts_encode(call->id, json), err);
}

int internal_container_ready(struct call *call, struct err *err)
{
    if (report_empty_decode(&call->request->body, err) != 0 ||
        callback_ready(call->context, &call->caller, call->id, err) != 0)
        return -1;
    return call_answer(call, 200, report_session_encode(call->id, SESSION_RUNNING), err);
}

int internal_container_exited(struct call *call, struct err *err)
{
    char reason[EXIT_TEXT_SIZE];
    enum session_status status;
    if (report_exit_decode(&call->request->body, reason, err) != 0 ||
        callback_exited(call->context, &call->caller, call->id, reason, &status, err) != 0)
        return -1;
    return call_answer(call, 200, report_session_encode(call->id, status), err);
}
