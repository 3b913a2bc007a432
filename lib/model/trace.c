/* SPDX-License-Identifier: Apache-2.0 */
/* Moments in, steps out. */
#include "lib/model/trace.h"

#include <inttypes.h>
#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/json.h"

enum { TEXT_MAX = 1000, US_IN_MS = 1000, MS_MAX = 1000000000 };

struct moment {
    const char *name;
    const char *step; /* that it ends */
};
static const struct moment moments[TRACE_MOMENTS] = {
    [TRACE_BEGUN] = { "begun", NULL },
    [TRACE_ADMITTED] = { "admitted", "guard" },
    [TRACE_RUNG] = { "rung", "insert" },
    [TRACE_HEARD] = { "heard", "ring" },
    [TRACE_CLAIMED] = { "claimed", "claim" },
    [TRACE_MOVED_IN] = { "moved_in", "files_in" },
    [TRACE_ANSWERED] = { "answered", "send" },
    [TRACE_MOVED_OUT] = { "moved_out", "files_out" },
    [TRACE_STORED] = { "stored", "store" },
    [TRACE_WOKEN] = { "woken", "wake" },
    [TRACE_ENCODED] = { "encoded", "answer" },
};
static const char *const spans[TRACE_SPANS] = { [TRACE_START] = "start", [TRACE_RUN] = "run", [TRACE_COLLECT] = "collect" };

void trace_mark(struct trace *trace, enum trace_moment moment)
{
    if (trace)
        trace->at[moment] = clock_wall_us();
}

void trace_mark_at(struct trace *trace, enum trace_moment moment, int64_t wall_us)
{
    if (trace)
        trace->at[moment] = wall_us;
}

void trace_took(struct trace *trace, enum trace_span span, double ms)
{
    if (trace && ms > 0 && ms < MS_MAX)
        trace->took[span] = (int64_t)(ms * US_IN_MS + 0.5);
}

void trace_merge(struct trace *trace, const struct trace *more)
{
    for (int i = 0; i < TRACE_MOMENTS; i++)
        if (more->at[i])
            trace->at[i] = more->at[i];
    for (int i = 0; i < TRACE_SPANS; i++)
        if (more->took[i])
            trace->took[i] = more->took[i];
}

static void add(struct strbuf *out, size_t start, const char *name, int64_t us)
{
    if (us > 0)
        strbuf_addf(out, "%c\"%s\":%" PRId64, out->len == start ? '{' : ',', name, us);
}

void trace_encode(const struct trace *trace, struct strbuf *out)
{
    size_t start = out->len;
    for (int i = 0; i < TRACE_MOMENTS; i++)
        add(out, start, moments[i].name, trace->at[i]);
    for (int i = 0; i < TRACE_SPANS; i++)
        add(out, start, spans[i], trace->took[i]);
    strbuf_add_str(out, out->len == start ? "{}" : "}");
}

char *trace_text(const struct trace *trace)
{
    struct strbuf text = STRBUF_INIT(TEXT_MAX);
    if (!trace)
        return NULL;
    trace_encode(trace, &text);
    return strbuf_steal(&text);
}

int trace_decode(const char *text, struct trace *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct json_field fields[TRACE_MOMENTS + TRACE_SPANS];
    struct trace trace = { 0 };
    for (int i = 0; i < TRACE_MOMENTS; i++)
        fields[i] = (struct json_field){ .name = moments[i].name, .type = JSON_FIELD_INT, .out = &trace.at[i], .max = INT64_MAX };
    for (int i = 0; i < TRACE_SPANS; i++)
        fields[TRACE_MOMENTS + i] =
            (struct json_field){ .name = spans[i], .type = JSON_FIELD_INT, .out = &trace.took[i], .max = INT64_MAX };
    if (json_parse(text, strlen(text), &object, err) != 0 ||
        json_read_fields(object, "", fields, TRACE_MOMENTS + TRACE_SPANS, JSON_UNKNOWN_IGNORE, err) != 0)
        return -1;
    *out = trace;
    return 0;
}

struct steps {
    struct trace_step *out;
    size_t count;
    int64_t until; /* the latest moment so far */
    int64_t total;
};

static void add_step(struct steps *steps, const char *name, int64_t us)
{
    steps->out[steps->count++] = (struct trace_step){ .name = name, .us = us };
    steps->total += us;
}

/* Time at the executor and on the way to it: its own words, as far as they fit in; the rest was the way. */
static void add_executor(struct steps *steps, const struct trace *trace, int64_t us)
{
    int64_t took[TRACE_SPANS];
    for (int i = 0; i < TRACE_SPANS; i++) {
        took[i] = trace->took[i] < us ? trace->took[i] : us;
        us -= took[i];
    }
    add_step(steps, moments[TRACE_ANSWERED].step, us);
    for (int i = 0; i < TRACE_SPANS; i++)
        if (trace->took[i] > 0)
            add_step(steps, spans[i], took[i]);
}

/* An executor that pushes reports elsewhere: its answer and the storing of it are one moment here. */
static void merge_report(struct trace *trace)
{
    if (trace->at[TRACE_ANSWERED] || !trace->took[TRACE_RUN])
        return;
    trace->at[TRACE_ANSWERED] = trace->at[TRACE_STORED];
    trace->at[TRACE_STORED] = 0;
}

size_t trace_steps(const struct trace *given, int64_t attempts, struct trace_step out[TRACE_STEPS_MAX], int64_t *total_out)
{
    struct trace trace = *given;
    struct steps steps = { .out = out, .until = trace.at[TRACE_BEGUN] };
    merge_report(&trace);
    if (attempts > 1)
        trace.at[TRACE_RUNG] = 0;
    for (int i = TRACE_ADMITTED; i < TRACE_MOMENTS && steps.until; i++) {
        if (!trace.at[i])
            continue;
        int64_t us = trace.at[i] > steps.until ? trace.at[i] - steps.until : 0;
        if (i == TRACE_ANSWERED)
            add_executor(&steps, &trace, us);
        else
            add_step(&steps, i == TRACE_HEARD && attempts > 1 ? "earlier" : moments[i].step, us);
        steps.until += us;
    }
    *total_out = steps.total;
    return steps.count;
}
