/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, templates, tokens, jobs. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/node_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

static void labelled(const char *id, const char *owner, const char *labels)
{
    struct err err = ERR_INIT;
    static const struct db_stmt set = { "UPDATE sessions SET labels_json = ? WHERE id = ?" };
    fixture_session(id, owner, SESSION_RUNNING);
    OK(DB_EXEC(fixture_db, &set, NULL, &err, db_text(labels), db_text(id)));
}

START_TEST(test_session_repo__insert_and_get)
{
    struct err err = ERR_INIT;
    int64_t before = clock_wall_ms();
    struct session made = { .id = "s1", .owner = "me", .status = SESSION_RUNNING, .template_id = "python-basic",
                            .runtime_type = RUNTIME_DOCKER, .node_id = "n1", .container_id = "c1",
                            .resources = { 500, 256, 1024, 32 }, .timeout_s = 60,
                            .labels_json = "{\"a\":\"b\"}" };
    OK(session_repo_insert(fixture_db, &made, &err));
    FAILS(session_repo_insert(fixture_db, &made, &err), ERR_CONFLICT);
    cleanup(session_release) struct session got = { 0 };
    OK(session_repo_get(fixture_db, "me", "s1", &got, &err));
    ck_assert_str_eq(got.owner, "me");
    ck_assert_int_eq(got.status, SESSION_RUNNING);
    ck_assert_int_eq(got.runtime_type, RUNTIME_DOCKER);
    ck_assert_str_eq(got.node_id, "n1");
    ck_assert_str_eq(got.container_id, "c1");
    ck_assert(resources_equal(&got.resources, &made.resources));
    ck_assert_str_eq(got.labels_json, "{\"a\":\"b\"}");
    ck_assert_ptr_null(got.env_json);
    ck_assert_ptr_null(got.error);
    ck_assert_int_ge(got.created_at, before - 1000);
    ck_assert_int_le(got.created_at, clock_wall_ms() + 1000);
    ck_assert_int_eq(got.started_at, got.created_at);
    ck_assert_int_eq(got.expires_at, got.created_at + 60000);
    ck_assert_int_eq(got.ended_at, 0);
}
END_TEST

START_TEST(test_session_repo__others_are_not_found)
{
    struct err err = ERR_INIT;
    cleanup(session_release) struct session got = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    FAILS(session_repo_get(fixture_db, "you", "s1", &got, &err), ERR_SESSION_NOT_FOUND);
    FAILS(session_repo_get(fixture_db, "me ", "s1", &got, &err), ERR_SESSION_NOT_FOUND);
    FAILS(session_repo_get(fixture_db, "me", "S1", &got, &err), ERR_SESSION_NOT_FOUND);
    FAILS(session_repo_get(fixture_db, NULL, "s1 ", &got, &err), ERR_SESSION_NOT_FOUND);
    FAILS(session_repo_get(fixture_db, NULL, "' OR 1=1 -- ", &got, &err), ERR_SESSION_NOT_FOUND);
    ck_assert_ptr_null(got.env_json);
    OK(session_repo_get(fixture_db, NULL, "s1", &got, &err));
}
END_TEST

/* Sixteen, five and one at once, some of them twice: each gets what it may see, and no other. */
START_TEST(test_session_repo__several_are_asked_for_at_once)
{
    static const struct {
        const char *owner, *id;
        bool found;
    } cases[] = { { "me", "s1", true }, { "you", "s1", false }, { "you", "s2", true }, { "me", "s2", false }, { NULL, "s2", true },
                  { "me", "s3", false }, { "me", "s1", true }, { "me ", "s1", false }, { "me", "S1", false }, { "me", "s1 ", false },
                  { NULL, "", false }, { "", "s1", false }, { "me", "' OR 1=1 -- ", false }, { NULL, "s1", true }, { "me", "s4", true },
                  { "you", "s4", false } };
    static const size_t counts[] = { SESSION_QUESTIONS_MAX, 5, 2, 1 };
    ck_assert_uint_eq(sizeof(cases) / sizeof(cases[0]), SESSION_QUESTIONS_MAX);
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "you", SESSION_RUNNING);
    fixture_session("s4", "me", SESSION_TERMINATED);
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        struct err err = ERR_INIT;
        struct session_question questions[SESSION_QUESTIONS_MAX] = { 0 }, *asked[SESSION_QUESTIONS_MAX];
        for (size_t i = 0; i < counts[k]; i++) {
            questions[i] = (struct session_question){ .owner = cases[i].owner, .id = cases[i].id };
            asked[i] = &questions[i];
        }
        OK(session_repo_get_all(fixture_db, asked, counts[k], &err));
        for (size_t i = 0; i < counts[k]; i++) {
            ck_assert_msg(questions[i].found == cases[i].found, "%zu of %zu", i, counts[k]);
            ck_assert_str_eq(questions[i].session.id, cases[i].found ? cases[i].id : "");
            session_release(&questions[i].session);
        }
    }
}
END_TEST

START_TEST(test_session_repo__changes_are_refused_from_final_states)
{
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_session("s1", "me", SESSION_CREATING);
    OK(session_repo_start(fixture_db, "s1", &changed, &err));
    ck_assert(changed);
    OK(session_repo_start(fixture_db, "s1", &changed, &err));
    ck_assert(!changed);
    OK(session_repo_end(fixture_db, "s1", NULL, SESSION_FAILED, "The sandbox stopped.", &changed, &err));
    ck_assert(changed);
    OK(session_repo_end(fixture_db, "s1", NULL, SESSION_TERMINATED, NULL, &changed, &err));
    ck_assert(!changed);
    OK(session_repo_start(fixture_db, "s1", &changed, &err));
    ck_assert(!changed);
    cleanup(session_release) struct session got = { 0 };
    OK(session_repo_get(fixture_db, NULL, "s1", &got, &err));
    ck_assert_int_eq(got.status, SESSION_FAILED);
    ck_assert_str_eq(got.error, "The sandbox stopped.");
    ck_assert_int_ge(got.ended_at, got.started_at);
}
END_TEST

START_TEST(test_session_repo__list_filters_and_pages)
{
    struct err err = ERR_INIT;
    labelled("s1", "me", "{\"team\":\"red\",\"q\\\"x\":\"a\\\\b\"}");
    labelled("s2", "me", "{\"team\":\"blue\"}");
    labelled("s3", "you", "{\"team\":\"red\"}");
    fixture_session("s4", "me", SESSION_CREATING);
    fixture_sql("UPDATE sessions SET template_id = 'nodejs-basic' WHERE id = 's2'");
    const struct {
        struct session_filter filter;
        struct page page;
        const char *ids;
        int64_t total;
    } cases[] = {
        { { .owner = "me", .status = -1 }, { 50, 0 }, "s4 s2 s1 ", 3 },
        { { .owner = NULL, .status = -1 }, { 50, 0 }, "s4 s3 s2 s1 ", 4 },
        { { .owner = "me", .status = -1 }, { 1, 1 }, "s2 ", 3 },
        { { .owner = "me", .status = -1 }, { 50, 3 }, "", 3 },
        { { .owner = "nobody", .status = -1 }, { 50, 0 }, "", 0 },
        { { .owner = "me", .status = SESSION_CREATING }, { 50, 0 }, "s4 ", 1 },
        { { .owner = "me", .status = -1, .template_id = "nodejs-basic" }, { 50, 0 }, "s2 ", 1 },
        { { .owner = "me", .status = -1, .label_name = "team", .label_value = "red" }, { 50, 0 }, "s1 ", 1 },
        { { .owner = NULL, .status = -1, .label_name = "team", .label_value = "red" }, { 50, 0 }, "s3 s1 ", 2 },
        { { .owner = "me", .status = -1, .label_name = "q\"x", .label_value = "a\\b" }, { 50, 0 }, "s1 ", 1 },
        { { .owner = "me", .status = -1, .label_name = "team", .label_value = "re" }, { 50, 0 }, "", 0 },
        { { .owner = "me", .status = -1, .label_name = "$.team", .label_value = "red" }, { 50, 0 }, "", 0 },
        { { .owner = "me", .status = SESSION_RUNNING, .label_name = "team", .label_value = "blue" }, { 50, 0 }, "s2 ", 1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char ids[64] = "";
        cleanup(session_list_release) struct session_list list = { 0 };
        OK(session_repo_list(fixture_db, &cases[i].filter, &cases[i].page, &list, &err));
        for (size_t k = 0; k < list.count; k++)
            snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s ", list.items[k].id);
        ck_assert_msg(strcmp(ids, cases[i].ids) == 0 && list.total == cases[i].total, "case %zu: \"%s\", total %lld",
                      i, ids, (long long)list.total);
    }
}
END_TEST

START_TEST(test_session_repo__expired_and_stuck)
{
    struct err err = ERR_INIT;
    cleanup(string_list_release) struct string_list expired = { 0 }, stuck = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_RUNNING);
    fixture_session("s3", "me", SESSION_CREATING);
    fixture_session("s4", "me", SESSION_CREATING);
    fixture_session("s5", "me", SESSION_TERMINATED);
    fixture_sql("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id IN ('s1', 's5');"
                "UPDATE sessions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 31 SECOND WHERE id IN ('s1', 's3', 's4');"
                "UPDATE sessions SET replaced_at = UTC_TIMESTAMP(3) - INTERVAL 29 SECOND WHERE id = 's4'"); /* its time began anew */
    OK(session_repo_expired(fixture_db, 10, &expired, &err));
    ck_assert_uint_eq(expired.count, 1);
    ck_assert_str_eq(expired.items[0], "s1");
    OK(session_repo_stuck(fixture_db, 30, 10, &stuck, &err));
    ck_assert_uint_eq(stuck.count, 1);
    ck_assert_str_eq(stuck.items[0], "s3");
}
END_TEST

START_TEST(test_template_repo__shipped_ones_and_changes)
{
    struct err err = ERR_INIT;
    struct page page = { .limit = 2 };
    cleanup(template_list_release) struct template_list list = { 0 };
    cleanup(template_release) struct template got = { 0 };
    OK(template_repo_list(fixture_db, &page, &list, &err));
    ck_assert_uint_eq(list.count, 2);
    ck_assert_int_eq(list.total, 3);
    ck_assert_str_eq(list.items[0].id, "nodejs-basic");
    OK(template_repo_set_pool(fixture_db, "python-datascience", 3, -1, -1, &err));
    OK(template_repo_set_pool(fixture_db, "python-datascience", 3, -1, -1, &err)); /* the same again is fine */
    OK(template_repo_get(fixture_db, "python-datascience", &got, &err));
    ck_assert_int_eq(got.pool_target, 3);
    ck_assert_str_eq(got.name, "Python Data Science");
    ck_assert_str_eq(got.packages_json, "[\"numpy>=1.24.0\",\"pandas>=2.0.0\",\"scikit-learn>=1.3.0\"]");
    ck_assert_int_eq(got.resources.cpu_milli, 2000);
    ck_assert_int_eq(got.resources.memory_mb, 2048);
    ck_assert_int_eq(got.resources.disk_mb, 5120);
    ck_assert_int_eq(got.resources.max_processes, PROCESSES_DEFAULT);
    FAILS(template_repo_set_pool(fixture_db, "nope", 3, -1, -1, &err), ERR_TEMPLATE_NOT_FOUND);
    FAILS(template_repo_set_image(fixture_db, "nope", "x", &err), ERR_TEMPLATE_NOT_FOUND);
    FAILS(template_repo_get(fixture_db, "python-basic ", &got, &err), ERR_TEMPLATE_NOT_FOUND);
}
END_TEST

START_TEST(test_tokens__live_until_they_expire_or_are_revoked)
{
    struct err err = ERR_INIT;
    struct token token;
    struct caller caller;
    char text[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];
    struct context context = { .db = fixture_db, .now_ms = clock_wall_ms, .random_id = id_random };
    OK(token_service_create(&context, "me", SCOPE_SESSIONS | SCOPE_ADMIN, 0, text, &token, &err));
    ck_assert(id_valid(text, "sbx_", 40));
    OK(token_service_verify(&context, text, &caller, &err));
    ck_assert_str_eq(caller.owner, "me");
    ck_assert_uint_eq(caller.scopes, SCOPE_SESSIONS | SCOPE_ADMIN);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE hash LIKE '%sbx%'"), 0);
    text[10] = text[10] == 'a' ? 'b' : 'a';
    FAILS(token_service_verify(&context, text, &caller, &err), ERR_UNAUTHORIZED);
    FAILS(token_service_verify(&context, "", &caller, &err), ERR_UNAUTHORIZED);
    FAILS(token_service_verify(&context, "sbx_short", &caller, &err), ERR_UNAUTHORIZED);
    OK(token_service_create(&context, "me", SCOPE_SESSIONS, clock_wall_ms() + 3600000, other, &token, &err));
    OK(token_service_verify(&context, other, &caller, &err));
    fixture_sql("UPDATE tokens SET expires_at = UTC_TIMESTAMP(3) WHERE expires_at IS NOT NULL");
    FAILS(token_service_verify(&context, other, &caller, &err), ERR_UNAUTHORIZED);
    OK(token_service_create(&context, "me", SCOPE_SESSIONS, 0, text, &token, &err));
    OK(token_service_revoke(&context, token.id, &err));
    OK(token_service_revoke(&context, token.id, &err));
    FAILS(token_service_verify(&context, text, &caller, &err), ERR_UNAUTHORIZED);
    FAILS(token_service_revoke(&context, "nope", &err), ERR_NOT_FOUND);
    cleanup_free struct token *tokens = NULL;
    size_t count = 0;
    OK(token_repo_list(fixture_db, &tokens, &count, &err));
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(test_tokens__bad_owners_and_scopes_are_refused)
{
    struct err err = ERR_INIT;
    struct token token;
    char text[TOKEN_TEXT_SIZE], shown[TOKEN_SCOPES_SIZE];
    struct context context = { .db = fixture_db, .now_ms = clock_wall_ms, .random_id = id_random };
    static const char *const owners[] = { "", "a b", "ü", "line\n", "0123456789012345678901234567890123456789012345678901234567890123x" };
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        FAILS(token_service_create(&context, owners[i], SCOPE_SESSIONS, 0, text, &token, &err), ERR_INVALID);
    static const char *const lists[] = { "", ",", "sessions,", "session", "sessions templates", "ADMIN" };
    unsigned scopes = 99;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        FAILS(token_scopes_parse(lists[i], &scopes, &err), ERR_INVALID);
    ck_assert_uint_eq(scopes, 99);
    OK(token_scopes_parse("admin,sessions,templates", &scopes, &err));
    token_scopes_format(scopes, shown);
    ck_assert_str_eq(shown, "sessions,templates,admin");
}
END_TEST

START_TEST(test_job_repo__the_last_beat_counts)
{
    struct err err = ERR_INIT;
    struct job_beat beat = { .name = "pool", .instance = "h:pool", .pid = 1, .running_ms = 60000, .interval_ms = 5000 };
    OK(job_repo_beat(fixture_db, &beat, &err));
    beat.pid = 2;
    OK(job_repo_beat(fixture_db, &beat, &err));
    cleanup(job_list_release) struct job_list list = { 0 };
    OK(job_repo_list(fixture_db, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].pid, 2);
    ck_assert_int_eq(list.items[0].beat_at - list.items[0].started_at, 60000);
    ck_assert_int_lt(list.items[0].silent_ms, 10000);
    ck_assert(!list.items[0].waiting);
    ck_assert_int_ge(list.items[0].beat_at, clock_wall_ms() - 10000);
    ck_assert_str_eq(list.items[0].name, "pool");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session_repo");
    TCase *tcase = fixture_case(suite, "sessions");
    tcase_add_test(tcase, test_session_repo__insert_and_get);
    tcase_add_test(tcase, test_session_repo__others_are_not_found);
    tcase_add_test(tcase, test_session_repo__several_are_asked_for_at_once);
    tcase_add_test(tcase, test_session_repo__changes_are_refused_from_final_states);
    tcase_add_test(tcase, test_session_repo__list_filters_and_pages);
    tcase_add_test(tcase, test_session_repo__expired_and_stuck);
    tcase_add_test(tcase, test_template_repo__shipped_ones_and_changes);
    tcase_add_test(tcase, test_tokens__live_until_they_expire_or_are_revoked);
    tcase_add_test(tcase, test_tokens__bad_owners_and_scopes_are_refused);
    tcase_add_test(tcase, test_job_repo__the_last_beat_counts);
    return fixture_run(suite);
}
