/* SPDX-License-Identifier: Apache-2.0 */
/* One answer: status, headers, a body of JSON or text; and how an error becomes one. */
#ifndef SANDBOX_FCGI_RESPONSE_H
#define SANDBOX_FCGI_RESPONSE_H

#include <stdbool.h>

#include "lib/util/err.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"

enum { RETRY_AFTER_S = 2, REQUEST_ID_SIZE = 65 };

struct response {
    int status;                 /* HTTP status */
    struct json_object *body;   /* owned; NULL: no body, or text */
    char *text;                 /* owned; a body that is not JSON, else NULL */
    size_t text_len;
    const char *text_type;      /* its content type; a constant */
    char location[160];         /* "" for none */
    char allow[64];             /* "" for none */
    int retry_after_s;          /* 0: says nothing */
    bool replayed;              /* the first answer again: Idempotency-Replayed */
    bool challenge;             /* says WWW-Authenticate */
    bool internal;              /* of the internal API: its names of errors */
    const char *error_code;     /* of an error answer, for the log; NULL otherwise */
    char request_id[REQUEST_ID_SIZE];
};

/* The statuses that answers have. */
size_t response_statuses(void);
int response_status_at(size_t index);

void response_release(struct response *response);
/* Takes `body` over. */
void response_json(struct response *response, int status, struct json_object *body);
/* Takes the buffer's content over and leaves it empty. `type` is a constant: "text/plain; charset=utf-8". ERR_INTERNAL when
 * the buffer has failed. */
int response_text(struct response *response, int status, const char *type, struct strbuf *text, struct err *err) must_use;
/* Replaces whatever was there by the documented error answer. The error's detail is not in it. */
void response_error(struct response *response, const struct err *err);

/* Where an answer goes. */
struct response_sink {
    /* Writes all of it; -1 when the other side is gone. */
    int (*write)(void *arg, const char *data, size_t len);
    void *arg;
};
/* Writes headers, and the body unless `head`. -1: the client is gone. */
int response_send(struct response *response, bool head, const struct response_sink *sink);

#endif
