/* SPDX-License-Identifier: Apache-2.0 */
/* Where one execution's time went: the moments that each part on its way took, and the steps that lie between them. A part that is not asked to
 * trace has no struct trace, and every call takes NULL for that. */
#ifndef SANDBOX_MODEL_TRACE_H
#define SANDBOX_MODEL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/err.h"
#include "lib/util/strbuf.h"

/* In the order of the way; who takes it, and the step that it ends. */
enum trace_moment {
    TRACE_BEGUN,     /* web worker: it has the request */
    TRACE_ADMITTED,  /* token, rate, query and body are right: guard */
    TRACE_RUNG,      /* the row is committed, the dispatcher is rung: insert */
    TRACE_HEARD,     /* dispatcher: it turns to the queue: ring */
    TRACE_CLAIMED,   /* the claim is committed: claim */
    TRACE_MOVED_IN,  /* files that clients changed are in the sandbox: files_in */
    TRACE_ANSWERED,  /* the executor's answer is complete, or will not come: send, start, run and collect, as below */
    TRACE_MOVED_OUT, /* files that it changed are stored: files_out */
    TRACE_STORED,    /* the outcome is committed, who waits is rung: store. By the worker's kernel, when the datagram came */
    TRACE_WOKEN,     /* web worker: its thread runs: wake */
    TRACE_ENCODED,   /* the answer is made: answer */
    TRACE_MOMENTS,
};

/* What the executor measured itself, so that no clock but its own is in it. The rest of the time until TRACE_ANSWERED is the way there and
 * back: send. */
enum trace_span {
    TRACE_START,   /* from the request until the interpreter has the code */
    TRACE_RUN,     /* the code */
    TRACE_COLLECT, /* from its end until the result is written */
    TRACE_SPANS,
};

struct trace {
    int64_t at[TRACE_MOMENTS];  /* microseconds since 1970 (CLOCK_REALTIME); 0: not known */
    int64_t took[TRACE_SPANS];  /* microseconds; 0: not known */
};

/* Now. */
void trace_mark(struct trace *trace, enum trace_moment moment);
void trace_mark_at(struct trace *trace, enum trace_moment moment, int64_t wall_us);
/* Milliseconds that somebody else measured: what makes no sense is not known. */
void trace_took(struct trace *trace, enum trace_span span, double ms);
/* Takes over whatever `more` knows. */
void trace_merge(struct trace *trace, const struct trace *more);

/* What is known, as a JSON object, for storing; and back. Unknown names are passed over. ERR_INVALID. */
void trace_encode(const struct trace *trace, struct strbuf *out);
int trace_decode(const char *text, struct trace *out, struct err *err) must_use;
/* The same as a malloc()ed text; NULL for NULL, and when memory runs out: nobody fails for a trace. */
char *trace_text(const struct trace *trace) must_use;

struct trace_step {
    const char *name; /* "guard" */
    int64_t us;
};
enum { TRACE_STEPS_MAX = TRACE_MOMENTS + TRACE_SPANS };
/* The steps between the moments that are known, in order; they sum up to *total_out. What ends at a moment that is not known is part of the
 * next step. Clocks of several hosts may differ: a moment before the one before it ends a step of 0. With more than one attempt, all that was before the
 * last one is the step "earlier". */
size_t trace_steps(const struct trace *trace, int64_t attempts, struct trace_step out[TRACE_STEPS_MAX], int64_t *total_out);

#endif
