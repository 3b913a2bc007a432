/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of a container's log. */
#include <stdio.h>
#include <string.h>

#include "fcgi/call.h"
#include "lib/service/container_logs.h"
#include "lib/util/clock.h"

enum { SINCE_SIZE = 64, ANSWER_MAX = 2 * 1024 * 1024 };

static int read_since(const struct call *call, int64_t *out, struct err *err)
{
    const char *text = request_query(call->request, "since");
    char copy[SINCE_SIZE];
    if (!text)
        return 0;
    int len = snprintf(copy, sizeof(copy), "%s", text);
    /* an offset's + that was not percent-encoded has become a blank, which no such time holds */
    for (char *c = copy; (c = strchr(c, ' '));)
        *c = '+';
    if (len >= (int)sizeof(copy) || !clock_parse(copy, out))
        return err_field(err, "since", "since must be a time such as 2026-01-06T10:00:00Z (RFC 3339).");
    return 0;
}

/* Waits in a seat: threads that wait must leave others to answer. */
static int fetch(const struct call *call, const struct container_logs_request *request, struct strbuf *out,
                 struct err *err)
{
    const struct wait wait = { .room = call->room, .limit_ms = CONTAINER_LOGS_WAIT_MS, .client_fd = call->client_fd };
    if (!wait_room_enter(call->room))
        return err_set(err, ERR_UNAVAILABLE, "Too many requests are waiting for logs and results just now.");
    int status = container_logs_fetch(call->context, &wait, request, out, err);
    wait_room_leave(call->room);
    return status;
}

int containers_logs(struct call *call, struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(ANSWER_MAX);
    struct container_logs_request request = {
        .owner = call_owner(call),
        .container_id = call->id, .tail = CONTAINER_LOGS_TAIL_DEFAULT,
    };
    if (call_check_container_id(call, err) != 0 ||
        request_query_int(call->request, "tail", 1, CONTAINER_LOGS_TAIL_MAX, &request.tail, err) != 0 ||
        read_since(call, &request.since_ms, err) != 0 || fetch(call, &request, &text, err) != 0)
        return -1;
    return response_text(call->response, 200, "text/plain; charset=utf-8", &text, err);
}
