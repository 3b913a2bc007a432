/* SPDX-License-Identifier: Apache-2.0 */
/* Asking an executor for its health beside many others. */
#include <errno.h>

#include "lib/execclient/execclient.h"
#include "lib/execclient/request.h"

enum { HEALTH_BODY_MAX = 4096 };

struct asking {
    exec_health_fn on_health;
    void *arg;
    struct strbuf body;
};

static int on_data(void *arg, const char *data, size_t len)
{
    struct asking *asking = arg;
    strbuf_add(&asking->body, data, len);
    return strbuf_ok(&asking->body) ? 0 : -1;
}

/* What is wrong with an answer; 0: nothing. */
static int judge(const struct asking *asking, int status, const struct err *broken, struct err *err)
{
    struct wire_health health;
    struct err senseless = ERR_INIT;
    if (!strbuf_ok(&asking->body))
        return err_set(err, ERR_INTERNAL, "The executor's answer makes no sense: it is longer than %d bytes.", HEALTH_BODY_MAX);
    if (broken) {
        *err = *broken;
        return -1;
    }
    if (status == 401 || status == 403)
        return err_set(err, ERR_UNAUTHORIZED, "The executor does not accept its secret (HTTP %d).", status);
    if (status != 200)
        return err_set(err, ERR_INTERNAL, "The executor's answer makes no sense: HTTP %d.", status);
    if (wire_health_decode(strbuf_str(&asking->body), asking->body.len, &health, &senseless) == 0)
        return 0;
    return err_set(err, ERR_INTERNAL, "The executor's answer makes no sense: %s", senseless.text);
}

static void on_done(void *arg, int status, const struct err *broken)
{
    struct asking *asking = arg;
    struct err err = ERR_INIT;
    int result = judge(asking, status, broken, &err);
    asking->on_health(asking->arg, result == 0 ? NULL : &err);
    strbuf_release(&asking->body);
    free(asking);
}

int execclient_ask(struct http *http, const struct exec_target *target, int64_t timeout_ms, exec_health_fn on_health, void *arg,
                   struct err *err)
{
    struct exec_request request;
    struct asking *asking = calloc(1, sizeof(*asking));
    if (!asking)
        return err_internal(err, ENOMEM, "asking an executor");
    *asking = (struct asking){ .on_health = on_health, .arg = arg, .body = STRBUF_INIT(HEALTH_BODY_MAX) };
    exec_request_init(&request, target, "GET", "/health", NULL, NULL);
    request.http.timeout_ms = request.http.connect_timeout_ms = timeout_ms;
    request.http.on_data = on_data;
    request.http.on_done = on_done;
    request.http.arg = asking;
    if (http_start(http, &request.http, NULL, err) == 0)
        return 0;
    free(asking);
    return -1;
}
