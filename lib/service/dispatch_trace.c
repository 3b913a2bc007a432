/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's moments of an execution. */
#include <stdlib.h>

#include "lib/service/dispatch_internal.h"
#include "lib/service/metrics.h"
#include "lib/util/clock.h"

void flight_trace(struct flight *flight, const struct execution_claim *claim)
{
    const char *before = claim->execution.trace_json;
    struct err ignored = ERR_INIT;
    flight->trace = before ? calloc(1, sizeof(*flight->trace)) : NULL;
    if (!flight->trace)
        return;
    (void)!trace_decode(before, flight->trace, &ignored);
    trace_mark_at(flight->trace, TRACE_HEARD, flight->dispatch->heard_us);
    trace_mark(flight->trace, TRACE_CLAIMED);
}

void flight_trace_answer(struct flight *flight, const struct wire_result *result)
{
    int64_t us = clock_mono_us() - flight->sent_us;
    trace_mark(flight->trace, TRACE_ANSWERED);
    trace_took(flight->trace, TRACE_START, result->start_ms);
    trace_took(flight->trace, TRACE_RUN, result->duration_ms);
    trace_took(flight->trace, TRACE_COLLECT, result->collect_ms);
    if (result->duration_ms >= 0 && result->duration_ms * 1000 <= (double)us) /* an executor's word */
        metrics_observe(flight->dispatch->config.metrics, METRIC_DISPATCH, METRIC_DISPATCH_EXECUTOR, 0, us - (int64_t)(result->duration_ms * 1000));
}

void flight_trace_store(struct flight *flight)
{
    struct execution_outcome *outcome = &flight->verdict.outcome;
    if (flight->trace && !outcome->trace_json)
        outcome->trace_json = trace_text(flight->trace);
}
