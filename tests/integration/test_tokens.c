/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as requests use them: from several connections at once, and what is noted of it. */
#include <stdio.h>
#include <string.h>

#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "lib/util/gather.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define LIST "GET", API_SESSIONS, NULL

/* Two workers that have both seen the token just now: it ends for both at the next request. */
START_TEST(test_tokens__end_at_once_for_every_worker)
{
    static const char *const ends[] = { "UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3)",
                                        "UPDATE tokens SET expires_at = UTC_TIMESTAMP(3)" };
    struct client *two = client_new("me", "sessions", 0);
    strcpy(two->token, api_me->token);
    for (size_t i = 0; i < 2; i++) {
        json_object_put(client_json(api_me, LIST, 200));
        json_object_put(client_json(two, LIST, 200));
        fixture_sql(ends[i]);
        api_refused(api_me, LIST, 401, "Sandbox.Unauthorized");
        api_refused(two, LIST, 401, "Sandbox.Unauthorized");
        fixture_sql("UPDATE tokens SET revoked_at = NULL, expires_at = NULL");
    }
    client_free(two);
}
END_TEST

START_TEST(test_tokens__expire_by_the_databases_clock)
{
    fixture_sql("UPDATE tokens SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND");
    json_object_put(client_json(api_me, LIST, 200));
    fixture_wait("SELECT COUNT(*) FROM tokens WHERE expires_at <= UTC_TIMESTAMP(3)", 1);
    api_refused(api_me, LIST, 401, "Sandbox.Unauthorized");
}
END_TEST

START_TEST(test_tokens__last_use_is_noted_to_the_minute)
{
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE last_used_at IS NULL"), 1);
    json_object_put(client_json(api_me, LIST, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE last_used_at > UTC_TIMESTAMP(3) - INTERVAL 30 SECOND"), 1);
    fixture_sql("UPDATE tokens SET last_used_at = UTC_TIMESTAMP(3) - INTERVAL 55 SECOND");
    json_object_put(client_json(api_me, LIST, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE last_used_at > UTC_TIMESTAMP(3) - INTERVAL 30 SECOND"), 0);
    fixture_sql("UPDATE tokens SET last_used_at = UTC_TIMESTAMP(3) - INTERVAL 61 SECOND");
    json_object_put(client_json(api_me, LIST, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE last_used_at > UTC_TIMESTAMP(3) - INTERVAL 30 SECOND"), 1);
}
END_TEST

static int use_while_locked(struct db *db, void *arg, struct err *err)
{
    static const struct db_stmt lock = { "SELECT id FROM tokens FOR UPDATE" };
    int64_t start = clock_mono_ms();
    if (db_query(db, &lock, NULL, 0, NULL, NULL, err) != 0)
        return -1;
    json_object_put(client_json(api_me, LIST, 200));
    *(int64_t *)arg = clock_mono_ms() - start;
    return 0;
}

START_TEST(test_tokens__noting_waits_for_nobody)
{
    struct err err = ERR_INIT;
    int64_t took_ms = 0;
    OK(db_transaction(fixture_db, use_while_locked, &took_ms, &err));
    ck_assert_int_lt(took_ms, 2000); /* a lock wait would be 3 s */
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM tokens WHERE last_used_at IS NULL"), 1);
}
END_TEST

/* What the index proposed must be the hash, to the last digit. */
START_TEST(test_tokens__the_caller_is_the_tokens)
{
    struct err err = ERR_INIT;
    struct caller caller;
    char id[TOKEN_TEXT_SIZE];
    struct token token;
    OK(token_service_create(&api_me->context, "you", SCOPE_TEMPLATES, 0, id, &token, &err));
    OK(token_service_verify(&api_me->context, id, &caller, &err));
    ck_assert_str_eq(caller.token_id, token.id);
    ck_assert_str_eq(caller.owner, "you");
    ck_assert_uint_eq(caller.scopes, SCOPE_TEMPLATES);
}
END_TEST

START_TEST(test_tokens__each_request_has_its_actor)
{
    json_object_put(client_json(api_me, LIST, 200));
    ck_assert_str_eq(api_me->context.actor.name, "me");
    ck_assert_uint_eq(strlen(api_me->context.actor.token_id), TOKEN_ID_RANDOM);
    ck_assert_ptr_nonnull(strstr(api_me->context.actor.request_id, "req_"));
    json_object_put(client_json(api_me, "GET", "/health", NULL, 200));
    ck_assert_str_eq(api_me->context.actor.name, "");
    ck_assert_str_eq(api_me->context.actor.token_id, "");
}
END_TEST

/* Three that are valid, one revoked, one expired, one unknown, one twice: in one query. */
START_TEST(test_tokens__several_are_looked_up_at_once)
{
    enum { MADE = 5, UNKNOWN = 5, AGAIN = 6, ALL = 7 };
    struct err err = ERR_INIT;
    char hashes[ALL][TOKEN_HASH_SIZE];
    struct token_question questions[ALL], *asked[ALL];
    for (int i = 0; i < ALL; i++) {
        struct token token = { .scopes = (unsigned)i + 1 };
        snprintf(hashes[i], sizeof(hashes[i]), "%064d", i == AGAIN ? 0 : i);
        snprintf(token.id, sizeof(token.id), "t%d", i);
        snprintf(token.owner, sizeof(token.owner), "owner%d", i);
        if (i < MADE)
            OK(token_repo_insert(fixture_db, &token, hashes[i], &err));
        questions[i] = (struct token_question){ .hash = hashes[i] };
        asked[i] = &questions[i];
    }
    fixture_sql("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3) WHERE id = 't1'; UPDATE tokens SET expires_at = UTC_TIMESTAMP(3) WHERE id = 't3'");
    for (size_t count = 1; count <= ALL; count += 2) {
        OK(token_repo_find_all(fixture_db, asked, count, &err));
        for (size_t i = 0; i < count; i++) {
            char owner[OWNER_SIZE];
            snprintf(owner, sizeof(owner), "owner%zu", i == AGAIN ? 0 : i);
            ck_assert_msg(questions[i].found == (i != 1 && i != 3 && i != UNKNOWN), "%zu of %zu", i, count);
            if (questions[i].found)
                ck_assert_str_eq(questions[i].match.caller.owner, owner);
        }
    }
}
END_TEST

/* The threads of a worker ask together: whoever was revoked is refused at the next request all the same. */
START_TEST(test_tokens__end_at_once_for_those_who_ask_together)
{
    struct gather *gather = token_service_gather();
    api_me->context.token_questions = gather;
    json_object_put(client_json(api_me, LIST, 200));
    fixture_sql("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3)");
    api_refused(api_me, LIST, 401, "Sandbox.Unauthorized");
    api_me->context.token_questions = NULL;
    gather_free(gather);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokens");
    TCase *tcase = tcase_create("tokens");
    tcase_add_checked_fixture(tcase, api_setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_tokens__end_at_once_for_every_worker);
    tcase_add_test(tcase, test_tokens__expire_by_the_databases_clock);
    tcase_add_test(tcase, test_tokens__last_use_is_noted_to_the_minute);
    tcase_add_test(tcase, test_tokens__noting_waits_for_nobody);
    tcase_add_test(tcase, test_tokens__the_caller_is_the_tokens);
    tcase_add_test(tcase, test_tokens__each_request_has_its_actor);
    tcase_add_test(tcase, test_tokens__several_are_looked_up_at_once);
    tcase_add_test(tcase, test_tokens__end_at_once_for_those_who_ask_together);
    return fixture_run(suite);
}
