/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client's inside, shared by its parts only. */
#ifndef SANDBOX_IO_HTTP_INTERNAL_H
#define SANDBOX_IO_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "lib/io/http.h"

struct http_call {
    struct http *http;
    struct http_call *previous, *next;
    struct http_request request; /* strings other than the body are not looked at after http_start() */
    CURL *easy;
    struct curl_slist *headers;
    int64_t last_byte_ms;
    bool added;     /* known to the multi handle */
    bool cancelled; /* to be ended once libcurl has returned */
    char reason[CURL_ERROR_SIZE];
};

/* Everything about the call but its place in an engine; -1: libcurl will not have it. */
int http_set_up(struct http_call *call) must_use;

#endif
