/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what headers say of a caller: Authorization, X-Request-Id, Idempotency-Key; and the scopes of sandboxctl. There is no database here:
 * a token that is well-formed ends the run before it would be looked up. */
#include "fcgi/guard.h"
#include "lib/service/idempotency.h"
#include "lib/service/tokens.h"
#include "lib/util/id.h"
#include "tests/fuzz/fuzz.h"

static bool holds_token(const char *text)
{
    for (const char *at = strstr(text, TOKEN_PREFIX); at; at = strstr(at + 1, TOKEN_PREFIX))
        if (id_valid(at, TOKEN_PREFIX, TOKEN_RANDOM))
            return true;
    return false;
}

static char *param(const char *name, const char *value)
{
    char *text = malloc(strlen(name) + strlen(value) + 2);
    fuzz_require(text != NULL, "out of memory");
    sprintf(text, "%s=%s", name, value);
    return text;
}

static void admit(const char *text)
{
    char *params[] = { param("HTTP_AUTHORIZATION", text), param("HTTP_X_REQUEST_ID", text), NULL };
    const struct request_source source = { .params = params };
    struct request *request = malloc(sizeof(*request));
    const struct route route = { .method = "GET", .pattern = "/", .access = ACCESS_SCOPE, .scope = SCOPE_ADMIN };
    struct context context = { .random_id = id_random };
    struct caller caller = { 0 };
    struct err err = ERR_INIT;
    char request_id[REQUEST_ID_SIZE];
    request->source = &source;
    guard_request_id(request, &context, request_id);
    fuzz_require(strlen(request_id) > 0 && strspn(request_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(request_id),
                 "a request id that is not fit for a log");
    if (!holds_token(text)) {
        fuzz_require(guard_admit(&route, request, &context, &caller, &err) != 0, "somebody without a token is let in");
        fuzz_require(err.code == ERR_UNAUTHORIZED && caller.scopes == 0, "a refusal that is none");
    }
    free(params[0]);
    free(params[1]);
    free(request);
}

static void scopes(const char *text)
{
    unsigned found = 0, again = 0;
    char name[TOKEN_SCOPES_SIZE];
    struct err err = ERR_INIT;
    if (token_scopes_parse(text, &found, &err) != 0) {
        fuzz_require(err.code == ERR_INVALID && found == 0, "a refusal that is none");
        return;
    }
    token_scopes_format(found, name);
    fuzz_require(found != 0 && token_scopes_parse(name, &again, &err) == 0 && again == found, "scopes that change");
}

static void idempotency_key(const char *text)
{
    struct idempotency once = { 0 };
    struct err err = ERR_INIT;
    bool taken = idempotency_init(&once, text, "POST /", "{}", 2, &err) == 0;
    size_t len = strlen(text), printable = 0;
    while (text[printable] > ' ' - 1 && text[printable] < 0x7f)
        printable++;
    fuzz_require(taken == (len > 0 && len <= IDEMPOTENCY_KEY_MAX && printable == len), "another judgement of a key");
    idempotency_release(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    admit(text);
    scopes(text);
    idempotency_key(text);
    free(text);
    return 0;
}
