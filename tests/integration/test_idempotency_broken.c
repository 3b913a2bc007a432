/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with an Idempotency-Key over a database connection that breaks off: in the end one thing was made, and its answer is known. */
#include <stdio.h>
#include <string.h>

#include "tests/fakes/breaking_proxy.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static struct db_settings settings;
static char path[108];
static struct breaking_proxy *proxy;

/* From here on the client's connection goes through the proxy. */
static void setup(void)
{
    api_setup();
    settings = fixture_settings->database;
    snprintf(path, sizeof(path), "%s.proxy", settings.socket);
    proxy = breaking_proxy_start(path, settings.socket);
    settings.socket = path;
    db_free(api_me->context.db);
    api_me->context.db = db_new(&settings);
    api_me->param = "HTTP_IDEMPOTENCY_KEY=k";
}

static void teardown(void)
{
    api_teardown();
    breaking_proxy_stop(proxy);
}

/* Sends it until it is answered: at most `refusals` times with 503. */
static void insist(const char *uri, const char *body, int status, int refusals)
{
    struct answer answer = client_call(api_me, "POST", uri, body);
    for (int i = 0; i < refusals && answer.status == 503; i++) {
        ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
        answer_release(&answer);
        answer = client_call(api_me, "POST", uri, body);
    }
    ck_assert_msg(answer.status == status, "%d %s", answer.status, json_text(answer.body));
    answer_release(&answer);
    ck_assert_int_eq(breaking_proxy_breaks(proxy), 1);
    breaking_proxy_break_on(proxy, NULL, false);
    answer = client_call(api_me, "POST", uri, body);
    ck_assert_int_eq(answer.status, status);
    ck_assert_ptr_nonnull(strstr(answer.headers, "Idempotency-Replayed: true"));
    answer_release(&answer);
}

/* What is sent when the connection breaks, and how often the client may be told that the outcome is not known. */
static const struct {
    const char *trigger; /* NULL: the hash that the claim of the key names */
    int refusals;
} moments[] = {
    { NULL, 0 },
    { "\"workspace_path\"", 0 }, /* the answer, as it is stored */
    { "\003COMMIT", 1 },
};
enum { MOMENTS = sizeof(moments) / sizeof(moments[0]) };

START_TEST(test_idempotency__a_broken_connection_makes_one_session)
{
    struct err err = ERR_INIT;
    struct idempotency once = { 0 };
    OK(idempotency_init(&once, "k", "POST " API_SESSIONS, API_CREATE, strlen(API_CREATE), &err));
    breaking_proxy_break_on(proxy, moments[_i].trigger ? moments[_i].trigger : once.hash, true);
    insist(API_SESSIONS, API_CREATE, 201, moments[_i].refusals);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'create' AND object_kind = 'session'"), 1);
}
END_TEST

START_TEST(test_idempotency__a_broken_commit_makes_one_execution)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_me->param = NULL;
    api_create(api_me, id, uri);
    strcat(uri, "/execute");
    api_me->param = "HTTP_IDEMPOTENCY_KEY=k";
    breaking_proxy_break_on(proxy, "\003COMMIT", true);
    insist(uri, API_CODE, 200, 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idempotency_broken");
    TCase *tcase = tcase_create("idempotency_broken");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_idempotency__a_broken_connection_makes_one_session, 0, MOMENTS);
    tcase_add_test(tcase, test_idempotency__a_broken_commit_makes_one_execution);
    return fixture_run(suite);
}
