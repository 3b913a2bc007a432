/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of containers through the API; the node that answers is played by the tests. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/question_repo.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define ROWS "SELECT COUNT(*) FROM container_questions"
#define MINE "0123456789ab"
#define URI(id) "/api/v1/containers/" id "/logs"

static const char answered[] = "2026-01-06T10:00:00Z [INFO] \xc3\xa9\n";

static void set_up(void)
{
    api_setup();
    fixture_session("sess_mine00000000000", "me", SESSION_RUNNING);
    fixture_container(MINE, "n1", "sess_mine00000000000", CONTAINER_RUNNING);
}

/* What a node was asked, and what it says: text, or a reason to fail. */
struct node_play {
    const char *text, *reason;
    struct question seen;
    pthread_t thread;
};

static void *play_node(void *arg)
{
    struct node_play *play = arg;
    struct db *db = db_new(&fixture_settings->database);
    struct err err = ERR_INIT;
    bool found = false, changed = false;
    for (int64_t end = clock_mono_ms() + 8000; !found && clock_mono_ms() < end;)
        OK(question_repo_take(db, "n1", &play->seen, &found, &err));
    ck_assert(found);
    if (play->text)
        OK(question_repo_settle(db, play->seen.id, play->text, strlen(play->text), &changed, &err));
    else
        OK(question_repo_fail(db, play->seen.id, play->reason, &changed, &err));
    ck_assert(changed);
    doorbell_ring(-1, play->seen.notify, play->seen.id);
    db_free(db);
    return NULL;
}

static struct answer ask(struct client *client, const char *uri, struct node_play *play)
{
    ck_assert_int_eq(pthread_create(&play->thread, NULL, play_node, play), 0);
    struct answer answer = client_call(client, "GET", uri, NULL);
    pthread_join(play->thread, NULL);
    ck_assert_int_eq(fixture_number(ROWS), 0);
    ck_assert_int_eq(client->room.waiting, 0);
    return answer;
}

START_TEST(test_api_logs__answered)
{
    static const struct {
        const char *uri;
        int64_t tail, since_ms;
    } cases[] = {
        { URI(MINE), 100, 0 },
        { URI(MINE) "?tail=1", 1, 0 },
        { URI(MINE) "?tail=10000&since=2026-01-06T10:00:00Z", 10000, 1767693600000 },
        { URI(MINE) "?since=2026-01-06T10:00:00.250%2B01:00", 100, 1767690000250 },
        { URI(MINE) "?since=2026-01-06T10:00:00+01:00", 100, 1767690000000 },
        { URI(MINE) "?since=9999-12-31T23:59:59.999Z", 100, 253402300799999 },
        { URI(MINE) "?since=9999-12-31T23:59:59-23:59", 100, 253402300799999 },
        { URI(MINE) "?since=1969-12-31T23:59:59Z", 100, 0 },
        { URI(MINE) "?since=0000-01-01T00:00:00Z", 100, 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct node_play play = { .text = answered };
        int64_t begun = clock_mono_ms();
        struct answer answer = ask(api_me, cases[i].uri, &play);
        ck_assert_int_lt(clock_mono_ms() - begun, 5000);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_ptr_nonnull(strstr(answer.headers, "Content-Type: text/plain; charset=utf-8\r\n"));
        ck_assert_str_eq(answer.text, answered);
        ck_assert_str_eq(play.seen.container_id, MINE);
        ck_assert_int_eq(play.seen.tail, cases[i].tail);
        ck_assert_msg(play.seen.since_ms == cases[i].since_ms, "%s: %lld", cases[i].uri, (long long)play.seen.since_ms);
        answer_release(&answer);
    }
}
END_TEST

START_TEST(test_api_logs__nothing_said_is_an_answer)
{
    struct node_play play = { .text = "" };
    struct answer answer = ask(api_me, URI(MINE), &play);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.text, "");
    answer_release(&answer);
}
END_TEST

START_TEST(test_api_logs__failed)
{
    struct node_play play = { .reason = "The container engine does not answer." };
    struct answer answer = ask(api_me, URI(MINE), &play);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(text_of(answer.body, "error_code"), "Sandbox.ServiceUnavailable");
    ck_assert_str_eq(text_of(answer.body, "error_detail"), play.reason);
    ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
    answer_release(&answer);
}
END_TEST

START_TEST(test_api_logs__nobody_there)
{
    int64_t begun = clock_mono_ms();
    api_refused(api_me, "GET", URI(MINE), NULL, 503, "Sandbox.ServiceUnavailable");
    ck_assert_int_ge(clock_mono_ms() - begun, 9900);
    ck_assert_int_le(clock_mono_ms() - begun, 15000);
    ck_assert_int_eq(fixture_number(ROWS), 0);
}
END_TEST

START_TEST(test_api_logs__needs_a_seat)
{
    for (int i = 0; i < 2; i++) {
        api_me->room.seats = i;
        api_me->room.closing = i == 1;
        int64_t begun = clock_mono_ms();
        struct answer answer = client_call(api_me, "GET", URI(MINE), NULL);
        ck_assert_int_lt(clock_mono_ms() - begun, 5000);
        ck_assert_int_eq(answer.status, 503);
        ck_assert_str_eq(text_of(answer.body, "error_code"), "Sandbox.ServiceUnavailable");
        ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
        answer_release(&answer);
    }
    ck_assert_int_eq(fixture_number(ROWS), 0);
}
END_TEST

START_TEST(test_api_logs__somebody_elses_do_not_exist)
{
    struct client *other = client_new("you", "sessions,templates", 4), *admin = client_new("root", "sessions,admin", 4);
    fixture_container("00000000dead", "n1", "sess_mine00000000000", CONTAINER_DELETED);
    fixture_container("00000000face", "n1", "", CONTAINER_WARM);
    api_refused(other, "GET", URI(MINE), NULL, 404, "Sandbox.ContainerNotFound");
    api_refused(other, "GET", URI("00000000face"), NULL, 404, "Sandbox.ContainerNotFound");
    api_refused(api_me, "GET", URI("00000000face"), NULL, 404, "Sandbox.ContainerNotFound");
    api_refused(api_me, "GET", URI("00000000dead"), NULL, 404, "Sandbox.ContainerNotFound");
    api_refused(admin, "GET", URI("00000000dead"), NULL, 404, "Sandbox.ContainerNotFound");
    static const char *const none[] = { URI("ffffffffffff"), URI("0123456789aB"), URI("0123456789a"), URI("0123456789abc"), URI("x"),
                                        URI("0123456789a%20") };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        api_refused(api_me, "GET", none[i], NULL, 404, "Sandbox.ContainerNotFound");
    static const char *const seen[] = { URI(MINE), URI("00000000face") };
    for (size_t i = 0; i < 2; i++) {
        struct node_play play = { .text = answered };
        struct answer answer = ask(admin, seen[i], &play);
        ck_assert_int_eq(answer.status, 200);
        answer_release(&answer);
    }
    client_free(other);
    client_free(admin);
}
END_TEST

START_TEST(test_api_logs__bad_parameters)
{
    static const struct {
        const char *uri, *field;
    } cases[] = {
        { URI(MINE) "?tail=0", "tail" }, { URI(MINE) "?tail=10001", "tail" }, { URI(MINE) "?tail=-1", "tail" },
        { URI(MINE) "?tail=x", "tail" }, { URI(MINE) "?tail=", "tail" }, { URI(MINE) "?since=", "since" },
        { URI(MINE) "?since=yesterday", "since" }, { URI(MINE) "?since=2026-01-06", "since" },
        { URI(MINE) "?since=2026-01-06%2010:00:00Z", "since" }, { URI(MINE) "?since=1767693600", "since" },
        { URI(MINE) "?since=12026-01-06T10:00:00Z", "since" }, { URI(MINE) "?follow=1", "follow" },
        { URI(MINE) "?since=2026-01-06T10:00:00.0000000000000000000000000000000000000000000000000000000Z", "since" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *body = client_json(api_me, "GET", cases[i].uri, NULL, 400);
        ck_assert_str_eq(text_of(body, "error_code"), "Sandbox.InvalidParameter");
        ck_assert_str_eq(text_of(body, "field"), cases[i].field);
        json_object_put(body);
    }
    api_me->token[0] = '\0';
    api_refused(api_me, "GET", URI(MINE), NULL, 401, "Sandbox.Unauthorized");
    ck_assert_int_eq(fixture_number(ROWS), 0);
}
END_TEST

/* --- the questions themselves */

static void put(const char *id)
{
    struct err err = ERR_INIT;
    struct question question = { .node_id = "n1", .container_id = MINE, .tail = 7 };
    snprintf(question.id, sizeof(question.id), "%s", id);
    OK(question_repo_ask(fixture_db, &question, &err));
}

START_TEST(test_questions__of_a_killed_taker_are_taken_again)
{
    struct err err = ERR_INIT;
    struct question question;
    struct strbuf text = STRBUF_INIT(100);
    bool found = false, changed = false;
    OK(question_repo_take(fixture_db, "n1", &question, &found, &err));
    ck_assert(!found);
    put("one");
    OK(question_repo_take(fixture_db, "n2", &question, &found, &err));
    ck_assert(!found);
    OK(question_repo_take(fixture_db, "n1", &question, &found, &err));
    ck_assert(found && question.tail == 7 && strcmp(question.id, "one") == 0);
    OK(question_repo_take(fixture_db, "n1", &question, &found, &err));
    ck_assert(!found);
    fixture_sql("UPDATE container_questions SET taken_at = taken_at - INTERVAL 4 SECOND");
    OK(question_repo_take(fixture_db, "n1", &question, &found, &err));
    ck_assert(found);
    FAILS(question_repo_answer(fixture_db, "one", &text, &err), ERR_UNAVAILABLE);
    OK(question_repo_settle(fixture_db, "one", "a", 1, &changed, &err));
    ck_assert(changed);
    /* the one that was taken for dead comes late */
    OK(question_repo_settle(fixture_db, "one", "b", 1, &changed, &err));
    ck_assert(!changed);
    OK(question_repo_fail(fixture_db, "one", "c", &changed, &err));
    ck_assert(!changed);
    OK(question_repo_answer(fixture_db, "one", &text, &err));
    ck_assert_str_eq(strbuf_str(&text), "a");
    OK(question_repo_settled(fixture_db, "one", &changed, &err));
    ck_assert(changed);
    strbuf_release(&text);
}
END_TEST

START_TEST(test_questions__old_ones_are_nobodys)
{
    struct err err = ERR_INIT;
    struct question question;
    bool found = false;
    uint64_t removed = 0;
    put("old");
    put("older");
    fixture_sql("UPDATE container_questions SET asked_at = asked_at - INTERVAL 11 SECOND");
    OK(question_repo_take(fixture_db, "n1", &question, &found, &err));
    ck_assert(!found);
    OK(question_repo_purge(fixture_db, 10, &removed, &err));
    ck_assert_uint_eq(removed, 0);
    fixture_sql("UPDATE container_questions SET asked_at = asked_at - INTERVAL 50 SECOND");
    put("new");
    OK(question_repo_purge(fixture_db, 1, &removed, &err));
    ck_assert_uint_eq(removed, 1);
    OK(question_repo_purge(fixture_db, 10, &removed, &err));
    ck_assert_uint_eq(removed, 1);
    ck_assert_int_eq(fixture_number(ROWS " WHERE id = 'new'"), 1);
}
END_TEST

enum { QUESTIONS = 40, TAKERS = 8 };
static atomic_int taken;

static void take_all(int index)
{
    struct db *db = db_new(&fixture_settings->database);
    struct err err = ERR_INIT;
    struct question question;
    bool found = true;
    (void)index;
    while (found) {
        OK(question_repo_take(db, "n1", &question, &found, &err));
        taken += found;
    }
    db_free(db);
}

START_TEST(test_questions__each_is_taken_once)
{
    char id[8];
    for (int i = 0; i < QUESTIONS; i++) {
        snprintf(id, sizeof(id), "q%d", i);
        put(id);
    }
    fixture_threads(TAKERS, take_all);
    ck_assert_int_eq(taken, QUESTIONS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_logs");
    TCase *tcase = tcase_create("api_logs");
    tcase_add_checked_fixture(tcase, set_up, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_logs__answered);
    tcase_add_test(tcase, test_api_logs__nothing_said_is_an_answer);
    tcase_add_test(tcase, test_api_logs__failed);
    tcase_add_test(tcase, test_api_logs__nobody_there);
    tcase_add_test(tcase, test_api_logs__needs_a_seat);
    tcase_add_test(tcase, test_api_logs__somebody_elses_do_not_exist);
    tcase_add_test(tcase, test_api_logs__bad_parameters);
    tcase_add_test(tcase, test_questions__of_a_killed_taker_are_taken_again);
    tcase_add_test(tcase, test_questions__old_ones_are_nobodys);
    tcase_add_test(tcase, test_questions__each_is_taken_once);
    return fixture_run(suite);
}
