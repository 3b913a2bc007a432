/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of libcurl handles: private to lib/io's clients. */
#ifndef SANDBOX_IO_HTTP_TLS_H
#define SANDBOX_IO_HTTP_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "lib/io/http.h"

/* Both sides prove who they are, as `tls` says (nothing of it: https is not spoken). 0 or -1. */
int http_tls_set(CURL *easy, const struct http_tls *tls) must_use;
/* Whether a call ended because of TLS; then `err` is ERR_UNAUTHORIZED, with libcurl's `reason` in its detail. */
bool http_tls_failed(CURLcode code, const char *reason, struct err *err);

#endif
