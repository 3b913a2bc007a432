/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of time: sessions in which nothing happens, and the longest life. All by the database's clock. */
#include <stdio.h>
#include <string.h>

#include "lib/service/reap.h"
#include "lib/service/sessions.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static char id[SESSION_ID_SIZE], uri[128];
static struct context reaper;

static void quiet(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *about)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)about;
}

static void setup(void)
{
    api_setup();
    api_create(api_me, id, uri);
    api_start(id);
    reaper = api_me->context;
    reaper.actor = (struct actor){ .name = "sandbox-reap" };
}

static struct reap_done reap(void)
{
    struct err err = ERR_INIT;
    struct reap_done done;
    OK(reap_pass(&reaper, quiet, &done, &err));
    return done;
}

/* The session's last activity was so long ago. */
static void rest(int seconds)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "UPDATE sessions SET last_activity_at = UTC_TIMESTAMP(3) - INTERVAL %d SECOND, expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR",
             seconds);
    fixture_sql(sql);
}

static const char *status_now(void)
{
    static char status[16];
    struct json_object *session = client_json(api_me, "GET", uri, NULL, 200);
    snprintf(status, sizeof(status), "%s", text_of(session, "status"));
    json_object_put(session);
    return status;
}

START_TEST(test_idle__ends_with_its_own_reason)
{
    rest(1795);
    ck_assert_int_eq(reap().idle, 0);
    ck_assert_str_eq(status_now(), "running");
    rest(1801);
    json_object_put(client_json(api_me, "GET", uri, NULL, 200)); /* reading is no activity */
    struct reap_done done = reap();
    ck_assert_int_eq(done.idle, 1);
    ck_assert_int_eq(done.expired, 0);
    struct json_object *session = client_json(api_me, "GET", uri, NULL, 200), *error = json_object_object_get(session, "error");
    ck_assert_str_eq(text_of(session, "status"), "timeout");
    ck_assert_str_eq(text_of(error, "kind"), "session_idle");
    ck_assert_ptr_nonnull(strstr(text_of(error, "message"), "1800 seconds"));
    json_object_put(session);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'expire' AND detail LIKE 'Nothing happened%'"), 1);
    ck_assert_int_eq(reap().idle, 0);
}
END_TEST

START_TEST(test_idle__is_as_long_as_set)
{
    fixture_settings->limits.session_idle_s = 0;
    rest(86400);
    ck_assert_int_eq(reap().idle, 0);
    fixture_settings->limits.session_idle_s = 60;
    rest(59);
    ck_assert_int_eq(reap().idle, 0);
    rest(61);
    ck_assert_int_eq(reap().idle, 1);
}
END_TEST

/* Waiting or running, however long: never idle; and the time counts from its end. */
START_TEST(test_idle__executions_count_to_their_end)
{
    static const char *const open[] = { "'pending', runnable = 1", "'pending', runnable = 0", "'running', runnable = 1" };
    char sql[256];
    fixture_execution("exec_1", id, true);
    for (size_t i = 0; i < 3; i++) {
        snprintf(sql, sizeof(sql), "UPDATE executions SET status = %s", open[i]);
        fixture_sql(sql);
        rest(7200);
        ck_assert_int_eq(reap().idle, 0);
        ck_assert_int_eq(fixture_number("SELECT last_activity_at > UTC_TIMESTAMP(3) - INTERVAL 5 SECOND FROM sessions"), 1);
    }
    fixture_sql("UPDATE executions SET status = 'completed', completed_at = UTC_TIMESTAMP(3) - INTERVAL 1700 SECOND");
    rest(1900);
    ck_assert_int_eq(reap().idle, 0);
    ck_assert_int_eq(fixture_number("SELECT last_activity_at = completed_at FROM sessions JOIN executions"), 1);
    fixture_sql("UPDATE executions SET completed_at = UTC_TIMESTAMP(3) - INTERVAL 1801 SECOND");
    rest(1900);
    ck_assert_int_eq(reap().idle, 1);
}
END_TEST

START_TEST(test_idle__what_clients_do_is_activity)
{
    char more[192];
    rest(3600);
    snprintf(more, sizeof(more), "%s/renew", uri);
    json_object_put(client_json(api_me, "POST", more, "{\"timeout\":3600}", 200));
    ck_assert_int_eq(reap().idle, 0);
    rest(3600);
    snprintf(more, sizeof(more), "%s/execute", uri);
    json_object_put(client_json(api_me, "POST", more, API_CODE, 200));
    fixture_sql("DELETE FROM executions");
    ck_assert_int_eq(reap().idle, 0);
    rest(3600);
    fixture_sql("INSERT INTO workspace_files (session_id, path, change_seq, pending, modified_at) SELECT id, 'a', 1, 1, UTC_TIMESTAMP(3) FROM sessions");
    snprintf(more, sizeof(more), "%s/files/a", uri);
    struct answer answer = client_call(api_me, "DELETE", more, NULL);
    ck_assert_int_eq(answer.status, 204);
    answer_release(&answer);
    ck_assert_int_eq(reap().idle, 0);
    rest(3600);
    ck_assert_int_eq(reap().idle, 1);
}
END_TEST

/* Between the reaper's look and its change, a client may have come: the session's lock decides. */
START_TEST(test_idle__who_comes_first_wins)
{
    struct err err = ERR_INIT;
    const struct session_ending how = { .status = SESSION_TIMEOUT, .kind = "session_idle", .reason = "Nothing happened.", .idle_s = 1800 };
    bool changed = true;
    rest(1700);
    OK(session_service_end(&reaper, id, &how, &changed, &err));
    ck_assert(!changed);
    ck_assert_str_eq(status_now(), "running");
    fixture_sql("UPDATE sessions SET status = 'creating'");
    rest(3600);
    OK(session_service_end(&reaper, id, &how, &changed, &err)); /* it has another limit */
    ck_assert(!changed);
}
END_TEST

/* More than one batch, active ones among them: each is looked at once. */
START_TEST(test_idle__many_at_once)
{
    char name[32];
    for (int i = 0; i < 450; i++) {
        snprintf(name, sizeof(name), "many%d", i);
        fixture_session(name, "me", SESSION_RUNNING);
        if (i % 3 == 0)
            fixture_execution(name, name, true);
    }
    rest(3600);
    ck_assert_int_eq(reap().idle, 301);
    ck_assert_int_eq(reap().idle, 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'running'"), 150);
}
END_TEST

/* Renewing, as often as one likes, leads to the sixth hour and not beyond. */
START_TEST(test_lifetime__renewing_does_not_exceed_it)
{
    char more[192];
    snprintf(more, sizeof(more), "%s/renew", uri);
    fixture_sql("UPDATE sessions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 21540 SECOND");
    for (int i = 0; i < 3; i++) {
        json_object_put(client_json(api_me, "POST", more, "{\"timeout\":3600}", 200));
        ck_assert_int_eq(fixture_number("SELECT expires_at = created_at + INTERVAL 6 HOUR FROM sessions"), 1);
    }
    ck_assert_int_eq(reap().expired, 0);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 61 SECOND, expires_at = expires_at - INTERVAL 61 SECOND");
    api_refused(api_me, "POST", more, "{\"timeout\":3600}", 409, "Sandbox.Conflict");
    ck_assert_int_eq(reap().expired, 1);
    struct json_object *session = client_json(api_me, "GET", uri, NULL, 200);
    ck_assert_str_eq(text_of(session, "status"), "timeout");
    ck_assert_ptr_null(json_object_object_get(session, "error"));
    json_object_put(session);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits_time");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, api_teardown);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, test_idle__ends_with_its_own_reason);
    tcase_add_test(all, test_idle__is_as_long_as_set);
    tcase_add_test(all, test_idle__executions_count_to_their_end);
    tcase_add_test(all, test_idle__what_clients_do_is_activity);
    tcase_add_test(all, test_idle__who_comes_first_wins);
    tcase_add_test(all, test_idle__many_at_once);
    tcase_add_test(all, test_lifetime__renewing_does_not_exceed_it);
    suite_add_tcase(suite, all);
    return fixture_run(suite);
}
