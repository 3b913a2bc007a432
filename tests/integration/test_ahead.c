/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are there at the same time: what is looked up for all of them together must be what each would have been told alone. */
#include <stdio.h>
#include <string.h>

#include "lib/service/ahead.h"
#include "lib/service/tokens.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

enum { PARAMS = 3 };
#define CALL(who, where) { .token = (who), .uri = where }

/* One request, and what became of it. */
struct call_made {
    const char *token, *uri;
    char text[PARAMS][512], *params[PARAMS + 1];
    struct request_source source;
    struct response_sink sink;
    struct strbuf out;
    struct visit *visit;
    int status;
};

static long no_body(void *arg, char *buf, size_t len)
{
    (void)arg, (void)buf, (void)len;
    return 0;
}

static int keep(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return 0;
}

static void open_call(struct call_made *call, const struct server *server)
{
    snprintf(call->text[0], sizeof(call->text[0]), "REQUEST_METHOD=GET");
    snprintf(call->text[1], sizeof(call->text[1]), "REQUEST_URI=%s", call->uri);
    snprintf(call->text[2], sizeof(call->text[2]), "HTTP_AUTHORIZATION=Bearer %s", call->token);
    for (int i = 0; i < PARAMS; i++)
        call->params[i] = call->text[i];
    call->out = STRBUF_INIT(1 << 20);
    call->source = (struct request_source){ .params = call->params, .read = no_body };
    call->sink = (struct response_sink){ .write = keep, .arg = &call->out };
    call->visit = visit_open(server, &call->source, -1, &call->sink);
    ck_assert_ptr_nonnull(call->visit);
    ck_assert(visit_is_short(call->visit));
}

static void end_call(struct call_made *call)
{
    visit_serve(call->visit);
    visit_free(call->visit);
    ck_assert_int_eq(sscanf(strbuf_str(&call->out), "Status: %d ", &call->status), 1);
}

/* `between` runs when all was looked up, before the first is served. */
static void call_together(struct call_made *calls, size_t count, const char *between)
{
    struct err failure = ERR_INIT;
    struct ahead *asked[AHEAD_MAX];
    size_t asking = 0;
    const struct server server = { .context = &api_me->context, .room = &api_me->room, .routes = route_table, .route_count = route_count };
    ck_assert_uint_le(count, AHEAD_MAX);
    for (size_t i = 0; i < count; i++) {
        open_call(&calls[i], &server);
        struct ahead *ahead = visit_ahead(calls[i].visit);
        if (ahead)
            asked[asking++] = ahead;
    }
    ahead_find(&api_me->context, asked, asking, &failure);
    if (between)
        fixture_sql(between);
    for (size_t i = 0; i < count; i++)
        end_call(&calls[i]);
}

static void release(struct call_made *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_release(&calls[i].out);
}

static void expect(struct call_made *calls, const int *statuses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(calls[i].status == statuses[i], "call %zu: %s", i, strbuf_str(&calls[i].out));
}

#define UNKNOWN_TOKEN "sbx_0123456789012345678901234567890123456789"
#define NO_SESSION API_SESSIONS "/sess_0000000000000000"

START_TEST(test_ahead__each_is_told_what_it_would_be_alone)
{
    struct client *other = client_new("other", "sessions", 0), *scoped = client_new("me", "templates", 0), *admin = client_new("root", "sessions,admin", 0),
                  *gone = client_new("gone", "sessions", 0);
    char mine[SESSION_ID_SIZE], theirs[SESSION_ID_SIZE], my_uri[128], their_uri[128];
    api_create(api_me, mine, my_uri);
    api_create(other, theirs, their_uri);
    fixture_sql("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3) WHERE owner = 'gone'");
    struct call_made calls[] = {
        CALL(api_me->token, my_uri),     CALL(UNKNOWN_TOKEN, my_uri),  CALL("malformed", my_uri),       CALL(gone->token, my_uri),
        CALL(other->token, my_uri),      CALL(other->token, their_uri), CALL(scoped->token, my_uri),    CALL(scoped->token, NO_SESSION),
        CALL(admin->token, my_uri),      CALL(api_me->token, NO_SESSION), CALL(api_me->token, their_uri), CALL(api_me->token, API_SESSIONS "/x"),
        CALL(api_me->token, "/api/v1/templates/python-basic"), CALL(api_me->token, my_uri),
    };
    static const int statuses[] = { 200, 401, 401, 401, 404, 200, 403, 403, 404, 404, 404, 404, 200, 200 };
    enum { ALL = sizeof(calls) / sizeof(calls[0]) };
    for (size_t first = 0; first < ALL; first += AHEAD_MAX)
        call_together(calls + first, ALL - first < AHEAD_MAX ? ALL - first : AHEAD_MAX, NULL);
    expect(calls, statuses, ALL);
    ck_assert_ptr_nonnull(strstr(strbuf_str(&calls[0].out), mine));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&calls[5].out), theirs));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&calls[13].out), mine));
    release(calls, ALL);
    client_free(other);
    client_free(scoped);
    client_free(admin);
    client_free(gone);
}
END_TEST

/* What is looked up is looked up: for these requests. Nothing of it is there for the next. */
START_TEST(test_ahead__nothing_is_kept_for_the_next)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    struct call_made first[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) }, next[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) };
    call_together(first, 2, "UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3)");
    expect(first, (const int[]){ 200, 200 }, 2); /* they were there before */
    call_together(next, 2, NULL);
    expect(next, (const int[]){ 401, 401 }, 2);
    api_refused(api_me, "GET", uri, NULL, 401, "Sandbox.Unauthorized");
    release(first, 2);
    release(next, 2);
}
END_TEST

/* The services take it from there, instead of asking again. */
START_TEST(test_ahead__is_all_that_is_asked)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    struct call_made calls[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) };
    call_together(calls, 2, "RENAME TABLE sessions TO sessions_gone, tokens TO tokens_gone");
    fixture_sql("RENAME TABLE sessions_gone TO sessions, tokens_gone TO tokens");
    expect(calls, (const int[]){ 200, 200 }, 2);
    release(calls, 2);
}
END_TEST

/* Before a test: nothing is counted, so that what is counted is the test's. */
static void setup(void)
{
    api_setup();
    fixture_settings->limits.requests_per_minute = 0;
}

static void set_limit(int64_t a_minute)
{
    fixture_settings->limits.requests_per_minute = a_minute;
}

START_TEST(test_ahead__each_request_is_counted_once)
{
    struct client *other = client_new("me", "sessions", 0);
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    set_limit(8);
    struct call_made calls[] = { CALL(api_me->token, uri), CALL(other->token, uri), CALL(api_me->token, uri), CALL(UNKNOWN_TOKEN, uri),
                                 CALL(api_me->token, API_SESSIONS "/x"), CALL(api_me->token, uri) };
    call_together(calls, 6, NULL);
    expect(calls, (const int[]){ 200, 200, 200, 401, 404, 200 }, 6);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM rate_limits"), 2);
    for (int i = 0; i < 4; i++)
        json_object_put(client_json(api_me, "GET", uri, NULL, 200));
    api_refused(api_me, "GET", uri, NULL, 429, "Sandbox.RateLimited");
    for (int i = 0; i < 7; i++)
        json_object_put(client_json(other, "GET", uri, NULL, 200));
    api_refused(other, "GET", uri, NULL, 429, "Sandbox.RateLimited");
    release(calls, 6);
    client_free(other);
}
END_TEST

/* Not as many are left as came together: so many of them pass as would one after the other. */
START_TEST(test_ahead__the_last_that_are_left_are_given)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    set_limit(3);
    struct call_made calls[] = { CALL(api_me->token, uri), CALL(api_me->token, uri), CALL(api_me->token, uri), CALL(api_me->token, uri), CALL(api_me->token, uri) };
    call_together(calls, 5, NULL);
    expect(calls, (const int[]){ 200, 200, 200, 429, 429 }, 5);
    release(calls, 5);
}
END_TEST

START_TEST(test_ahead__who_cannot_be_counted_passes)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    set_limit(10);
    struct call_made calls[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) };
    fixture_sql("RENAME TABLE rate_limits TO rate_limits_gone");
    call_together(calls, 2, "RENAME TABLE rate_limits_gone TO rate_limits");
    expect(calls, (const int[]){ 200, 200 }, 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM rate_limits"), 0);
    ck_assert(api_me->context.rates_failing);
    release(calls, 2);
}
END_TEST

/* Each hears of it, and nobody asks again, which might take as long. */
START_TEST(test_ahead__a_failure_is_everybodys)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    struct call_made calls[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) }, later[] = { CALL(api_me->token, uri), CALL(api_me->token, uri) };
    fixture_sql("RENAME TABLE tokens TO tokens_gone");
    call_together(calls, 2, "RENAME TABLE tokens_gone TO tokens");
    expect(calls, (const int[]){ 500, 500 }, 2);
    fixture_sql("RENAME TABLE sessions TO sessions_gone");
    call_together(later, 2, "RENAME TABLE sessions_gone TO sessions");
    expect(later, (const int[]){ 500, 500 }, 2);
    json_object_put(client_json(api_me, "GET", uri, NULL, 200));
    release(calls, 2);
    release(later, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ahead");
    TCase *tcase = tcase_create("ahead");
    tcase_add_checked_fixture(tcase, setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_ahead__each_is_told_what_it_would_be_alone);
    tcase_add_test(tcase, test_ahead__nothing_is_kept_for_the_next);
    tcase_add_test(tcase, test_ahead__is_all_that_is_asked);
    tcase_add_test(tcase, test_ahead__each_request_is_counted_once);
    tcase_add_test(tcase, test_ahead__the_last_that_are_left_are_given);
    tcase_add_test(tcase, test_ahead__who_cannot_be_counted_passes);
    tcase_add_test(tcase, test_ahead__a_failure_is_everybodys);
    return fixture_run(suite);
}
