/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the API within the test's process. */
#include "tests/integration/api_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

struct client *client_new(const char *owner, const char *scopes, int seats)
{
    struct err err = ERR_INIT;
    struct token token;
    unsigned wanted = 0;
    struct client *client = calloc(1, sizeof(*client));
    ck_assert_ptr_nonnull(client);
    client->room.seats = seats;
    client->context = (struct context){ .db = db_new(&fixture_settings->database), .settings = fixture_settings,
                                        .now_ms = clock_mono_ms, .random_id = id_random };
    client->context.doorbell = doorbell_open("127.0.0.1:0", client->context.doorbell_address, &err);
    ck_assert_int_ge(client->context.doorbell, 0);
    OK(context_open_storage(&client->context, &err));
    OK(token_scopes_parse(scopes, &wanted, &err));
    OK(token_service_create(&client->context, owner, wanted, 0, client->token, &token, &err));
    return client;
}

void client_free(struct client *client)
{
    db_free(client->context.db);
    context_close_storage(&client->context);
    close(client->context.doorbell);
    free(client);
}

struct body {
    const char *at;
    size_t left;
    bool broken;
};

static long read_body(void *arg, char *buf, size_t len)
{
    struct body *body = arg;
    size_t take = body->left < len ? body->left : len;
    if (take == 0 && body->broken)
        return -1;
    memcpy(buf, body->at, take);
    body->at += take;
    body->left -= take;
    return (long)take;
}

static int keep(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return 0;
}

static struct answer take_answer(struct strbuf *text)
{
    struct answer answer = { 0 };
    struct err err = ERR_INIT;
    char *end = strstr(text->data, "\r\n\r\n");
    ck_assert_ptr_nonnull(end);
    ck_assert_int_eq(sscanf(text->data, "Status: %d ", &answer.status), 1);
    ck_assert_ptr_nonnull(strstr(text->data, "X-Request-Id: "));
    end += 4;
    answer.headers = strndup(text->data, (size_t)(end - text->data));
    if (strstr(answer.headers, "Content-Type: text/"))
        answer.text = strdup(end);
    else if (*end)
        OK(json_parse(end, strlen(end), &answer.body, &err));
    return answer;
}

struct answer client_call(struct client *client, const char *method, const char *uri, const char *body)
{
    char text[4][512];
    char *params[] = { text[0], text[1], text[2], text[3], (char *)client->param, NULL };
    struct body sent = { .at = body ? body : "", .left = body ? strlen(body) : 0, .broken = client->broken };
    snprintf(text[0], sizeof(text[0]), "REQUEST_METHOD=%s", method);
    snprintf(text[1], sizeof(text[1]), "REQUEST_URI=%s", uri);
    snprintf(text[2], sizeof(text[2]), "CONTENT_TYPE=%s", !body ? "" : client->content_type ? client->content_type : "application/json");
    snprintf(text[3], sizeof(text[3]), "HTTP_AUTHORIZATION=%s%s", client->token[0] ? "Bearer " : "", client->token);
    struct strbuf out = STRBUF_INIT(16 * 1024 * 1024);
    const struct request_source source = { .params = params, .read = read_body, .arg = &sent };
    const struct response_sink sink = { .write = keep, .arg = &out };
    const struct server server = { .context = &client->context, .room = &client->room,
                                   .http_metrics = client->http_metrics, .routes = route_table,
                                   .route_count = route_count };
    ck_assert_int_eq(serve_request(&server, &source, -1, &sink), 0);
    struct answer answer = take_answer(&out);
    strbuf_release(&out);
    return answer;
}

void answer_release(struct answer *answer)
{
    free(answer->headers);
    free(answer->text);
    json_release(&answer->body);
}

struct json_object *client_json(struct client *client, const char *method, const char *uri, const char *body,
                                int status)
{
    struct answer answer = client_call(client, method, uri, body);
    ck_assert_msg(answer.status == status, "%s %s: %d %s", method, uri, answer.status,
                  answer.body ? json_text(answer.body) : "");
    free(answer.headers);
    return answer.body;
}

typedef void (*end_fn)(const struct execution *execution, struct execution_outcome *outcome);

static void *play_dispatcher(void *arg)
{
    struct db *db = db_new(&fixture_settings->database);
    struct claim_list claims = { 0 };
    struct err err = ERR_INIT;
    int64_t until = clock_mono_ms() + 10000;
    while (claims.count == 0 && clock_mono_ms() < until)
        OK(execution_repo_claim(db, "test", NULL, 1, &claims, NULL, &err));
    ck_assert_uint_eq(claims.count, 1);
    struct execution *execution = &claims.items[0].execution;
    struct execution_outcome outcome;
    bool changed = false;
    char notify[ADDRESS_SIZE];
    (*(end_fn *)arg)(execution, &outcome);
    OK(execution_repo_finish(db, execution->seq, "test", EXECUTION_COMPLETED, &outcome, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_notify(db, execution->seq, notify, &err));
    doorbell_ring(-1, notify, execution->id);
    free(outcome.trace_json);
    claim_list_release(&claims);
    db_free(db);
    return NULL;
}

struct json_object *client_dispatched(struct client *client, const char *method, const char *uri, const char *body, end_fn end)
{
    pthread_t dispatcher;
    ck_assert_int_eq(pthread_create(&dispatcher, NULL, play_dispatcher, &end), 0);
    struct json_object *answer = client_json(client, method, uri, body, 200);
    pthread_join(dispatcher, NULL);
    return answer;
}

char *client_refused(struct client *client, const char *method, const char *uri, const char *body, int status,
                     char **detail_out)
{
    struct json_object *answer = client_json(client, method, uri, body, status);
    char *code = strdup(text_of(answer, "error_code"));
    if (detail_out)
        *detail_out = strdup(text_of(answer, "error_detail"));
    json_object_put(answer);
    return code;
}

const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    ck_assert_msg(json_object_object_get_ex(object, name, &value) && value, "no %s in %s", name, json_text(object));
    return json_object_get_string(value);
}

void api_refused(struct client *client, const char *method, const char *uri, const char *body, int status,
                 const char *code)
{
    char *got = client_refused(client, method, uri, body, status, NULL);
    ck_assert_str_eq(got, code);
    free(got);
}

struct client *api_me;

void api_setup(void)
{
    fixture_setup();
    fixture_node("n1", 16000, 16384, 20);
    api_me = client_new("me", "sessions", 4);
}

void api_teardown(void)
{
    client_free(api_me);
    fixture_teardown();
}

void api_create(struct client *client, char id[SESSION_ID_SIZE], char uri_out[128])
{
    struct json_object *session = client_json(client, "POST", API_SESSIONS, API_CREATE, 201);
    snprintf(id, SESSION_ID_SIZE, "%s", text_of(session, "session_id"));
    snprintf(uri_out, 128, API_SESSIONS "/%s", id);
    json_object_put(session);
}

void api_start(const char *id)
{
    struct err err = ERR_INIT;
    bool changed = false;
    OK(session_repo_start(fixture_db, id, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_make_runnable(fixture_db, id, NULL, &err));
    fixture_sql("UPDATE containers SET status = 'running' WHERE status = 'creating'");
}
