/* SPDX-License-Identifier: Apache-2.0 */
/* Templates over HTTP, and what becomes of the pool and of sessions when they change. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/pool.h"
#include "lib/service/sessions.h"
#include "lib/service/templates.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define TEMPLATES "/api/v1/templates"
#define ML TEMPLATES "/ml"
#define NEW_ML "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\"}"

static struct client *editor;
static int pool_bell, provision_bell;
static char pool_address[64], provision_address[64];

static void setup(void)
{
    struct err err = ERR_INIT;
    api_setup();
    editor = client_new("editor", "templates", 4);
    pool_bell = doorbell_open("127.0.0.1:0", pool_address, &err);
    provision_bell = doorbell_open("127.0.0.1:0", provision_address, &err);
    free(fixture_settings->doorbell.pool);
    free(fixture_settings->doorbell.provisiond);
    fixture_settings->doorbell.pool = strdup(pool_address);
    fixture_settings->doorbell.provisiond = strdup(provision_address);
}

static void teardown(void)
{
    close(pool_bell);
    close(provision_bell);
    client_free(editor);
    api_teardown();
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    ck_assert_msg(json_object_object_get_ex(object, name, &value), "no %s in %s", name, json_text(object));
    return value;
}

static void expect_text(struct json_object *object, const char *name, const char *text)
{
    ck_assert_str_eq(json_text(member(object, name)), text);
}

START_TEST(test_templates__create)
{
    struct answer made = client_call(editor, "POST", TEMPLATES, NEW_ML);
    ck_assert_int_eq(made.status, 201);
    ck_assert_ptr_nonnull(strstr(made.headers, "Location: " ML "\r\n"));
    expect_text(made.body, "base_image", "\"\"");
    expect_text(made.body, "pre_installed_packages", "[]");
    expect_text(made.body, "preload", "[]");
    expect_text(made.body, "languages", "[\"python\"]");
    expect_text(made.body, "default_resources", "{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\"}");
    expect_text(made.body, "security_context", "{\"network_enabled\":false,\"runtime\":\"\",\"read_only_root\":true}");
    expect_text(made.body, "pool", "{\"min\":0,\"target\":0,\"max_idle\":3600}");
    expect_text(made.body, "deprecated", "false");
    struct json_object *got = client_json(api_me, "GET", ML, NULL, 200);
    ck_assert_str_eq(json_text(got), json_text(made.body));
    json_object_put(got);
    answer_release(&made);
    ck_assert_int_eq(doorbell_drain(pool_bell), 0); /* nothing to keep warm */
    api_refused(editor, "POST", TEMPLATES, NEW_ML, 409, "Sandbox.Conflict");
    api_refused(editor, "POST", TEMPLATES, "{\"id\":\"b\",\"name\":\"B\",\"image\":\"i\",\"pool\":{\"min\":1}}", 400,
                "Sandbox.InvalidParameter");
    json_object_put(client_json(editor, "POST", TEMPLATES,
                                "{\"id\":\"b\",\"name\":\"B\",\"image\":\"i\",\"pool\":{\"min\":1,\"target\":1}}", 201));
    ck_assert_int_eq(doorbell_drain(pool_bell), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'create' AND object_kind = 'template' AND actor = 'editor'"), 2);
}
END_TEST

START_TEST(test_templates__need_their_scope)
{
    api_refused(api_me, "POST", TEMPLATES, NEW_ML, 403, "Sandbox.Forbidden");
    api_refused(api_me, "PUT", TEMPLATES "/python-basic", "{}", 403, "Sandbox.Forbidden");
    api_refused(api_me, "DELETE", TEMPLATES "/python-basic", NULL, 403, "Sandbox.Forbidden");
    api_refused(editor, "PUT", TEMPLATES "/nope", "{}", 404, "Sandbox.TemplateNotFound");
    api_refused(editor, "DELETE", TEMPLATES "/nope", NULL, 404, "Sandbox.TemplateNotFound");
    api_refused(editor, "DELETE", TEMPLATES "/NOPE", NULL, 404, "Sandbox.TemplateNotFound");
}
END_TEST

static void put(const char *body)
{
    json_object_put(client_json(editor, "PUT", ML, body, 200));
}

START_TEST(test_templates__partial_update)
{
    json_object_put(client_json(editor, "POST", TEMPLATES,
                                "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\",\"languages\":[\"javascript\",\"python\"],"
                                "\"default_resources\":{\"memory\":\"1Gi\"},\"security_context\":{\"runtime\":\"runsc\"},"
                                "\"pool\":{\"min\":1,\"target\":3}}", 201));
    fixture_sql("UPDATE templates SET updated_at = '2020-01-01' WHERE id = 'ml'");
    doorbell_drain(pool_bell);
    put("{}");
    put("{\"name\":\"ML\",\"pool\":{\"target\":3},\"deprecated\":false}");
    ck_assert_int_eq(fixture_number("SELECT updated_at = '2020-01-01' FROM templates WHERE id = 'ml'"), 1);
    ck_assert_int_eq(doorbell_drain(pool_bell), 0);
    struct json_object *got = client_json(editor, "PUT", ML,
                                          "{\"name\":\"Two\",\"default_resources\":{\"cpu\":\"2\"},\"security_context\":"
                                          "{\"read_only_root\":false},\"pool\":{\"max_idle\":60},\"deprecated\":true}", 200);
    ck_assert_int_eq(doorbell_drain(pool_bell), 1);
    expect_text(got, "name", "\"Two\"");
    expect_text(got, "image", "\"x/ml:1\"");
    expect_text(got, "languages", "[\"javascript\",\"python\"]");
    expect_text(got, "default_resources", "{\"cpu\":\"2\",\"memory\":\"1Gi\",\"disk\":\"1Gi\"}");
    expect_text(got, "security_context", "{\"network_enabled\":false,\"runtime\":\"runsc\",\"read_only_root\":false}");
    expect_text(got, "pool", "{\"min\":1,\"target\":3,\"max_idle\":60}");
    expect_text(got, "deprecated", "true");
    json_object_put(got);
    ck_assert_int_eq(fixture_number("SELECT updated_at > '2020-01-01' FROM templates WHERE id = 'ml'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'update' AND object_id = 'ml'"), 1);
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"ml\"}", 409, "Sandbox.Conflict");
    put("{\"deprecated\":false}");
    json_object_put(client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"ml\"}", 201));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE template_id = 'ml' AND read_only_root = 0 AND cpu_milli = 2000"), 1);
}
END_TEST

START_TEST(test_templates__min_stays_below_target)
{
    static const struct {
        const char *body, *field;
    } cases[] = { { "{\"pool\":{\"min\":4}}", "/pool/min" }, { "{\"pool\":{\"target\":1}}", "/pool/target" },
                  { "{\"pool\":{\"min\":6,\"target\":5}}", "/pool/min" } };
    json_object_put(client_json(editor, "POST", TEMPLATES,
                                "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"i\",\"pool\":{\"min\":2,\"target\":3}}", 201));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *refused = client_json(editor, "PUT", ML, cases[i].body, 400);
        ck_assert_str_eq(text_of(refused, "field"), cases[i].field);
        json_object_put(refused);
    }
    put("{\"pool\":{\"min\":5,\"target\":5}}");
    struct err err = ERR_INIT;
    OK(template_repo_set_pool(fixture_db, "ml", 4, -1, -1, &err));
    ck_assert_int_eq(fixture_number("SELECT pool_min FROM templates WHERE id = 'ml'"), 4);
}
END_TEST

/* A container of the pool, as the template `ml` has it. */
static void fixture_ml(const char *id, const char *session_id, enum container_status status)
{
    char sql[256];
    fixture_container(id, "n1", session_id, status);
    snprintf(sql, sizeof(sql), "UPDATE containers SET template_id = 'ml', image = 'x/ml:1' WHERE id = '%s'", id);
    fixture_sql(sql);
}

START_TEST(test_templates__delete)
{
    char *detail = NULL;
    json_object_put(client_json(editor, "POST", TEMPLATES, NEW_ML, 201));
    fixture_ml("w1", "", CONTAINER_WARM);
    fixture_ml("w2", "", CONTAINER_CREATING);
    fixture_container("other", "n1", "", CONTAINER_WARM);
    struct json_object *session = client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"ml\"}", 201);
    ck_assert_str_eq(text_of(session, "status"), "running"); /* w1 is its own */
    json_object_put(session);
    fixture_ml("w3", "", CONTAINER_WARM);
    char *code = client_refused(editor, "DELETE", ML, NULL, 409, &detail);
    ck_assert_str_eq(code, "Sandbox.Conflict");
    ck_assert_ptr_nonnull(strstr(detail, "deprecate"));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 0);
    free(code);
    free(detail);
    fixture_sql("UPDATE sessions SET status = 'terminated'");
    doorbell_drain(provision_bell);
    struct answer gone = client_call(editor, "DELETE", ML, NULL);
    ck_assert_int_eq(gone.status, 204);
    ck_assert_ptr_null(gone.body);
    answer_release(&gone);
    ck_assert_int_eq(doorbell_drain(provision_bell), 1);
    api_refused(api_me, "GET", ML, NULL, 404, "Sandbox.TemplateNotFound");
    api_refused(editor, "DELETE", ML, NULL, 404, "Sandbox.TemplateNotFound");
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"ml\"}", 404, "Sandbox.TemplateNotFound");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting' AND id IN ('w2', 'w3')"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'running' AND id = 'w1'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'warm' AND id = 'other'"), 1);
}
END_TEST

static void say(enum log_level level, const char *message, const struct err *err, const char *key, const char *value)
{
    (void)level, (void)message, (void)err, (void)key, (void)value;
}

static void pass(void)
{
    struct err err = ERR_INIT;
    struct pool pool = { 0 };
    OK(pool_pass(&pool, &api_me->context, say, &err));
}

START_TEST(test_templates__the_pool_follows)
{
    json_object_put(client_json(editor, "POST", TEMPLATES, NEW_ML, 201));
    fixture_ml("w1", "", CONTAINER_WARM);
    fixture_ml("w2", "", CONTAINER_CREATING);
    fixture_ml("w3", "s3", CONTAINER_RUNNING);
    put("{\"pool\":{\"min\":1,\"target\":2}}");
    pass();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 3);
    put("{\"security_context\":{\"read_only_root\":false}}");
    /* what waits is of the old kind: nobody gets it */
    struct json_object *session = client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"ml\"}", 201);
    ck_assert_str_eq(text_of(session, "status"), "creating");
    json_object_put(session);
    pass();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting' AND id IN ('w1', 'w2')"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'creating' AND session_id = '' AND read_only_root = 0"), 2);
    put("{\"preload\":[\"numpy\",\"pandas\"]}");
    pass();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'creating' AND session_id = '' AND preload_json = '[]'"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'creating' AND session_id = ''"
                                    " AND preload_json = '[\"numpy\",\"pandas\"]'"), 2);
    /* ordered while the template went */
    fixture_sql("DELETE FROM templates WHERE id = 'ml'");
    doorbell_drain(provision_bell);
    pass();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'warm') AND session_id = ''"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'running') AND session_id <> ''"), 2);
    ck_assert_int_eq(doorbell_drain(provision_bell), 1);
}
END_TEST

START_TEST(test_templates__age_leaves_the_minimum)
{
    json_object_put(client_json(editor, "POST", TEMPLATES,
                                "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\",\"pool\":{\"min\":1,\"target\":3,\"max_idle\":60}}", 201));
    for (int i = 0; i < 3; i++)
        fixture_ml((const char *[]){ "w1", "w2", "w3" }[i], "", CONTAINER_WARM);
    fixture_sql("UPDATE containers SET ready_at = UTC_TIMESTAMP(3) - INTERVAL 61 SECOND");
    pass();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting' AND id IN ('w1', 'w2')"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'warm' AND id = 'w3'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'creating'"), 2);
}
END_TEST

/* --- deleting against creating: a template that is gone has no open session */

enum { ROUNDS = 15, CREATORS = 3 };
static atomic_int made;

static void create_or_delete(int index)
{
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    const struct context context = { .db = db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms, .random_id = id_random };
    if (index == 0) {
        if (template_service_delete(&context, "ml", &err) != 0)
            ck_assert_msg(err.code == ERR_CONFLICT, "%s (%s)", err.text, err.detail);
        return;
    }
    struct session_request request = { .template_id = "ml", .timeout_s = 60 };
    struct session session = { 0 };
    if (session_service_create(&context, "me", &request, &session, &err) == 0)
        atomic_fetch_add(&made, 1);
    else
        ck_assert_msg(err.code == ERR_TEMPLATE_NOT_FOUND, "%s (%s)", err.text, err.detail);
    session_release(&session);
}

START_TEST(test_templates__delete_and_create_do_not_pass_each_other)
{
    int kept = 0;
    fixture_node("n1", 1000000, 1000000, 1000);
    for (int round = 0; round < ROUNDS; round++) {
        json_object_put(client_json(editor, "POST", TEMPLATES, NEW_ML, 201));
        fixture_threads(1 + CREATORS, create_or_delete);
        int64_t there = fixture_number("SELECT COUNT(*) FROM templates WHERE id = 'ml'");
        int64_t open = fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'creating'");
        ck_assert_msg(there == 1 || open == 0, "%d sessions of a template that is gone", (int)open);
        kept += there != 0;
        fixture_sql("UPDATE sessions SET status = 'terminated'; DELETE FROM templates WHERE id = 'ml'");
    }
    printf("%d of %d templates were kept, %d sessions made\n", kept, ROUNDS, atomic_load(&made));
}
END_TEST

/* The same, in an order that is known: a creation that has read the template makes its deletion wait. */
struct holding {
    struct db *other;
};

static int hold_work(struct db *db, void *arg, struct err *unused)
{
    const struct holding *holding = arg;
    struct err err = ERR_INIT;
    cleanup(template_release) struct template template = { 0 };
    static const struct db_stmt alone = { "SELECT id FROM templates WHERE id = 'ml' FOR UPDATE NOWAIT" };
    static const struct db_stmt shared = { "SELECT id FROM templates WHERE id = 'ml' LOCK IN SHARE MODE NOWAIT" };
    (void)unused;
    OK(template_repo_share(db, "ml", &template, &err));
    OK(db_query(holding->other, &shared, NULL, 0, NULL, NULL, &err));
    FAILS(db_query(holding->other, &alone, NULL, 0, NULL, NULL, &err), ERR_TIMEOUT);
    return 0;
}

START_TEST(test_templates__creations_share_the_template)
{
    struct err err = ERR_INIT;
    cleanup_db struct db *other = db_new(&fixture_settings->database);
    struct holding holding = { .other = other };
    json_object_put(client_json(editor, "POST", TEMPLATES, NEW_ML, 201));
    OK(db_transaction(fixture_db, hold_work, &holding, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("templates");
    TCase *tcase = tcase_create("templates");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_templates__create);
    tcase_add_test(tcase, test_templates__need_their_scope);
    tcase_add_test(tcase, test_templates__partial_update);
    tcase_add_test(tcase, test_templates__min_stays_below_target);
    tcase_add_test(tcase, test_templates__delete);
    tcase_add_test(tcase, test_templates__the_pool_follows);
    tcase_add_test(tcase, test_templates__age_leaves_the_minimum);
    tcase_add_test(tcase, test_templates__delete_and_create_do_not_pass_each_other);
    tcase_add_test(tcase, test_templates__creations_share_the_template);
    return fixture_run(suite);
}
