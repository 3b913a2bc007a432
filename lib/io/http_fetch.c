/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP call from start to end, on top of the event loop. */
#include "lib/io/http.h"

#include <stdbool.h>

enum { TURN_MS = 1000 };

struct fetch {
    struct strbuf *body;
    bool too_large, done;
    int status;
    struct err err;
};

static int fetch_data(void *arg, const char *data, size_t len)
{
    struct fetch *fetch = arg;
    strbuf_add(fetch->body, data, len);
    fetch->too_large = !strbuf_ok(fetch->body);
    return fetch->too_large ? -1 : 0;
}

static void fetch_done(void *arg, int status, const struct err *err)
{
    struct fetch *fetch = arg;
    fetch->done = true;
    fetch->status = status;
    if (err)
        fetch->err = *err;
}

int http_fetch(struct http *http, const struct http_request *request, int *status_out, struct strbuf *body,
               struct err *err)
{
    struct fetch fetch = { .body = body };
    struct http_request copy = *request;
    struct http_call *call = NULL;
    copy.on_data = fetch_data;
    copy.on_done = fetch_done;
    copy.arg = &fetch;
    if (http_start(http, &copy, &call, err) != 0)
        return -1;
    while (!fetch.done) {
        if (http_run(http, NULL, 0, TURN_MS, err) == 0)
            continue;
        if (!fetch.done)
            http_cancel(http, call);
        return -1;
    }
    if (fetch.too_large)
        return err_set(err, ERR_TOO_LARGE, "The answer is larger than %zu bytes.", body->max);
    if (fetch.status == 0) {
        *err = fetch.err;
        return -1;
    }
    *status_out = fetch.status;
    return 0;
}
