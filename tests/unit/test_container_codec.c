/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and nodes as JSON, field for field; and what may be said of a node. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/container_codec.h"
#include "fcgi/codec/node_codec.h"

static void expect_json(struct json_object *object, const char *text)
{
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_text(object), text);
    json_object_put(object);
}

enum { SECOND = 1000 };
#define NOON INT64_C(1767693600000)

static struct container example(void)
{
    return (struct container){ .id = "a1b2c3d4e5f6", .node_id = "node-01", .runtime_type = RUNTIME_DOCKER, .template_id = "python-basic",
                               .session_id = "sess_abc123def4567890", .status = CONTAINER_RUNNING, .secret = "the-secret",
                               .image = (char *)"i", .resources = { 1000, 512, 1024, 128 }, .created_at = NOON,
                               .ready_at = NOON + 2 * SECOND };
}

#define HEAD "{\"container_id\":\"a1b2c3d4e5f6\",\"pod_name\":null,\"node_name\":\"node-01\",\"runtime_type\":\"docker\","
#define MIDDLE "\"template_id\":\"python-basic\",\"resources\":{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\"},"
#define CREATED "\"created_at\":\"2026-01-06T10:00:00Z\","

START_TEST(test_container_codec__answers)
{
    struct container container = example();
    container.seen_at = NOON + 62 * SECOND + 999;
    expect_json(container_encode(&container, CONTAINER_VIEW_LISTED),
                HEAD "\"status\":\"running\",\"session_id\":\"sess_abc123def4567890\"," MIDDLE "\"usage\":null," CREATED
                "\"started_at\":\"2026-01-06T10:00:02Z\",\"uptime_seconds\":60}");
    container.usage = (struct container_usage){ .measured = true, .cpu_time_ms = 1500, .cpu_used_milli = 250, .memory_used_mb = 42,
                                                .measured_at = NOON };
    container.ended_at = NOON + 12 * SECOND;
    container.status = CONTAINER_DELETED;
    container.error = (char *)"why";
    container.seen_at = NOON + 62 * SECOND;
    expect_json(container_encode(&container, CONTAINER_VIEW_FULL),
                HEAD "\"status\":\"deleted\",\"session_id\":\"sess_abc123def4567890\"," MIDDLE
                "\"usage\":{\"cpu\":0.25,\"memory_mb\":42,\"cpu_time_ms\":1500,\"measured_at\":\"2026-01-06T10:00:00Z\",\"busy_since\":null}," CREATED
                "\"started_at\":\"2026-01-06T10:00:02Z\",\"uptime_seconds\":10,\"image\":\"i\",\"error\":\"why\"}");
}
END_TEST

START_TEST(test_container_codec__not_started)
{
    struct container container = example();
    container.status = CONTAINER_CREATING;
    container.session_id[0] = '\0';
    container.ready_at = 0;
    container.ended_at = NOON;
    container.seen_at = NOON + 60 * SECOND;
    expect_json(container_encode(&container, CONTAINER_VIEW_LISTED),
                HEAD "\"status\":\"creating\",\"session_id\":null," MIDDLE "\"usage\":null," CREATED
                "\"started_at\":null,\"uptime_seconds\":0}");
    container.ready_at = NOON + 70 * SECOND; /* by a clock that is ahead */
    container.ended_at = 0;
    struct json_object *object = container_encode(&container, CONTAINER_VIEW_LISTED);
    ck_assert_int_eq(json_object_get_int(json_object_object_get(object, "uptime_seconds")), 0);
    json_object_put(object);
}
END_TEST

START_TEST(test_node_codec__answer)
{
    const struct node node = { .id = "node-01", .runtime_type = RUNTIME_PROCESS, .status = "draining", .isolation = (char *)"namespaces",
                               .isolation_weaker = true, .cpu_milli = 8000, .memory_mb = 16384, .max_containers = 50,
                               .used_cpu_milli = 1500, .used_memory_mb = 512, .used_containers = 1, .last_seen_at = NOON };
    expect_json(node_encode(&node),
                "{\"node_id\":\"node-01\",\"runtime_type\":\"process\",\"status\":\"draining\",\"isolation\":\"namespaces\","
                "\"isolation_weaker\":true,\"capacity\":{\"cpu\":\"8\",\"memory_mb\":16384,\"containers\":50},"
                "\"allocated\":{\"cpu\":\"1.5\",\"memory_mb\":512,\"containers\":1},"
                "\"last_seen_at\":\"2026-01-06T10:00:00Z\",\"engine\":null,\"served_by\":\"node-01\",\"error\":null}");
    const struct node added = { .id = "far", .status = "ready", .engine = (char *)"tcp://engine.example:2376", .served_by = "node-01" };
    struct json_object *object = node_encode(&added);
    ck_assert_str_eq(json_object_get_string(json_object_object_get(object, "engine")), "tcp://engine.example:2376");
    ck_assert_ptr_null(json_object_object_get(object, "served_by")); /* its lease has run out */
    json_object_put(object);
}
END_TEST

START_TEST(test_node_codec__changes)
{
    static const struct {
        const char *body, *field; /* NULL: accepted */
        bool drain;
    } cases[] = {
        { "{\"status\":\"draining\"}", NULL, true }, { "{\"status\":\"ready\"}", NULL, false },
        { "{}", "/status", false }, { "{\"status\":\"down\"}", "/status", false }, { "{\"status\":\"Ready\"}", "/status", false },
        { "{\"status\":\"\"}", "/status", false }, { "{\"status\":null}", "/status", false }, { "{\"status\":true}", "/status", false },
        { "{\"status\":\"ready\\u0000\"}", "/status", false }, { "{\"status\":\"ready\",\"id\":\"x\"}", "/id", false },
        { "[]", "", false }, { "", "", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        bool drain = !cases[i].drain;
        int status = node_update_decode(cases[i].body, strlen(cases[i].body), &drain, &err);
        ck_assert_msg((status == 0) == (cases[i].field == NULL), "%s: %s", cases[i].body, err.text);
        if (status == 0)
            ck_assert_int_eq(drain, cases[i].drain);
        else
            ck_assert_str_eq(err.field, cases[i].field);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("container_codec");
    TCase *tcase = tcase_create("container_codec");
    tcase_add_test(tcase, test_container_codec__answers);
    tcase_add_test(tcase, test_container_codec__not_started);
    tcase_add_test(tcase, test_node_codec__answer);
    tcase_add_test(tcase, test_node_codec__changes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
