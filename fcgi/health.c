/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /health. */
#include "fcgi/call.h"
#include "fcgi/codec/health_codec.h"

int health_get(struct call *call, struct err *err)
{
    double took_ms;
    if (health_service_ping(call->context, &took_ms, err) != 0) {
        response_error(call->response, err);
        if (call->response->body)
            json_object_object_add(call->response->body, "status", json_object_new_string("unhealthy"));
        return 0;
    }
    return call_answer(call, 200, health_encode(took_ms), err);
}

int health_detailed(struct call *call, struct err *err)
{
    cleanup(health_report_release) struct health_report report;
    health_service_report(call->context, &report);
    call->response->retry_after_s = report.overall == HEALTH_BAD ? RETRY_AFTER_S : 0;
    bool usage = call->caller.scopes & SCOPE_ADMIN; /* who has the node is no other owner's business */
    return call_answer(call, report.overall == HEALTH_BAD ? 503 : 200, health_report_encode(&report, usage), err);
}
