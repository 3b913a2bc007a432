/* SPDX-License-Identifier: Apache-2.0 */
/* What is said at the dispatcher's doorbell. A text spares it a look at the whole queue; whatever else rings there makes it look, and a
 * text that is lost costs DOORBELL_FALLBACK_MS. */
#ifndef SANDBOX_SERVICE_DISPATCH_BELL_H
#define SANDBOX_SERVICE_DISPATCH_BELL_H

#include "lib/service/context.h"

/* "run SEQ": the execution with this seq may be started. */
void dispatch_bell_run(const struct context *context, int64_t seq);
/* "wait ID": somebody began to wait for the execution; who, stands in its row. */
void dispatch_bell_wait(const struct context *context, const char *execution_id);

struct dispatch_word {
    enum { DISPATCH_LOOK, DISPATCH_RUN, DISPATCH_WAIT } kind;
    int64_t seq;                /* of DISPATCH_RUN; positive */
    char id[EXECUTION_ID_SIZE]; /* of DISPATCH_WAIT */
};
/* Anything that is neither is DISPATCH_LOOK. */
void dispatch_bell_read(const char *text, struct dispatch_word *out);

#endif
