/* SPDX-License-Identifier: Apache-2.0 */
/* The moments that were stored with an execution, and those of the request that asks for them. */
#include "fcgi/tracing.h"

#include "fcgi/codec/fields.h"
#include "fcgi/guard.h"
#include "lib/util/clock.h"

int tracing_open(const struct call *call, bool submits, struct tracing *out, struct err *err)
{
    int64_t wanted = 0;
    *out = (struct tracing){ 0 };
    if (request_query_int(call->request, "trace", 0, 1, &wanted, err) != 0)
        return -1;
    if (!wanted)
        return 0;
    if (!(call->caller.scopes & SCOPE_ADMIN))
        return err_set(err, ERR_FORBIDDEN, "A trace needs a token with the scope \"%s\".", guard_scope_name(SCOPE_ADMIN));
    out->wanted = true;
    if (submits) {
        trace_mark(&out->own, TRACE_ADMITTED);
        trace_mark_at(&out->own, TRACE_BEGUN, out->own.at[TRACE_ADMITTED] - (clock_mono_us() - call->begun_us));
    }
    return 0;
}

struct trace *tracing_own(struct tracing *tracing)
{
    return tracing->wanted && !tracing->foreign ? &tracing->own : NULL;
}

void tracing_disown(struct tracing *tracing)
{
    tracing->own = (struct trace){ 0 };
    tracing->foreign = true;
}

static struct json_object *encode_steps(const struct trace *trace, int64_t attempts, int64_t *total_out)
{
    struct trace_step steps[TRACE_STEPS_MAX];
    size_t count = trace_steps(trace, attempts, steps, total_out);
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < count; i++) {
        struct json_object *step = json_object_new_object();
        if (!step)
            break;
        fields_add_text(step, "step", steps[i].name);
        fields_add_int(step, "us", steps[i].us);
        json_object_array_add(array, step);
    }
    return array;
}

static struct json_object *encode(const struct trace *trace, int64_t attempts)
{
    struct json_object *object = json_object_new_object();
    int64_t total = 0;
    struct json_object *steps = object ? encode_steps(trace, attempts, &total) : NULL;
    if (!object)
        return NULL;
    fields_add_int(object, "attempts", attempts);
    fields_add_int(object, "total_us", total);
    fields_add(object, "steps", steps);
    return object;
}

/* An executor that pushes was not seen at work; that it measured the code is all there is. */
static void add_run(struct trace *trace, const struct execution_outcome *outcome)
{
    if (!trace->at[TRACE_ANSWERED])
        trace_took(trace, TRACE_RUN, outcome->duration_ms);
}

void tracing_add(struct tracing *tracing, const struct execution *execution, struct json_object *body)
{
    const char *text = execution->outcome.trace_json;
    struct trace whole = { 0 };
    struct err ignored = ERR_INIT;
    if (!tracing->wanted || !body)
        return;
    bool traced = text && trace_decode(text, &whole, &ignored) == 0;
    if (tracing->own.at[TRACE_WOKEN])
        trace_mark(&tracing->own, TRACE_ENCODED);
    trace_merge(&whole, &tracing->own);
    add_run(&whole, &execution->outcome);
    fields_add(body, "trace", traced ? encode(&whole, execution->attempts) : NULL);
}
