/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to the executor inside a container: runs one execution as a stream of events, and the small calls around it. */
#ifndef SANDBOX_EXECCLIENT_EXECCLIENT_H
#define SANDBOX_EXECCLIENT_EXECCLIENT_H

#include <stdint.h>

#include "lib/execclient/output.h"
#include "lib/io/http.h"
#include "lib/util/err.h"
#include "lib/wire/execute.h"

/* Where an executor listens and what opens it. Strings are borrowed for the call only. */
struct exec_target {
    const char *unix_path; /* "" or NULL: TCP */
    const char *url;       /* "http://executor", "http://10.0.0.7:8080" */
    const char *secret;
    int64_t silence_ms; /* how long a run may be without any event; 0: EXEC_SILENCE_MS */
};

/* What an execution gave. */
struct exec_answer {
    struct wire_result result;
    struct exec_output out, err;
};
void exec_answer_release(struct exec_answer *answer);

/* Why there is no answer. */
enum exec_loss {
    EXEC_LOSS_UNREACHABLE,  /* no connection was made, nothing was sent */
    EXEC_LOSS_BROKEN,       /* the stream ended, fell silent or made no sense before its result */
    EXEC_LOSS_OVERDUE,      /* the executor lives, but let the execution run past its time and the margin */
    EXEC_LOSS_UNAUTHORIZED, /* it does not accept the secret: it is not the one we think it is */
    EXEC_LOSS_REFUSED,      /* it answers that the request is wrong; the error's text says why */
    EXEC_LOSS_BUSY,         /* it answers that it cannot now (429, 5xx) */
};

enum {
    EXEC_SILENCE_MS = 15000, /* without any event, heartbeats included, the executor is lost */
    EXEC_MARGIN_MS = EXECUTION_MARGIN_MS,
};

/* One execution under way. */
struct exec_run;

struct exec_handlers {
    /* Exactly one of these is called, once, from http_run(); the run is freed afterwards. */
    void (*on_answer)(void *arg, struct exec_answer *answer); /* may steal what it keeps */
    void (*on_lost)(void *arg, enum exec_loss loss, const struct err *err);
    void (*on_accepted)(void *arg); /* HTTP 202: the executor will report by itself; NULL: that counts as lost */
};

/* Sends the execution. The executor runs an execution_id once: sent again, the answer is replayed from its start.
 * *out is valid until a handler is called. */
int execclient_start(struct http *http, const struct exec_target *target, const struct wire_execute *request,
                     const struct exec_handlers *handlers, void *arg, struct exec_run **out, struct err *err) must_use;
/* Lets go of the stream without calling a handler; the execution goes on. */
void execclient_drop(struct http *http, struct exec_run *run);

/* Fire and forget: the result is stored, the executor may forget it; and changes of files up to `mark` are (-1: nothing is said of them). */
void execclient_ack(struct http *http, const struct exec_target *target, const char *execution_id, int64_t mark);
/* Fire and forget: kill it. */
void execclient_cancel(struct http *http, const struct exec_target *target, const char *execution_id);

/* Waits until the executor answers that it is healthy, at most until `deadline_ms` (clock_mono_ms()): ERR_TIMEOUT.
 * Wakes as soon as its socket appears. ERR_UNAUTHORIZED when it does not accept the secret. */
int execclient_health(struct http *http, const struct exec_target *target, int64_t deadline_ms,
                      struct wire_health *out, struct err *err) must_use;

/* One question whether it is healthy, without waiting. `on_health` is called exactly once, from http_run(), http_cancel() or http_free(); err NULL:
 * it is. Else why not: ERR_UNAVAILABLE (no connection), ERR_TIMEOUT (it took the question), ERR_UNAUTHORIZED (not its secret),
 * ERR_UNCERTAIN (the connection broke), ERR_INTERNAL (an answer without sense). */
typedef void (*exec_health_fn)(void *arg, const struct err *err);
int execclient_ask(struct http *http, const struct exec_target *target, int64_t timeout_ms, exec_health_fn on_health, void *arg,
                   struct err *err) must_use;

#endif
