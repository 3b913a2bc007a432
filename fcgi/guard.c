/* SPDX-License-Identifier: Apache-2.0 */
/* The checks that every request passes, once, before its handler. */
#include "fcgi/guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/service/callbacks.h"
#include "lib/service/limits.h"
#include "lib/service/tokens.h"
#include "lib/util/log.h"

void guard_request_id(const struct request *request, const struct context *context,
                      char out[REQUEST_ID_SIZE])
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *id = request_param(request, "HTTP_X_REQUEST_ID");
    size_t len = id ? strlen(id) : 0;
    if (len > 0 && len < REQUEST_ID_SIZE && strspn(id, fine) == len) {
        memcpy(out, id, len + 1);
        return;
    }
    memcpy(out, "req_", 4);
    context->random_id(out + 4, 16);
}

const char *guard_bearer_token(const struct request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = request_param(request, "HTTP_AUTHORIZATION");
    if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    header += sizeof(scheme) - 1;
    header += strspn(header, " ");
    return *header ? header : NULL;
}

const char *guard_scope_name(enum scope scope)
{
    switch (scope) {
    case SCOPE_SESSIONS:
        return "sessions";
    case SCOPE_TEMPLATES:
        return "templates";
    case SCOPE_ADMIN:
        return "admin";
    }
    return "";
}

void guard_identify(const struct request *request, const char *request_id, struct context *context)
{
    const char *address = request_param(request, "REMOTE_ADDR");
    context->actor = (struct actor){ 0 };
    snprintf(context->actor.address, sizeof(context->actor.address), "%s", address ? address : "");
    snprintf(context->actor.request_id, sizeof(context->actor.request_id), "%s", request_id);
}

/* Who cannot be counted passes; the log says so when it begins. */
static int check_rate(struct context *context, const struct caller *caller, struct err *err)
{
    struct err failure = ERR_INIT;
    bool counted = limit_request(context, caller->token_id, &failure) == 0 || failure.code == ERR_RATE_LIMITED;
    if (!counted && !context->rates_failing)
        log_err(LOG_LEVEL_WARN, "requests are not counted: no limits", &failure, "request_id",
                context->actor.request_id);
    context->rates_failing = !counted;
    if (failure.code != ERR_RATE_LIMITED)
        return 0;
    *err = failure;
    return -1;
}

static int admit_container(struct context *context, const char *secret, struct caller *caller, struct err *err)
{
    if (callback_admit(context, secret, caller, err) != 0)
        return -1;
    snprintf(context->actor.name, sizeof(context->actor.name), "container:%s", caller->container_id);
    return 0;
}

int guard_admit(const struct route *route, const struct request *request,
                struct context *context, struct caller *caller, struct err *err)
{
    if (route->access == ACCESS_OPEN)
        return 0;
    const char *token = guard_bearer_token(request);
    if (!token)
        return err_set(err, ERR_UNAUTHORIZED, "There is no 'Authorization: Bearer TOKEN' in the request.");
    if (route->access == ACCESS_CONTAINER)
        return admit_container(context, token, caller, err);
    if (token_service_verify(context, token, caller, err) != 0)
        return -1;
    memcpy(context->actor.name, caller->owner, sizeof(context->actor.name));
    memcpy(context->actor.token_id, caller->token_id, sizeof(context->actor.token_id));
    if (check_rate(context, caller, err) != 0)
        return -1;
    if (route->access == ACCESS_SCOPE && !(caller->scopes & route->scope))
        return err_set(err, ERR_FORBIDDEN, "The token lacks the scope \"%s\".", guard_scope_name(route->scope));
    return 0;
}
