/* SPDX-License-Identifier: Apache-2.0 */
/* What is said at the dispatcher's doorbell. A text spares it a look at the whole queue; whatever else rings there makes it look, and a
 * text that is lost costs DOORBELL_FALLBACK_MS. */
#ifndef SANDBOX_SERVICE_DISPATCH_BELL_H
#define SANDBOX_SERVICE_DISPATCH_BELL_H

#include "lib/repo/execution_repo.h"
#include "lib/service/context.h"

/* "take SEQ" or "run SEQ": the execution with this seq was stored for the dispatcher that is rung, or may be started by it. */
void dispatch_bell_submitted(const struct context *context, int64_t seq, const struct submit_result *submitted);
/* "wait ID": somebody began to wait for the execution; who, stands in its row. */
void dispatch_bell_wait(const struct context *context, const char *execution_id);

struct dispatch_word {
    enum { DISPATCH_LOOK, DISPATCH_RUN, DISPATCH_TAKE, DISPATCH_WAIT } kind;
    int64_t seq;                /* of DISPATCH_RUN and DISPATCH_TAKE; positive */
    char id[EXECUTION_ID_SIZE]; /* of DISPATCH_WAIT */
};
/* Anything else is DISPATCH_LOOK. */
void dispatch_bell_read(const char *text, struct dispatch_word *out);

#endif
