/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the internal API's tests. */
#include "tests/integration/internal_stage.h"

#include <stdio.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "tests/integration/db_fixture.h"

struct client *box;
char session_id[SESSION_ID_SIZE], session_uri[128], execution_id[EXECUTION_ID_SIZE], uri[200];

void internal_set_up(void)
{
    char sql[256];
    api_setup();
    box = client_new("unused", "sessions", 4);
    snprintf(box->token, sizeof(box->token), "%s", OURS);
    api_create(api_me, session_id, session_uri);
    FORMAT(sql, "UPDATE containers SET secret = '" OURS "' WHERE session_id = '%s'", session_id);
    fixture_sql(sql);
    fixture_session("sess_other", "you", SESSION_RUNNING);
    fixture_sql("UPDATE containers SET secret = '" OTHERS "' WHERE session_id = 'sess_other'");
    fixture_execution("exec_20260101_otherone", "sess_other", true);
}

void internal_tear_down(void)
{
    client_free(box);
    api_teardown();
}

int64_t sent(void)
{
    struct claim_list claims = { 0 };
    struct err err = ERR_INIT;
    char more[160];
    static bool started;
    if (!started)
        api_start(session_id);
    started = true;
    FORMAT(more, "%s/execute", session_uri);
    struct json_object *execution = client_json(api_me, "POST", more, API_CODE, 200);
    FORMAT(execution_id, "%s", text_of(execution, "execution_id"));
    json_object_put(execution);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR WHERE session_id = 'sess_other'");
    OK(execution_repo_claim(fixture_db, "test", NULL, 1, &claims, NULL, &err));
    ck_assert_uint_eq(claims.count, 1);
    int64_t seq = claims.items[0].execution.seq;
    claim_list_release(&claims);
    return seq;
}

int64_t let_go(void)
{
    struct err err = ERR_INIT;
    bool changed = false;
    int64_t seq = sent();
    OK(push_repo_let_go(fixture_db, seq, "test", 60000, NULL, &changed, &err));
    ck_assert(changed);
    return seq;
}

const char *at(const char *call)
{
    FORMAT(uri, "/api/v1/internal/executions/%s/%s", execution_id, call);
    return uri;
}

const char *at_session(const char *call)
{
    FORMAT(uri, "/api/v1/internal/sessions/%s/%s", session_id, call);
    return uri;
}

void done(const char *where, const char *body, int status, const char *name, const char *value)
{
    struct json_object *answer = client_json(box, "POST", where, body, status);
    ck_assert_str_eq(text_of(answer, name), value);
    json_object_put(answer);
}
