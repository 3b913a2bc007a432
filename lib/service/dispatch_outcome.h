/* SPDX-License-Identifier: Apache-2.0 */
/* What an executor's answer, or its loss, means for an execution. Pure. */
#ifndef SANDBOX_SERVICE_DISPATCH_OUTCOME_H
#define SANDBOX_SERVICE_DISPATCH_OUTCOME_H

#include "lib/execclient/execclient.h"
#include "lib/model/entities.h"

/* What to do with an execution that is no longer under way. */
struct verdict {
    bool again;                   /* try again in delay_ms, the outcome says why; else it is final: */
    int64_t delay_ms;
    enum execution_status status;
    bool suspect;                 /* its container may be dead */
    bool cancel;                  /* the executor may still run it */
    bool pushed;                  /* not at all: the executor will report by itself */
    bool lost;                    /* there is no answer: who asked to cancel it gets that */
    struct execution_outcome outcome;
};
void verdict_release(struct verdict *verdict);

enum execution_status outcome_status(enum wire_failure failure);
/* 1, 2, 4, 8, 10, 10 ... s after the first, second ... attempt. */
int64_t outcome_retry_delay_ms(int64_t attempts);

/* Takes the answer's texts. */
void verdict_of_answer(struct exec_answer *answer, struct verdict *out);
/* `attempts` counts the one that was lost. */
void verdict_of_loss(enum exec_loss loss, const struct err *err, int64_t attempts, int64_t max_retries,
                     struct verdict *out);

/* The session's variables overlaid by the execution's, as JSON text (each a JSON object of strings, or NULL).
 * *out is malloc()ed; NULL when there are none. */
int outcome_merge_env(const char *session_env, const char *execution_env, char **out, struct err *err) must_use;

#endif
