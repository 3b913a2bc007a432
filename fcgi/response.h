/* SPDX-License-Identifier: Apache-2.0 */
/* One answer: status, headers, a body of JSON or text; and how an error becomes one. */
#ifndef SANDBOX_FCGI_RESPONSE_H
#define SANDBOX_FCGI_RESPONSE_H

#include <stdbool.h>

#include "lib/util/err.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"

enum { RETRY_AFTER_S = 2, REQUEST_ID_SIZE = 65 };

/* Takes a piece of a body. */
typedef int (*response_put_fn)(void *arg, const char *data, size_t len, struct err *err);
/* A body that is read while it is sent. Its type and length are headers of the response. */
struct response_stream {
    int (*run)(void *arg, response_put_fn put, void *put_arg, struct err *err); /* NULL: there is none. Hands all of it to `put` */
    void *arg; /* malloc()ed, owned */
};

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
    struct strbuf headers;      /* more of them, with their line ends: response_header() */
    const char *cache_control;  /* NULL: "no-store"; a constant */
    struct response_stream stream;
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
/* Adds a header: "Name: value". What is too long, or memory that runs out, makes the answer an ERR_INTERNAL. */
void response_header(struct response *response, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Replaces whatever was there by the documented error answer. The error's detail is not in it. */
void response_error(struct response *response, const struct err *err);

/* Where an answer goes. */
struct response_sink {
    /* Writes all of it; -1 when the other side is gone. */
    int (*write)(void *arg, const char *data, size_t len);
    /* Breaks the connection, so that nobody takes what was written for a whole answer. May be NULL. */
    void (*abort)(void *arg);
    void *arg;
};
/* Writes headers, and the body unless `head`. -1: the client is gone, or the body's stream failed in the middle. A stream that fails
 * before its first byte makes an error answer. *failure says what became of a stream; it stays ERR_NONE when all is well or the client is gone. */
int response_send(struct response *response, bool head, const struct response_sink *sink, struct err *failure);

#endif
