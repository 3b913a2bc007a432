/* SPDX-License-Identifier: Apache-2.0 */
/* Containers over HTTP: whose they are, filters, pages; and nodes, which are drained. */
#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/service/pool.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define CONTAINERS "/api/v1/containers"
#define NODES "/api/v1/nodes"

static struct client *other, *admin;

/* Warm c...1; mine c...2 and c...3 (deleted), somebody else's c...4; each newer than the one before. */
static void setup(void)
{
    api_setup();
    other = client_new("other", "sessions", 4);
    admin = client_new("operator", "sessions,admin", 4);
    fixture_container("c00000000001", "n1", "", CONTAINER_WARM);
    fixture_container("c00000000002", "n1", "s1", CONTAINER_RUNNING);
    fixture_container("c00000000003", "n1", "s2", CONTAINER_DELETED);
    fixture_container("c00000000004", "n2", "s3", CONTAINER_CREATING);
    fixture_sql("INSERT INTO sessions (id, owner, status, template_id, runtime_type, node_id, container_id, cpu_milli, memory_mb, disk_mb,"
                " max_processes, timeout_s, created_at, expires_at, last_activity_at)"
                " SELECT session_id, IF(session_id = 's3', 'other', 'me'), 'running', template_id, runtime_type, node_id, id, 1000, 512, 1024,"
                " 128, 60, created_at, created_at, created_at FROM containers WHERE session_id <> '';"
                "UPDATE containers SET template_id = 'nodejs-basic', runtime_type = 'docker' WHERE id = 'c00000000004'");
}

static void teardown(void)
{
    client_free(admin);
    client_free(other);
    api_teardown();
}

/* The last digits of the ids, in order, and "/total". */
static void expect_list(struct client *client, const char *query, const char *wanted)
{
    char uri[256], got[128] = "";
    snprintf(uri, sizeof(uri), CONTAINERS "%s", query);
    struct json_object *list = client_json(client, "GET", uri, NULL, 200);
    struct json_object *items = json_object_object_get(list, "containers");
    size_t count = json_object_array_length(items), used = 0;
    for (size_t i = 0; i < count; i++)
        got[used++] = text_of(json_object_array_get_idx(items, i), "container_id")[11];
    snprintf(got + used, sizeof(got) - used, "/%d", json_object_get_int(json_object_object_get(list, "total")));
    ck_assert_msg(strcmp(got, wanted) == 0, "%s: %s, not %s", uri, got, wanted);
    json_object_put(list);
}

START_TEST(test_containers__lists)
{
    static const struct {
        const char *query, *mine, *others, *operators;
    } cases[] = {
        { "", "2/1", "4/1", "421/3" },
        { "?status=creating", "/0", "4/1", "4/1" },
        { "?status=warm", "/0", "/0", "1/1" },
        { "?status=running", "2/1", "/0", "2/1" },
        { "?status=deleting", "/0", "/0", "/0" },
        { "?status=deleted", "3/1", "/0", "3/1" },
        { "?status=deleted&runtime_type=docker", "/0", "/0", "/0" },
        { "?status=deleted&template_id=python-basic", "3/1", "/0", "3/1" },
        { "?runtime_type=docker", "/0", "4/1", "4/1" },
        { "?runtime_type=process", "2/1", "/0", "21/2" },
        { "?runtime_type=kubernetes", "/0", "/0", "/0" },
        { "?template_id=python-basic", "2/1", "/0", "21/2" },
        { "?template_id=python-basic%20", "/0", "/0", "/0" },
        { "?limit=1", "2/1", "4/1", "4/3" },
        { "?limit=1&offset=1", "/1", "/1", "2/3" },
        { "?offset=3", "/1", "/1", "/3" },
        { "?status=deleted&limit=1&offset=1", "/1", "/0", "/1" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_list(api_me, cases[i].query, cases[i].mine);
        expect_list(other, cases[i].query, cases[i].others);
        expect_list(admin, cases[i].query, cases[i].operators);
    }
    static const char *const bad[] = { "?status=gone", "?status=", "?runtime_type=Docker", "?limit=0", "?limit=201", "?offset=-1", "?owner=me" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char uri[128];
        snprintf(uri, sizeof(uri), CONTAINERS "%s", bad[i]);
        api_refused(api_me, "GET", uri, NULL, 400, "Sandbox.InvalidParameter");
    }
}
END_TEST

START_TEST(test_containers__one)
{
    fixture_sql("UPDATE containers SET cpu_time_ms = 1500, cpu_used_milli = 250, memory_used_mb = 42, measured_at = UTC_TIMESTAMP(3),"
                " ready_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR WHERE id = 'c00000000002'");
    struct answer got = client_call(api_me, "GET", CONTAINERS "/c00000000002", NULL);
    ck_assert_int_eq(got.status, 200);
    ck_assert_str_eq(text_of(got.body, "session_id"), "s1");
    ck_assert_str_eq(text_of(got.body, "node_name"), "n1");
    ck_assert_str_eq(text_of(got.body, "image"), "sandbox/python:3.11-basic");
    struct json_object *usage = json_object_object_get(got.body, "usage");
    ck_assert_str_eq(text_of(usage, "cpu"), "0.25");
    ck_assert_str_eq(text_of(usage, "memory_mb"), "42");
    int uptime = json_object_get_int(json_object_object_get(got.body, "uptime_seconds"));
    ck_assert(uptime >= 3599 && uptime < 3660);
    ck_assert_ptr_null(strstr(json_text(got.body), "secret"));
    answer_release(&got);
    struct err err = ERR_INIT;
    bool changed = false;
    OK(container_repo_delete(fixture_db, "c00000000002", &changed, &err));
    OK(container_repo_deleted(fixture_db, "c00000000002", &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE id = 'c00000000002' AND ended_at IS NOT NULL"), 1);
    json_object_put(client_json(api_me, "GET", CONTAINERS "/c00000000002", NULL, 200));
    json_object_put(client_json(admin, "GET", CONTAINERS "/c00000000001", NULL, 200));
    json_object_put(client_json(admin, "GET", CONTAINERS "/c00000000004", NULL, 200));
    static const char *const missing[] = { "c00000000001", "c00000000004", "c00000000005", "C00000000002", "c0000000000", "c00000000002x", "x" };
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        char uri[128];
        snprintf(uri, sizeof(uri), CONTAINERS "/%s", missing[i]);
        api_refused(api_me, "GET", uri, NULL, 404, "Sandbox.ContainerNotFound");
    }
}
END_TEST

/* --- nodes */

static void expect_status(const char *id, const char *status)
{
    struct json_object *list = client_json(admin, "GET", NODES, NULL, 200);
    struct json_object *nodes = json_object_object_get(list, "nodes");
    ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), (int)json_object_array_length(nodes));
    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        if (strcmp(text_of(node, "node_id"), id) != 0)
            continue;
        ck_assert_str_eq(text_of(node, "status"), status);
        json_object_put(list);
        return;
    }
    ck_abort_msg("no node %s", id);
}

static void set_status(const char *id, const char *wanted, const char *answered)
{
    char uri[128], body[64];
    snprintf(uri, sizeof(uri), NODES "/%s", id);
    snprintf(body, sizeof(body), "{\"status\":\"%s\"}", wanted);
    struct json_object *node = client_json(admin, "PUT", uri, body, 200);
    ck_assert_str_eq(text_of(node, "node_id"), id);
    ck_assert_str_eq(text_of(node, "status"), answered);
    json_object_put(node);
    expect_status(id, answered);
}

static void say(enum log_level level, const char *event, const struct err *err, const char *name, const char *id)
{
    (void)level, (void)event, (void)err, (void)name, (void)id;
}

START_TEST(test_nodes__drained)
{
    struct err err = ERR_INIT;
    struct pool pool = { 0 };
    char address[DOORBELL_ADDRESS_SIZE];
    cleanup_fd int bell = doorbell_open("127.0.0.1:0", address, &err);
    free(fixture_settings->doorbell.pool);
    fixture_settings->doorbell.pool = strdup(address);
    fixture_sql("UPDATE templates SET pool_target = 1 WHERE id = 'python-basic'");
    set_status("n1", "draining", "draining");
    set_status("n1", "draining", "draining"); /* again */
    ck_assert_int_eq(doorbell_drain(bell), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'drain' AND object_id = 'n1' AND actor = 'operator'"), 1);
    fixture_node("n1", 16000, 16384, 20); /* its agent goes on */
    expect_status("n1", "draining");
    /* neither a warm one nor a new one */
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 503, "Sandbox.ServiceUnavailable");
    fixture_node("n2", 4000, 4096, 10);
    struct json_object *session = client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201);
    ck_assert_str_eq(text_of(session, "status"), "creating");
    json_object_put(session);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE node_id = 'n2' AND status = 'creating'"), 1);
    /* what is warm moves, what runs stays */
    OK(pool_pass(&pool, &api_me->context, say, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE id = 'c00000000001' AND status = 'deleting'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE id = 'c00000000002' AND status = 'running'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE session_id = '' AND status = 'creating' AND node_id = 'n2'"), 1);
    set_status("n1", "ready", "ready");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE object_kind = 'node'"), 2);
}
END_TEST

START_TEST(test_nodes__down)
{
    fixture_node("n3", 4000, 4096, 10);
    fixture_sql("UPDATE nodes SET status = 'offline', error = 'The engine does not answer.' WHERE id = 'n3'");
    set_status("n3", "ready", "offline"); /* it stays as it is */
    set_status("n3", "draining", "draining");
    set_status("n3", "ready", "offline");
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 20 SECOND WHERE id = 'n1'");
    expect_status("n1", "offline");
    set_status("n1", "draining", "offline"); /* silent */
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE id = 'n1' AND status = 'draining'"), 1);
}
END_TEST

START_TEST(test_nodes__are_for_operators)
{
    api_refused(api_me, "GET", NODES, NULL, 403, "Sandbox.Forbidden");
    api_refused(api_me, "PUT", NODES "/n1", "{\"status\":\"draining\"}", 403, "Sandbox.Forbidden");
    api_refused(admin, "PUT", NODES "/n9", "{\"status\":\"draining\"}", 404, "Sandbox.NodeNotFound");
    api_refused(admin, "PUT", NODES "/N1", "{\"status\":\"ready\"}", 404, "Sandbox.NodeNotFound");
    api_refused(admin, "PUT", NODES "/n1", "{\"status\":\"down\"}", 400, "Sandbox.InvalidParameter");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE status <> 'ready'"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_containers");
    TCase *tcase = tcase_create("containers");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_containers__lists);
    tcase_add_test(tcase, test_containers__one);
    tcase_add_test(tcase, test_nodes__drained);
    tcase_add_test(tcase, test_nodes__down);
    tcase_add_test(tcase, test_nodes__are_for_operators);
    return fixture_run(suite);
}
