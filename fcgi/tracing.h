/* SPDX-License-Identifier: Apache-2.0 */
/* What ?trace=1 asks for: where an execution's time went, beside its result. */
#ifndef SANDBOX_FCGI_TRACING_H
#define SANDBOX_FCGI_TRACING_H

#include "fcgi/call.h"
#include "lib/model/trace.h"

struct tracing {
    bool wanted;
    bool foreign;     /* this request's moments are not the execution's */
    struct trace own; /* moments that this request took */
};

/* Reads the parameter. `submits`: the request is the execution's own, which begins here. ERR_INVALID; ERR_FORBIDDEN without the scope "admin". */
int tracing_open(const struct call *call, bool submits, struct tracing *out, struct err *err) must_use;
/* Where moments of this request go: NULL when nobody wants them. */
struct trace *tracing_own(struct tracing *tracing);
/* This request turned out to be one that was made before: what was stored then is all there is. */
void tracing_disown(struct tracing *tracing);
/* Adds "trace" to the body of a result, if it is wanted: null for an execution that was not traced. The last step ends here. */
void tracing_add(struct tracing *tracing, const struct execution *execution, struct json_object *body);

#endif
