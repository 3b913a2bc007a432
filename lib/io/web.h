/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client for web services, one call after the other, on a connection that is kept: http and https only, the server's certificate
 * always verified, no redirects, no proxy, never a unix socket. The web tier has it, which must not be able to talk to an engine. */
#ifndef SANDBOX_IO_WEB_H
#define SANDBOX_IO_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Not thread-safe: one a thread. */
struct web;

/* A header of the answer that is wanted: its value is written to `value`, cut to `size`; "" when there is none. */
struct web_wanted {
    const char *name;
    char *value;
    size_t size;
};

struct web_request {
    const char *method, *url;   /* the path goes out as it stands there */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    int64_t body_len; /* 0: an empty body for PUT and POST, none for others */
    /* Copies up to `len` bytes of the body from `offset`; how many, or -1 to end the call. It may be asked for the same ones again. */
    ssize_t (*on_body)(void *arg, int64_t offset, char *out, size_t len);
    /* The body of the answer as it comes; another result than 0 ends the call. May be NULL. */
    int (*on_data)(void *arg, int status, const char *data, size_t len);
    void *arg;
    struct web_wanted *wanted;
    size_t wanted_count;
    int64_t connect_timeout_ms; /* 0: 5000 */
    int64_t silence_ms;         /* given up when nothing moves for this long, to the second; 0: never */
    const char *ca_file;        /* certificates (PEM); NULL or "": the system's */
};

/* NULL with err. */
struct web *web_new(struct err *err) must_use;
void web_free(struct web *web); /* NULL is fine */

/* The status of a complete answer in *status_out. Else -1: ERR_UNAVAILABLE (no connection: nothing was sent), ERR_TIMEOUT (silence),
 * ERR_UNCERTAIN (it broke off, or a callback ended it), ERR_INTERNAL (the certificate is not good, the request makes no sense). */
int web_call(struct web *web, const struct web_request *request, int *status_out, struct err *err) must_use;

#endif
