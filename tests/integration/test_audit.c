/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: what is noted, by whom, together with what it is about; and sandboxctl audit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/repo/audit_repo.h"
#include "lib/service/audit.h"
#include "lib/service/reap.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static void setup(void)
{
    api_setup();
    fixture_sql("DELETE FROM audit"); /* the client's own token */
    api_me->param = "REMOTE_ADDR=2001:db8::7";
}

/* The newest entry must say this; NULL: whatever. */
static void last(const char *actor, const char *action, const char *kind, const char *id, const char *detail)
{
    struct err err = ERR_INIT;
    cleanup(audit_list_release) struct audit_list list = { 0 };
    const struct audit_filter newest = { .limit = 1 };
    OK(audit_repo_list(fixture_db, &newest, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    const struct audit_entry *entry = &list.items[0];
    if (actor)
        ck_assert_str_eq(entry->actor, actor);
    ck_assert_str_eq(entry->action, action);
    ck_assert_str_eq(entry->object_kind, kind);
    if (id)
        ck_assert_str_eq(entry->object_id, id);
    if (detail)
        ck_assert_msg(strstr(entry->detail, detail) != NULL, "%s", entry->detail);
}

#define ENTRIES "SELECT COUNT(*) FROM audit"

START_TEST(test_audit__a_sessions_life)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    last("me", "create", "session", id, "template python-basic");
    ck_assert_int_eq(fixture_number(ENTRIES " a JOIN tokens t ON t.id = a.token_id WHERE a.address = '2001:db8::7' AND"
                                            " a.request_id LIKE 'req_%' AND a.at > UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE"), 1);
    snprintf(more, sizeof(more), "%s/renew", uri);
    json_object_put(client_json(api_me, "POST", more, "{\"timeout\":600}", 200));
    last("me", "renew", "session", id, "600 s");
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200));
    last("me", "terminate", "session", id, NULL);
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200)); /* changes nothing */
    api_refused(api_me, "POST", more, "{\"timeout\":600}", 409, "Sandbox.Conflict");
    ck_assert_int_eq(fixture_number(ENTRIES), 3);
}
END_TEST

START_TEST(test_audit__what_was_refused_or_replayed_is_not_noted)
{
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"nope\"}", 404, "Sandbox.TemplateNotFound");
    fixture_sql("UPDATE nodes SET max_containers = 0");
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 503, "Sandbox.TooManyRequestsExection");
    ck_assert_int_eq(fixture_number(ENTRIES), 0);
    fixture_sql("UPDATE nodes SET max_containers = 10");
    api_me->param = "HTTP_IDEMPOTENCY_KEY=k";
    for (int i = 0; i < 2; i++)
        json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    ck_assert_int_eq(fixture_number(ENTRIES), 1);
}
END_TEST

static void quiet(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

START_TEST(test_audit__time_limits_are_the_programs)
{
    struct err err = ERR_INIT;
    struct reap_done done;
    char id[SESSION_ID_SIZE], uri[128];
    struct context context = api_me->context;
    context.actor = (struct actor){ .name = "sandbox-reap" };
    api_create(api_me, id, uri);
    fixture_sql("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3)");
    OK(reap_pass(&context, quiet, &done, &err));
    last("sandbox-reap", "expire", "session", id, "time limit");
    api_create(api_me, id, uri);
    fixture_sql("UPDATE sessions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE WHERE status = 'creating'");
    OK(reap_pass(&context, quiet, &done, &err));
    last("sandbox-reap", "fail", "session", id, "did not start");
}
END_TEST

START_TEST(test_audit__cancelled_executions)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *execution = client_json(api_me, "POST", more, API_CODE, 200);
    ck_assert_int_eq(fixture_number(ENTRIES), 1); /* executions have rows of their own */
    snprintf(more, sizeof(more), "/api/v1/executions/%s/cancel", text_of(execution, "execution_id"));
    for (int i = 0; i < 2; i++)
        json_object_put(client_json(api_me, "POST", more, NULL, 200));
    last("me", "cancel", "execution", text_of(execution, "execution_id"), id);
    ck_assert_int_eq(fixture_number(ENTRIES), 2);
    json_object_put(execution);
}
END_TEST

START_TEST(test_audit__templates_and_nodes)
{
    struct client *operator = client_new("ops", "templates,admin", 0);
    fixture_sql("DELETE FROM audit");
    json_object_put(client_json(operator, "POST", "/api/v1/templates", "{\"id\":\"t\",\"name\":\"T\",\"image\":\"img:1\"}", 201));
    last("ops", "create", "template", "t", "img:1");
    json_object_put(client_json(operator, "PUT", "/api/v1/templates/t", "{\"deprecated\":true}", 200));
    last("ops", "update", "template", "t", "deprecated");
    json_object_put(client_json(operator, "PUT", "/api/v1/templates/t", "{}", 200)); /* changes nothing */
    ck_assert_int_eq(fixture_number(ENTRIES), 2);
    json_object_put(client_json(operator, "DELETE", "/api/v1/templates/t", NULL, 204));
    last("ops", "delete", "template", "t", NULL);
    json_object_put(client_json(operator, "PUT", "/api/v1/nodes/n1", "{\"status\":\"draining\"}", 200));
    last("ops", "drain", "node", "n1", NULL);
    json_object_put(client_json(operator, "PUT", "/api/v1/nodes/n1", "{\"status\":\"ready\"}", 200));
    last("ops", "ready", "node", "n1", NULL);
    ck_assert_int_eq(fixture_number(ENTRIES), 5);
    client_free(operator);
}
END_TEST

START_TEST(test_audit__no_secrets)
{
    json_object_put(client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"python-basic\","
                                "\"env_vars\":{\"PASSWORD\":\"hunter2\"},\"labels\":{\"hunter2\":\"hunter2\"}}", 201));
    client_free(client_new("you", "sessions", 0));
    last("", "create", "token", NULL, "owner you, scopes sessions, expires never");
    ck_assert_int_eq(fixture_number(ENTRIES " WHERE detail LIKE '%hunter2%' OR detail LIKE '%sbx_%'"), 0);
    ck_assert_int_eq(fixture_number(ENTRIES), 2);
}
END_TEST

/* Whatever fails after the note takes it along. */
static int note_and_fail(struct db *db, void *arg, struct err *err)
{
    (void)db;
    (void)arg;
    if (audit_note(&api_me->context, "create", "session", "x", err, "%s", "") != 0)
        return -1;
    return err_set(err, ERR_CONFLICT, "no");
}

START_TEST(test_audit__goes_with_its_transaction)
{
    struct err err = ERR_INIT;
    FAILS(db_transaction(api_me->context.db, note_and_fail, NULL, &err), ERR_CONFLICT);
    ck_assert_int_eq(fixture_number(ENTRIES), 0);
}
END_TEST

START_TEST(test_audit__long_details_are_cut)
{
    struct err err = ERR_INIT;
    char text[5000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    OK(audit_note(&api_me->context, "update", "template", "t", &err, "%s", text));
    ck_assert_int_eq(fixture_number("SELECT LENGTH(detail) FROM audit"), 1024);
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof(text) - 2] = '\0';
    OK(audit_note(&api_me->context, "update", "template", "t", &err, "%s", text));
    ck_assert_int_eq(fixture_number("SELECT CHAR_LENGTH(detail) FROM audit ORDER BY seq DESC LIMIT 1"), 1024);
}
END_TEST

START_TEST(test_audit__lists_by_object_actor_and_time)
{
    struct err err = ERR_INIT;
    fixture_sql("INSERT INTO audit (at, actor, action, object_kind, object_id) VALUES ('2026-01-01', 'a', '1', 'session', 'x'),"
                " ('2026-01-02', 'b', '2', 'session', 'x'), ('2026-01-03', 'a', '3', 'session', 'y'), ('2026-01-04', 'a', '4', 'node', 'x')");
    static const struct {
        struct audit_filter filter;
        const char *expected;
    } cases[] = {
        { { .limit = 9 }, "4321" },
        { { .limit = 2 }, "43" },
        { { .object_id = "x", .limit = 9 }, "421" },
        { { .actor = "a", .limit = 9 }, "431" },
        { { .object_id = "x", .actor = "a", .limit = 9 }, "41" },
        { { .since_ms = 1767312000000, .limit = 9 }, "432" }, /* 2026-01-02 */
        { { .since_ms = 1767312000001, .actor = "a", .limit = 9 }, "43" },
        { { .object_id = "z", .limit = 9 }, "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(audit_list_release) struct audit_list list = { 0 };
        char got[16] = "";
        OK(audit_repo_list(fixture_db, &cases[i].filter, &list, &err));
        for (size_t j = 0; j < list.count; j++)
            strcat(got, list.items[j].action);
        ck_assert_str_eq(got, cases[i].expected);
    }
}
END_TEST

static char out[65536];

static int ctl(const char *arguments)
{
    char command[512];
    snprintf(command, sizeof(command), "\"$SANDBOX_BUILD\"/jobs/sandboxctl %s 2>&1", arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    out[fread(out, 1, sizeof(out) - 1, pipe)] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

#define SAYS(word) ck_assert_msg(strstr(out, word) != NULL, "\"%s\" is not in: %s", word, out)

START_TEST(test_sandboxctl__changes_are_noted_as_its_users)
{
    unsetenv("SUDO_USER");
    ck_assert_int_eq(ctl("token create --owner you --scopes admin --expires-days 1"), 0);
    ck_assert_int_eq(fixture_number(ENTRIES " WHERE actor LIKE 'sandboxctl (%)' AND action = 'create' AND object_kind = 'token'"
                                            " AND detail LIKE 'owner you, scopes admin, expires 2%'"), 1);
    setenv("SUDO_USER", "alice", 1);
    const char *alice = getuid() == 0 ? "sandboxctl (alice)" : NULL; /* only root may say for whom */
    ck_assert_int_eq(ctl("template pool python-basic 2"), 0);
    last(alice, "update", "template", "python-basic", "pool target 2");
    ck_assert_int_eq(ctl("template image nodejs-basic registry.example/x:1"), 0);
    last(alice, "update", "template", "nodejs-basic", "registry.example/x:1");
    fixture_sql("UPDATE templates SET image = 'sandbox/nodejs:18-basic' WHERE id = 'nodejs-basic'");
    ck_assert_int_eq(ctl("token revoke $(\"$SANDBOX_BUILD\"/jobs/sandboxctl token list | awk '$2 == \"you\" { print $1 }')"), 0);
    last(alice, "revoke", "token", NULL, NULL);
    ck_assert_int_eq(ctl("template image nope x"), 1);
    ck_assert_int_eq(fixture_number(ENTRIES), 4);
}
END_TEST

START_TEST(test_sandboxctl__audit)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200));
    fixture_sql("INSERT INTO audit (at, actor, action, object_kind, object_id, detail) VALUES"
                " (UTC_TIMESTAMP(3) - INTERVAL 3 DAY, 'x', 'steer', 'template', 't', 'a\033[2Jb')");
    ck_assert_int_eq(ctl("audit"), 0);
    SAYS("ACTOR");
    SAYS("2001:db8::7");
    SAYS("a?[2Jb");
    SAYS(id);
    ck_assert(strstr(out, "  create ") < strstr(out, "  terminate ")); /* newest last */
    ck_assert_int_eq(ctl("audit --since 2d --actor me --limit 1"), 0);
    ck_assert_ptr_null(strstr(out, "  create "));
    SAYS("  terminate ");
    ck_assert_int_eq(ctl("audit --since 2d"), 0);
    ck_assert_ptr_null(strstr(out, "steer"));
    ck_assert_int_eq(ctl("audit --object t --json"), 0);
    SAYS("\"detail\":\"a\\u001b[2Jb\"");
    SAYS("\"actor\":\"x\"");
    ck_assert_int_eq(ctl("audit --since yesterday"), 1);
    SAYS("--since must be a time");
    ck_assert_int_eq(ctl("audit --limit 0"), 1);
    ck_assert_int_eq(ctl("audit --help"), 0);
    SAYS("[--json]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *tcase = tcase_create("audit");
    tcase_add_checked_fixture(tcase, setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_audit__a_sessions_life);
    tcase_add_test(tcase, test_audit__what_was_refused_or_replayed_is_not_noted);
    tcase_add_test(tcase, test_audit__time_limits_are_the_programs);
    tcase_add_test(tcase, test_audit__cancelled_executions);
    tcase_add_test(tcase, test_audit__templates_and_nodes);
    tcase_add_test(tcase, test_audit__no_secrets);
    tcase_add_test(tcase, test_audit__goes_with_its_transaction);
    tcase_add_test(tcase, test_audit__long_details_are_cut);
    tcase_add_test(tcase, test_audit__lists_by_object_actor_and_time);
    tcase_add_test(tcase, test_sandboxctl__changes_are_noted_as_its_users);
    tcase_add_test(tcase, test_sandboxctl__audit);
    return fixture_run(suite);
}
