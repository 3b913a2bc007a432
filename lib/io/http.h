/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client on libcurl: kept-alive connections to a unix socket or TCP address (TLS too), many calls in one event loop.
 * Never a proxy, never a redirect. */
#ifndef SANDBOX_IO_HTTP_H
#define SANDBOX_IO_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

/* An engine with its connection pool. Not thread-safe: one a thread. */
struct http;
/* One call under way. */
struct http_call;

/* For a server that somebody else has named: every connection's address is asked about when it is made, so that it does not matter what a
 * name means at another time. A call with a guard may be https, too, with the server's certificate verified. An engine's calls all have
 * the same guard, or all none: they share its connections. */
struct sockaddr;
struct http_guard {
    bool (*may_connect)(void *arg, const struct sockaddr *address); /* arg: the request's */
    const char *ca_file; /* certificates (PEM) instead of the system's; NULL or "": those */
};

/* Files in PEM form of an https URL; without them there is no https. */
struct http_tls {
    const char *ca_file;   /* the other side's certificate must be signed by one of these, and be for the URL's host */
    const char *cert_file; /* our own certificate, and its key */
    const char *key_file;
};

struct http_request {
    const char *method;      /* "GET", "POST", ... */
    const char *unix_path;   /* socket to connect to, or NULL for TCP */
    const char *url;         /* "http://host/path"; the host is a label only when unix_path is set. Connections are shared
                              * by calls of the same unix_path, host and port only */
    struct http_tls tls;     /* https: all three; else NULLs */
    const char *bearer;      /* sent as Authorization: Bearer, or NULL */
    const char *body;        /* borrowed until the call ends; NULL: none */
    size_t body_len;
    const char *content_type; /* of the body; NULL: application/json */
    const char *const *headers; /* "Name: value", more of them; copied */
    size_t header_count;
    const struct http_guard *guard; /* NULL: none, and http only; borrowed until the call ends */
    int64_t connect_timeout_ms; /* 0: 2000 */
    int64_t timeout_ms;         /* whole call; 0: none */
    int64_t silence_ms;         /* give up when nothing arrives for this long; 0: never. Whole seconds */
    /* Body bytes as they arrive; another result than 0 ends the call with an error. May be NULL. */
    int (*on_data)(void *arg, const char *data, size_t len);
    /* Exactly once, from http_run() or http_cancel(): status is the HTTP status; 0 with `err` set when there was no
     * (complete) answer: ERR_UNAVAILABLE when no connection was made (nothing was sent), ERR_UNCERTAIN when the
     * connection broke, ERR_TIMEOUT, ERR_UNAUTHORIZED when TLS failed (a certificate was not accepted, a file could not be
     * read: the text says which; nothing was done). The call is freed afterwards. */
    void (*on_done)(void *arg, int status, const struct err *err);
    void *arg;
};

/* NULL with err on failure. */
struct http *http_new(struct err *err) must_use;
/* Cancels what is under way; NULL is fine. */
void http_free(struct http *http);

/* Starts a call; `request` is copied but for the strings body points at. *out may be NULL. */
int http_start(struct http *http, const struct http_request *request, struct http_call **out,
               struct err *err) must_use;
/* Ends a call now: on_done is called with ERR_UNCERTAIN. */
void http_cancel(struct http *http, struct http_call *call);
/* From its callbacks: the status of the answer so far, 0 for none; and the seconds its Retry-After asks for (a date by this host's clock),
 * 0 for none. */
int http_status(const struct http_call *call);
int64_t http_retry_after_s(const struct http_call *call);
/* Waits up to timeout_ms for network traffic or one of `extra` (revents are filled), and runs callbacks. */
int http_run(struct http *http, struct pollfd *extra, unsigned extra_count, int timeout_ms,
             struct err *err) must_use;
/* Calls under way. */
size_t http_active(const struct http *http);

/* One call, start to end, on a private engine that each thread keeps: *status_out and `body` (appended, up to its
 * ceiling: ERR_TOO_LARGE) are the answer. on_data, on_done and arg of `request` are ignored. */
int http_fetch(struct http *http, const struct http_request *request, int *status_out,
               struct strbuf *body, struct err *err) must_use;

#endif
