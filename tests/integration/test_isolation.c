/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to one owner does not exist for another: every route of the table, with the ids of somebody else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strbuf.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

/* What a route shows, by how its pattern begins; the longest beginning counts. A new route must be added here. */
enum kind { OWNED_SESSION, OWNED_EXECUTION, OWNED_CONTAINER, OWN_LIST, MAKES_ONES_OWN, SHARED, OPERATORS, CONTAINERS_OWN };
static const struct {
    const char *begin;
    enum kind kind;
} kinds[] = {
    { "/api/v1/sessions/{id}", OWNED_SESSION },
    { "/api/v1/executions/{id}", OWNED_EXECUTION },
    { "/api/v1/containers/{id}", OWNED_CONTAINER },
    { "/api/v1/sessions", OWN_LIST },
    { "/api/v1/containers", OWN_LIST },
    { "/api/v1/templates", SHARED },
    { "/api/v1/nodes", OPERATORS },
    { "/api/v1/metrics", OPERATORS },
    { "/metrics", OPERATORS },
    { "/api/v1/internal/", CONTAINERS_OWN }, /* takes no client's token */
    { "/internal/", CONTAINERS_OWN },
    { "/api/v1/health", SHARED },
    { "/health", SHARED },
};

/* Bodies that would be accepted. */
static const struct {
    const char *end, *body;
} bodies[] = {
    { "/execute", API_CODE }, { "/execute-sync", API_CODE }, { "/renew", "{\"timeout\":600}" }, { "/cancel", NULL },
};

static enum kind kind_of(const struct route *route)
{
    size_t best = 0, at = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].begin);
        if (len > best && strncmp(route->pattern, kinds[i].begin, len) == 0) {
            best = len;
            at = i;
        }
    }
    ck_assert_msg(best > 0, "%s %s: say in this test whose things it shows", route->method, route->pattern);
    if (kinds[at].kind == OWN_LIST && strcmp(route->method, "GET") != 0)
        return MAKES_ONES_OWN;
    return kinds[at].kind;
}

static const char *body_of(const struct route *route)
{
    size_t len = strlen(route->pattern);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        size_t end = strlen(bodies[i].end);
        if (len >= end && strcmp(route->pattern + len - end, bodies[i].end) == 0)
            return bodies[i].body;
    }
    return route->body_limit ? "{}" : NULL;
}

/* The pattern with its first {name} as `id` and any other as "x". */
static void fill(const char *pattern, const char *id, char out[256])
{
    size_t used = 0;
    for (const char *at = pattern; *at; at++) {
        if (*at != '{') {
            out[used++] = *at;
            continue;
        }
        used += (size_t)snprintf(out + used, 256 - used, "%s", id);
        id = "x";
        at = strchr(at, '}');
    }
    out[used] = '\0';
}

static struct client *other; /* with every scope but admin */
static char session_id[SESSION_ID_SIZE], execution_id[32], container_id[CONTAINER_ID_SIZE];

static int take_text(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    snprintf(arg, CONTAINER_ID_SIZE, "%s", db_row_text(row, 0, NULL));
    return 0;
}

static void setup(void)
{
    static const struct db_stmt container = { "SELECT id FROM containers" };
    struct err err = ERR_INIT;
    char uri[128], more[160];
    api_setup();
    other = client_new("other", "sessions,templates", 4);
    api_create(api_me, session_id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *execution = client_json(api_me, "POST", more, API_CODE, 200);
    snprintf(execution_id, sizeof(execution_id), "%s", text_of(execution, "execution_id"));
    json_object_put(execution);
    OK(db_query(fixture_db, &container, NULL, 0, take_text, container_id, &err));
    fixture_sql("DELETE FROM rate_limits");
}

static void teardown(void)
{
    client_free(other);
    api_teardown();
}

/* All that a client can see of a refusal, without the id that it sent itself. */
static char *refusal(const struct route *route, const char *id)
{
    char uri[256];
    cleanup_strbuf struct strbuf seen = STRBUF_INIT(4096);
    fill(route->pattern, id, uri);
    struct answer answer = client_call(other, route->method, uri, body_of(route));
    ck_assert_msg(answer.status == 404, "%s %s: %d %s", route->method, uri, answer.status, answer.body ? json_text(answer.body) : "");
    ck_assert_ptr_null(strstr(answer.headers, "Location"));
    char *detail = strdup(text_of(answer.body, "error_detail"));
    for (char *at; (at = strstr(detail, id));)
        memset(at, '*', strlen(id));
    strbuf_addf(&seen, "%s|%s|%s|%s", text_of(answer.body, "error_code"), text_of(answer.body, "description"), detail,
                text_of(answer.body, "solution"));
    free(detail);
    answer_release(&answer);
    return strbuf_steal(&seen);
}

static void check_hidden(const struct route *route, const char *id, const char *nobodys)
{
    cleanup_free char *theirs = refusal(route, id), *none = refusal(route, nobodys);
    ck_assert_msg(strcmp(theirs, none) == 0, "%s %s: somebody's: %s; nobody's: %s", route->method, route->pattern, theirs, none);
}

static void check_status(const struct route *route, int status)
{
    char uri[256];
    fill(route->pattern, "x", uri);
    struct answer answer = client_call(other, route->method, uri, body_of(route));
    ck_assert_msg(answer.status == status, "%s %s: %d", route->method, uri, answer.status);
    answer_release(&answer);
}

static void check_empty(const struct route *route)
{
    struct json_object *list = client_json(other, "GET", route->pattern, NULL, 200), *total = NULL;
    ck_assert(json_object_object_get_ex(list, "total", &total));
    ck_assert_msg(json_object_get_int(total) == 0, "%s: %s", route->pattern, json_text(list));
    ck_assert_ptr_null(strstr(json_text(list), session_id));
    json_object_put(list);
}

static void walk(void)
{
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        switch (kind_of(route)) {
        case OWNED_SESSION:
            check_hidden(route, session_id, "sess_0000000000000000");
            break;
        case OWNED_EXECUTION:
            check_hidden(route, execution_id, "exec_20260101_00000000");
            break;
        case OWNED_CONTAINER:
            check_hidden(route, container_id, "000000000000");
            break;
        case OWN_LIST:
            check_empty(route);
            break;
        case OPERATORS:
            check_status(route, 403);
            break;
        case CONTAINERS_OWN:
            check_status(route, 401);
            break;
        case MAKES_ONES_OWN:
        case SHARED:
            break;
        }
    }
}

/* A digest of all that the other owner could have changed. */
static int64_t state(void)
{
    return fixture_number("SELECT (SELECT SUM(CRC32(CONCAT_WS('|', s.status, s.expires_at, s.last_activity_at, s.ended_at))) FROM sessions s)"
                          " + (SELECT COUNT(*) * 7 + SUM(CRC32(CONCAT_WS('|', e.status, e.notify))) FROM executions e)"
                          " + (SELECT SUM(CRC32(CONCAT_WS('|', c.status, c.suspect))) FROM containers c)"
                          " + 11 * (SELECT COUNT(*) FROM container_questions) + 13 * (SELECT COUNT(*) FROM cancellations)");
}

START_TEST(test_isolation__others_things_do_not_exist)
{
    int64_t before = state();
    walk();
    ck_assert_int_eq(state(), before);
    api_start(session_id);
    fixture_sql("UPDATE executions SET status = 'running', claimed_by = 'd'");
    before = state();
    walk();
    ck_assert_int_eq(state(), before);
    fixture_sql("UPDATE executions SET status = 'completed'; UPDATE sessions SET status = 'failed', error = 'secret reason'");
    before = state();
    walk();
    ck_assert_int_eq(state(), before);
}
END_TEST

/* A warm container is nobody's. */
START_TEST(test_isolation__warm_containers_are_not_shown)
{
    fixture_container("00aa00aa00aa", "n1", "", CONTAINER_WARM);
    snprintf(container_id, sizeof(container_id), "00aa00aa00aa");
    walk();
    static const struct {
        const char *uri;
        int mine;
    } cases[] = { { "/api/v1/containers", 1 }, { "/api/v1/containers?status=warm", 0 },
                  { "/api/v1/containers?template_id=python-basic", 1 }, { "/api/v1/containers?runtime_type=process", 1 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *mine = client_json(api_me, "GET", cases[i].uri, NULL, 200);
        struct json_object *theirs = client_json(other, "GET", cases[i].uri, NULL, 200);
        ck_assert_msg(json_object_get_int(json_object_object_get(mine, "total")) == cases[i].mine, "%s", cases[i].uri);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(theirs, "total")), 0);
        json_object_put(mine);
        json_object_put(theirs);
    }
}
END_TEST

/* The other's keys, limits and filters find nothing of ours. */
START_TEST(test_isolation__filters_and_keys)
{
    char uri[160];
    static const char *const filters[] = { "?status=creating", "?template_id=python-basic", "?limit=200&offset=0" };
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        snprintf(uri, sizeof(uri), API_SESSIONS "%s", filters[i]);
        struct json_object *list = client_json(other, "GET", uri, NULL, 200);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), 0);
        json_object_put(list);
    }
    fixture_settings->limits.sessions = 1; /* mine is one: the other has none */
    other->param = "HTTP_IDEMPOTENCY_KEY=guess";
    json_object_put(client_json(other, "POST", API_SESSIONS, API_CREATE, 201));
    snprintf(uri, sizeof(uri), API_SESSIONS "/%s/execute", session_id);
    other->param = "HTTP_IDEMPOTENCY_KEY=other";
    api_refused(other, "POST", uri, API_CODE, 404, "Sandbox.SessionNotFound");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM idempotency_keys"), 1);
}
END_TEST

static bool shows_usage(const char *scopes)
{
    struct client *client = client_new("third", scopes, 0);
    struct json_object *report = client_json(client, "GET", "/health/detailed", NULL, 503); /* no jobs */
    const char *text = json_text(report);
    ck_assert_ptr_nonnull(strstr(text, "\"capacity\""));
    bool shown = strstr(text, "\"used\"") != NULL;
    json_object_put(report);
    client_free(client);
    return shown;
}

/* Who knows its own containers could count everybody else's. */
START_TEST(test_isolation__only_operators_see_how_full_nodes_are)
{
    ck_assert(!shows_usage("sessions,templates"));
    ck_assert(shows_usage("admin"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("isolation");
    TCase *tcase = tcase_create("isolation");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_isolation__others_things_do_not_exist);
    tcase_add_test(tcase, test_isolation__warm_containers_are_not_shown);
    tcase_add_test(tcase, test_isolation__filters_and_keys);
    tcase_add_test(tcase, test_isolation__only_operators_see_how_full_nodes_are);
    return fixture_run(suite);
}
