/* SPDX-License-Identifier: Apache-2.0 */
/* The deliverer against receivers that answer, refuse, hang, break off, redirect and never end. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/webhook_repo.h"
#include "lib/service/delivery.h"
#include "lib/service/webhooks.h"
#include "lib/util/clock.h"
#include "lib/util/json.h"
#include "tests/fakes/receiver.h"
#include "tests/integration/db_fixture.h"

static struct receiver_fake *receiver;
static struct deliverer *deliverer;
static int executions;

static void ignore_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

static struct deliverer *make_deliverer(const char *name)
{
    struct err err = ERR_INIT;
    const struct delivery_config config = { .db = fixture_db, .settings = fixture_settings, .claimed_by = name, .report = ignore_report,
                                            .try_ms = 1000 };
    struct deliverer *made = deliverer_new(&config, &err);
    ck_assert_msg(made, "%s", err.text);
    return made;
}

static void set_up(void)
{
    fixture_setup();
    fixture_session("s1", "me", SESSION_RUNNING);
    receiver = receiver_start();
    deliverer = make_deliverer("d1");
    executions = 0;
}

static void tear_down(void)
{
    deliverer_free(deliverer);
    receiver_stop(receiver);
    fixture_teardown();
}

static const char *sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *sql(const char *format, ...)
{
    static char texts[4][4096]; /* as one may be made of another */
    static unsigned next;
    char *text = texts[next++ % 4];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(texts[0]), format, args);
    va_end(args);
    return text;
}

/* An execution "eN" that ends as `status`, with what it tells noted. */
static void end_one_at(const char *url, const char *status)
{
    struct err err = ERR_INIT;
    char id[16];
    snprintf(id, sizeof(id), "e%d", ++executions);
    fixture_execution(id, "s1", true);
    fixture_sql(sql("UPDATE executions SET status = '%s', callback_url = '%s', stdout_text = 'gr\u00fc\u00df\n', stderr_text = '', exit_code = 0,"
                    " return_json = '{\"n\":12345678901234567890123}', started_at = created_at, completed_at = created_at, duration_ms = 1500,"
                    " attempts = 1 WHERE id = '%s'", status, url, id));
    int64_t seq = fixture_number(sql("SELECT seq FROM executions WHERE id = '%s'", id));
    OK(webhook_repo_add_executions(fixture_db, &seq, 1, &err));
}

static void end_one(const char *path)
{
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", receiver_port(receiver), path);
    end_one_at(url, "completed");
}

static int64_t count(const char *where)
{
    return fixture_number(sql("SELECT COUNT(*) FROM webhooks WHERE %s", where));
}

/* Until so many rows are as described, at most 10 s. */
static void deliver_until(struct deliverer *who, const char *where, int64_t wanted)
{
    struct err err = ERR_INIT;
    char condition[512];
    int64_t until = clock_mono_ms() + 10000;
    snprintf(condition, sizeof(condition), "%s", where);
    while (count(condition) != wanted) {
        ck_assert_msg(clock_mono_ms() < until, "never: %s", condition);
        OK(deliverer_step(who, true, &err));
        OK(deliverer_wait(who, NULL, 0, 20, &err));
    }
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;
    ck_assert_msg(json_object_object_get_ex(object, name, &member), "%s is missing", name);
    return member ? json_object_get_string(member) : "null";
}

START_TEST(test_webhooks__told_whole_and_signed)
{
    struct err err = ERR_INIT;
    char body[8192], id[64], timestamp[64], signature[256], expected[WEBHOOK_SIGNATURES_SIZE];
    end_one("/ok");
    deliver_until(deliverer, "status = 'delivered' AND answer = 200 AND attempts = 1 AND claimed_by IS NULL AND error IS NULL AND ended_at IS NOT NULL", 1);
    receiver_body(receiver, "msg_e1", body, sizeof(body));
    receiver_header(receiver, "msg_e1", "webhook-id", id, sizeof(id));
    receiver_header(receiver, "msg_e1", "webhook-timestamp", timestamp, sizeof(timestamp));
    receiver_header(receiver, "msg_e1", "webhook-signature", signature, sizeof(signature));
    ck_assert_str_eq(id, "msg_e1");
    ck_assert_int_lt(llabs(strtoll(timestamp, NULL, 10) - clock_wall_ms() / 1000), 10);
    OK(webhook_sign(&fixture_settings->webhooks, "me", id, strtoll(timestamp, NULL, 10), body, strlen(body), expected, &err));
    ck_assert_str_eq(signature, expected);
    ck_assert_int_eq(receiver_seen(receiver, "Content-Type: application/json\r\n"), 1);
    cleanup_json struct json_object *object = NULL;
    OK(json_parse(body, strlen(body), &object, &err));
    ck_assert_str_eq(text_of(object, "type"), "execution.completed");
    struct json_object *data = NULL, *output = NULL;
    ck_assert(json_object_object_get_ex(object, "data", &data) && json_object_object_get_ex(data, "output", &output));
    ck_assert_str_eq(text_of(object, "timestamp"), text_of(data, "completed_at"));
    ck_assert_str_eq(text_of(data, "execution_id"), "e1");
    ck_assert_str_eq(text_of(data, "session_id"), "s1");
    ck_assert_str_eq(text_of(data, "exit_code"), "0");
    ck_assert_str_eq(text_of(data, "error"), "null");
    ck_assert_str_eq(text_of(output, "stdout"), "gr\u00fc\u00df\n");
    ck_assert(strstr(body, "\"return_value\":{\"n\":12345678901234567890123}"));
}
END_TEST

START_TEST(test_webhooks__large_output_is_to_be_fetched)
{
    end_one("/ok");
    fixture_sql("UPDATE executions SET stdout_text = REPEAT('x', 16385)");
    deliver_until(deliverer, "status = 'delivered'", 1);
    ck_assert_int_eq(receiver_seen(receiver, "\"output\":null"), 1);
    ck_assert_int_eq(receiver_seen(receiver, "xxxx"), 0);
}
END_TEST

START_TEST(test_webhooks__two_keys_while_one_is_replaced)
{
    char signature[256];
    free(fixture_settings->webhooks.key_before);
    fixture_settings->webhooks.key_before = strdup("the key before this one, known to all");
    end_one("/ok");
    deliver_until(deliverer, "status = 'delivered'", 1);
    receiver_header(receiver, "msg_e1", "webhook-signature", signature, sizeof(signature));
    ck_assert_uint_eq(strlen(signature), WEBHOOK_SIGNATURES_SIZE - 1);
    ck_assert(strncmp(signature, "v1,", 3) == 0 && strstr(signature, " v1,"));
}
END_TEST

static const struct {
    const char *path, *status;
    int answer;
    const char *error;
    int due_from_s, due_to_s; /* of the next try */
} outcomes[] = {
    { "/500", "waiting", 500, "It answered 500.", 2, 7 },
    { "/302", "waiting", 302, "It answered 302: redirects are not followed.", 2, 7 },
    { "/503", "waiting", 503, "It answered 503.", 95, 101 },
    { "/410", "given_up", 410, "It answered 410: it wants no more.", 604000, 604801 },
    { "/half", "waiting", 0, "The connection broke%", 2, 7 },
    { "/giant", "delivered", 200, NULL, 604000, 604801 },
    { "/giant500", "waiting", 500, "It answered 500.", 2, 7 },
    { "/hang", "waiting", 0, "The answer did not come in time.%", 2, 7 },
};

START_TEST(test_webhooks__what_a_receiver_may_do)
{
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        end_one(outcomes[i].path);
    deliver_until(deliverer, "attempts = 1 AND claimed_by IS NULL", sizeof(outcomes) / sizeof(outcomes[0]));
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        ck_assert_msg(fixture_number(sql("SELECT COUNT(*) FROM webhooks WHERE id = 'msg_e%zu' AND status = '%s' AND answer = %d"
                                         " AND IFNULL(error, '') LIKE '%s' AND due_at BETWEEN UTC_TIMESTAMP(3) + INTERVAL %d SECOND"
                                         " AND UTC_TIMESTAMP(3) + INTERVAL %d SECOND", i + 1, outcomes[i].status, outcomes[i].answer,
                                         outcomes[i].error ? outcomes[i].error : "", outcomes[i].due_from_s, outcomes[i].due_to_s)) == 1,
                      "%s", outcomes[i].path);
    ck_assert_int_eq(receiver_seen(receiver, "POST /ok"), 0); /* the redirect's */
}
END_TEST

START_TEST(test_webhooks__tried_again_with_the_same_id_and_body)
{
    char id[64];
    end_one("/flaky");
    deliver_until(deliverer, "attempts = 1 AND answer = 500 AND claimed_by IS NULL", 1);
    fixture_sql("UPDATE webhooks SET due_at = UTC_TIMESTAMP(3)");
    deliver_until(deliverer, "status = 'delivered' AND attempts = 2", 1);
    receiver_header(receiver, "POST /flaky", "webhook-id", id, sizeof(id));
    ck_assert_int_eq(receiver_seen(receiver, sql("webhook-id: %s", id)), 2);
}
END_TEST

START_TEST(test_webhooks__given_up_after_a_day)
{
    end_one("/500");
    fixture_sql("UPDATE webhooks SET created_at = UTC_TIMESTAMP(3) - INTERVAL 1439 MINUTE, attempts = 11");
    deliver_until(deliverer, "status = 'given_up' AND attempts = 12 AND answer = 500", 1);
}
END_TEST

/* Nobody listens: then somebody does. */
START_TEST(test_webhooks__a_receiver_that_was_down)
{
    int port = receiver_port(receiver);
    receiver_stop(receiver);
    end_one_at(sql("http://127.0.0.1:%d/ok", port), "failed");
    deliver_until(deliverer, "attempts = 1 AND claimed_by IS NULL AND error LIKE 'No connection could be made.%'", 1);
    receiver = receiver_start();
    fixture_sql(sql("UPDATE webhooks SET due_at = UTC_TIMESTAMP(3), url = 'http://127.0.0.1:%d/ok'", receiver_port(receiver)));
    deliver_until(deliverer, "status = 'delivered'", 1);
    ck_assert_int_eq(receiver_seen(receiver, "\"type\":\"execution.failed\""), 1);
}
END_TEST

/* By name, by number, by whatever a resolver makes of it: the address that is connected to counts. */
START_TEST(test_webhooks__addresses_that_are_not_allowed)
{
    static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0177.0.0.1", "0x7f.1", "127.1",
                                         "127.0.0.1.", "localhost.", "ip6-localhost", "0.0.0.0", "[::]", "[64:ff9b::7f00:1]", "10.0.0.1" };
    enum { HOSTS = sizeof(hosts) / sizeof(hosts[0]) };
    address_list_release(&fixture_settings->webhooks.allowed);
    for (size_t i = 0; i < HOSTS; i++)
        end_one_at(sql("http://%s:%d/ok", hosts[i], receiver_port(receiver)), "completed");
    deliver_until(deliverer, "claimed_by IS NULL AND (attempts = 1 OR status = 'given_up')", HOSTS);
    ck_assert_int_eq(receiver_connections(receiver), 0);
    ck_assert_int_eq(count("status = 'delivered'"), 0);
    ck_assert_int_ge(count("status = 'given_up' AND error LIKE '%not allowed%'"), HOSTS - 3); /* some names may be unknown here */
    ck_assert_int_eq(count("url LIKE '%localhost:%' AND status = 'given_up' AND error = 'It would go to a loopback address, which is not allowed.'"), 1);
}
END_TEST

START_TEST(test_webhooks__one_that_hangs_holds_up_only_its_own)
{
    struct err err = ERR_INIT;
    int most = 0;
    for (int i = 0; i < 30; i++)
        end_one("/hang");
    for (int i = 0; i < 20; i++)
        end_one_at(sql("http://127.0.0.2:%d/ok", receiver_port(receiver)), "completed");
    int64_t began = clock_mono_ms();
    while (receiver_seen(receiver, "POST /ok") < 20) {
        ck_assert_int_lt(clock_mono_ms() - began, 900); /* before the first hanging one is given up */
        OK(deliverer_step(deliverer, true, &err));
        OK(deliverer_wait(deliverer, NULL, 0, 10, &err));
        most = receiver_hanging(receiver) > most ? receiver_hanging(receiver) : most;
    }
    ck_assert_int_le(most, 8);
    ck_assert_int_ge(most, 1);
}
END_TEST

START_TEST(test_webhooks__several_deliverers_share_and_take_over)
{
    struct err err = ERR_INIT;
    struct deliverer *other = make_deliverer("d2");
    cleanup(webhook_list_release) struct webhook_list dead = { 0 };
    for (int i = 0; i < 20; i++)
        end_one("/ok");
    OK(webhook_repo_claim(fixture_db, "dead", "127.0.0.1", DELIVERY_LEASE_MS, 5, &dead, &err));
    ck_assert_uint_eq(dead.count, 5);
    for (int i = 0; i < 200 && count("status = 'delivered'") < 15; i++) {
        OK(deliverer_step(deliverer, true, &err));
        OK(deliverer_step(other, true, &err));
        OK(deliverer_wait(deliverer, NULL, 0, 5, &err));
        OK(deliverer_wait(other, NULL, 0, 5, &err));
    }
    ck_assert_int_eq(receiver_seen(receiver, "POST /ok"), 15); /* each once; the lease holds */
    fixture_sql("UPDATE webhooks SET due_at = UTC_TIMESTAMP(3) WHERE claimed_by = 'dead'");
    deliver_until(other, "status = 'delivered'", 20);
    const struct webhook_result late = { .seq = dead.items[0].seq, .attempts = dead.items[0].attempts, .status = WEBHOOK_GIVEN_UP };
    OK(webhook_repo_store(fixture_db, "dead", &late, 1, &err));
    ck_assert_int_eq(count("status = 'delivered'"), 20);
    ck_assert_int_eq(receiver_seen(receiver, "POST /ok"), 20);
    deliverer_free(other);
}
END_TEST

/* Of its own name are an earlier process's; they need not run out. */
START_TEST(test_webhooks__a_restart_takes_up_what_was_begun)
{
    struct err err = ERR_INIT;
    cleanup(webhook_list_release) struct webhook_list dead = { 0 };
    end_one("/ok");
    OK(webhook_repo_claim(fixture_db, "d1", "127.0.0.1", DELIVERY_LEASE_MS, 5, &dead, &err));
    deliver_until(deliverer, "status = 'delivered' AND attempts = 2", 1);
}
END_TEST

START_TEST(test_webhooks__an_operator_may_have_it_sent_again)
{
    struct err err = ERR_INIT;
    struct context context = { .db = fixture_db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms };
    end_one("/410");
    deliver_until(deliverer, "status = 'given_up'", 1);
    fixture_sql(sql("UPDATE webhooks SET url = 'http://127.0.0.1:%d/ok'", receiver_port(receiver)));
    OK(webhook_retry(&context, "msg_e1", &err));
    deliver_until(deliverer, "status = 'delivered' AND attempts = 1", 1);
    FAILS(webhook_retry(&context, "msg_e2", &err), ERR_CONFLICT);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'retry' AND object_id = 'msg_e1'"), 1);
}
END_TEST

START_TEST(test_webhooks__rows_go_when_their_time_is_over)
{
    struct err err = ERR_INIT;
    int64_t removed = 0;
    end_one("/ok");
    end_one("/410");
    end_one("/500");
    deliver_until(deliverer, "attempts = 1 AND claimed_by IS NULL", 3);
    OK(deliverer_tidy(deliverer, &removed, &err));
    ck_assert_int_eq(removed, 0);
    fixture_sql("UPDATE webhooks SET due_at = UTC_TIMESTAMP(3)");
    OK(deliverer_tidy(deliverer, &removed, &err));
    ck_assert_int_eq(removed, 2);
    ck_assert_int_eq(count("status = 'waiting'"), 1);
}
END_TEST

START_TEST(test_webhooks__what_is_gone_is_not_told)
{
    end_one("/ok");
    fixture_sql("DELETE FROM executions");
    deliver_until(deliverer, "status = 'given_up' AND error = 'What was to be told of is gone.'", 1);
    ck_assert_int_eq(receiver_connections(receiver), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhooks");
    TCase *tcase = tcase_create("webhooks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_webhooks__told_whole_and_signed);
    tcase_add_test(tcase, test_webhooks__large_output_is_to_be_fetched);
    tcase_add_test(tcase, test_webhooks__two_keys_while_one_is_replaced);
    tcase_add_test(tcase, test_webhooks__what_a_receiver_may_do);
    tcase_add_test(tcase, test_webhooks__tried_again_with_the_same_id_and_body);
    tcase_add_test(tcase, test_webhooks__given_up_after_a_day);
    tcase_add_test(tcase, test_webhooks__a_receiver_that_was_down);
    tcase_add_test(tcase, test_webhooks__addresses_that_are_not_allowed);
    tcase_add_test(tcase, test_webhooks__one_that_hangs_holds_up_only_its_own);
    tcase_add_test(tcase, test_webhooks__several_deliverers_share_and_take_over);
    tcase_add_test(tcase, test_webhooks__a_restart_takes_up_what_was_begun);
    tcase_add_test(tcase, test_webhooks__an_operator_may_have_it_sent_again);
    tcase_add_test(tcase, test_webhooks__rows_go_when_their_time_is_over);
    tcase_add_test(tcase, test_webhooks__what_is_gone_is_not_told);
    return fixture_run(suite);
}
