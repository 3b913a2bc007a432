/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as JSON: every field's good and bad values with the pointer of each, and the answers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/template_codec.h"

#define LONG64 "a234567890123456789012345678901234567890123456789012345678901234"
#define NEW "{\"id\":\"a\",\"name\":\"A\",\"image\":\"i\""

/* NULL field: accepted. */
struct refusal {
    const char *body, *field;
};

static const struct refusal creations[] = {
    { NEW "}", NULL },
    { "{\"id\":\"0-a\",\"name\":\"\\u00e4 b\\u0001\",\"image\":\"registry.example:5000/A_b@sha256:0\"}", NULL },
    { NEW ",\"base_image\":\"\",\"pre_installed_packages\":[],\"languages\":[\"shell\",\"python\",\"javascript\"]}", NULL },
    { NEW ",\"preload\":[\"numpy\",\"os.path\",\"_a1.B\",\"" LONG64 LONG64 "\"]}", NULL },
    { NEW ",\"preload\":null}", NULL },
    { NEW ",\"base_image\":null,\"pre_installed_packages\":null,\"languages\":null,\"default_resources\":null,"
      "\"security_context\":null,\"pool\":null}", NULL },
    { NEW ",\"pool\":{\"min\":1000,\"target\":1000,\"max_idle\":604800}}", NULL },
    { NEW ",\"pool\":{\"min\":0,\"target\":0,\"max_idle\":0}}", NULL },
    { NEW ",\"security_context\":{\"runtime\":\"\",\"network_enabled\":true,\"read_only_root\":null}}", NULL },
    { NEW ",\"security_context\":{\"runtime\":\"" LONG64 "\"}}", NULL },
    { "", "" },
    { "[]", "" },
    { NEW ",\"colour\":1}", "/colour" },
    { NEW ",\"deprecated\":true}", "/deprecated" },
    { "{\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"\",\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"A\",\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"-a\",\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"a/b\",\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"" LONG64 "\",\"name\":\"A\",\"image\":\"i\"}", "/id" },
    { "{\"id\":\"a\",\"image\":\"i\"}", "/name" },
    { "{\"id\":\"a\",\"name\":\"\",\"image\":\"i\"}", "/name" },
    { "{\"id\":\"a\",\"name\":7,\"image\":\"i\"}", "/name" },
    { "{\"id\":\"a\",\"name\":\"a\\u0000\",\"image\":\"i\"}", "/name" },
    { "{\"id\":\"a\",\"name\":\"" LONG64 LONG64 LONG64 LONG64 "\",\"image\":\"i\"}", "/name" },
    { "{\"id\":\"a\",\"name\":\"A\"}", "/image" },
    { "{\"id\":\"a\",\"name\":\"A\",\"image\":null}", "/image" },
    { "{\"id\":\"a\",\"name\":\"A\",\"image\":\"\"}", "/image" },
    { "{\"id\":\"a\",\"name\":\"A\",\"image\":\"a b\"}", "/image" },
    { "{\"id\":\"a\",\"name\":\"A\",\"image\":\"$(x)\"}", "/image" },
    { NEW ",\"base_image\":\"a;b\"}", "/base_image" },
    { NEW ",\"pre_installed_packages\":{}}", "/pre_installed_packages" },
    { NEW ",\"pre_installed_packages\":[\"a\",\"\"]}", "/pre_installed_packages/1" },
    { NEW ",\"pre_installed_packages\":[null]}", "/pre_installed_packages/0" },
    { NEW ",\"pre_installed_packages\":[\"a\\u0000\"]}", "/pre_installed_packages/0" },
    { NEW ",\"pre_installed_packages\":[\"" LONG64 LONG64 LONG64 LONG64 "\"]}", "/pre_installed_packages/0" },
    { NEW ",\"languages\":[]}", "/languages" },
    { NEW ",\"languages\":\"python\"}", "/languages" },
    { NEW ",\"languages\":[\"python\",\"ruby\"]}", "/languages/1" },
    { NEW ",\"languages\":[\"python\",\"python\"]}", "/languages/1" },
    { NEW ",\"languages\":[\"python,shell\"]}", "/languages/0" },
    { NEW ",\"preload\":\"numpy\"}", "/preload" },
    { NEW ",\"preload\":[\"a\",\"\"]}", "/preload/1" },
    { NEW ",\"preload\":[1]}", "/preload/0" },
    { NEW ",\"preload\":[\"a-b\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a.\"]}", "/preload/0" },
    { NEW ",\"preload\":[\".a\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a..b\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a.1b\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a,b\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a\\u0000\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"\\u00e4\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"" LONG64 LONG64 "a\"]}", "/preload/0" },
    { NEW ",\"preload\":[\"a\",\"b\",\"a\"]}", "/preload/2" },
    { NEW ",\"default_resources\":{\"cpu\":\"5\"}}", "/default_resources/cpu" },
    { NEW ",\"default_resources\":{\"gpu\":1}}", "/default_resources/gpu" },
    { NEW ",\"default_resources\":{\"max_processes\":1025}}", "/default_resources/max_processes" },
    { NEW ",\"security_context\":true}", "/security_context" },
    { NEW ",\"security_context\":{\"privileged\":true}}", "/security_context/privileged" },
    { NEW ",\"security_context\":{\"network_enabled\":\"no\"}}", "/security_context/network_enabled" },
    { NEW ",\"security_context\":{\"read_only_root\":0}}", "/security_context/read_only_root" },
    { NEW ",\"security_context\":{\"runtime\":\"a/b\"}}", "/security_context/runtime" },
    { NEW ",\"security_context\":{\"runtime\":\"" LONG64 "a\"}}", "/security_context/runtime" },
    { NEW ",\"pool\":[]}", "/pool" },
    { NEW ",\"pool\":{\"max\":1}}", "/pool/max" },
    { NEW ",\"pool\":{\"min\":-1}}", "/pool/min" },
    { NEW ",\"pool\":{\"min\":1001}}", "/pool/min" },
    { NEW ",\"pool\":{\"target\":1001}}", "/pool/target" },
    { NEW ",\"pool\":{\"target\":1.5}}", "/pool/target" },
    { NEW ",\"pool\":{\"max_idle\":604801}}", "/pool/max_idle" },
    { NEW ",\"pool\":{\"max_idle\":\"60\"}}", "/pool/max_idle" },
};

static const struct refusal changes[] = {
    { "{}", NULL },
    { "{\"name\":null,\"image\":null,\"deprecated\":null}", NULL },
    { "{\"deprecated\":false,\"pool\":{}}", NULL },
    { "{\"id\":\"a\"}", "/id" },
    { "{\"deprecated\":1}", "/deprecated" },
    { "{\"name\":\"\"}", "/name" },
    { "{\"image\":\"\"}", "/image" },
    { "{\"languages\":[]}", "/languages" },
    { "{\"pool\":{\"min\":true}}", "/pool/min" },
};

static void check(int status, const struct err *err, const struct refusal *c, const struct template_change *change)
{
    ck_assert_msg((status == 0) == (c->field == NULL), "%s: %s", c->body, err->text);
    if (status == 0)
        return;
    ck_assert_int_eq(err->code, ERR_INVALID);
    ck_assert_msg(strcmp(err->field, c->field) == 0, "%s: %s", c->body, err->field);
    ck_assert_uint_gt(strlen(err->text), 0);
    ck_assert_ptr_null(change->name);
}

START_TEST(test_template_codec__creations)
{
    struct template_change change;
    struct err err = ERR_INIT;
    char id[TEMPLATE_ID_SIZE];
    const struct refusal *c = &creations[_i];
    check(template_create_decode(c->body, strlen(c->body), id, &change, &err), &err, c, &change);
    template_change_release(&change);
}
END_TEST

START_TEST(test_template_codec__changes)
{
    struct template_change change;
    struct err err = ERR_INIT;
    const struct refusal *c = &changes[_i];
    check(template_update_decode(c->body, strlen(c->body), &change, &err), &err, c, &change);
    template_change_release(&change);
}
END_TEST

START_TEST(test_template_codec__too_many_packages)
{
    for (int count = 200; count <= 201; count++) {
        cleanup_free char *body = malloc(8192);
        char *at = body + sprintf(body, NEW ",\"pre_installed_packages\":[\"p\"");
        for (int i = 1; i < count; i++)
            at += sprintf(at, ",\"p\"");
        strcpy(at, "]}");
        struct template_change change;
        struct err err = ERR_INIT;
        char id[TEMPLATE_ID_SIZE];
        ck_assert_int_eq(template_create_decode(body, strlen(body), id, &change, &err), count == 200 ? 0 : -1);
        if (count > 200)
            ck_assert_str_eq(err.field, "/pre_installed_packages");
        template_change_release(&change);
    }
}
END_TEST

START_TEST(test_template_codec__values)
{
    const char *body = "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\",\"base_image\":\"b\",\"pre_installed_packages\":[\"a>=1\"],"
                       "\"languages\":[\"shell\",\"python\"],\"preload\":[ \"a\" , \"b.c\"],\"default_resources\":{\"cpu\":2},\"security_context\":"
                       "{\"network_enabled\":true,\"runtime\":\"runsc\"},\"pool\":{\"min\":1,\"target\":2}}";
    struct template_change change;
    struct err err = ERR_INIT;
    char id[TEMPLATE_ID_SIZE];
    ck_assert_int_eq(template_create_decode(body, strlen(body), id, &change, &err), 0);
    ck_assert_str_eq(id, "ml");
    ck_assert_str_eq(change.image, "x/ml:1");
    ck_assert_str_eq(change.base_image, "b");
    ck_assert_str_eq(change.packages_json, "[\"a>=1\"]");
    ck_assert_str_eq(change.languages, "shell,python");
    ck_assert_str_eq(change.preload_json, "[\"a\",\"b.c\"]");
    ck_assert_str_eq(change.oci_runtime, "runsc");
    ck_assert_int_eq(change.resources.cpu_milli, 2000);
    ck_assert_int_eq(change.resources.memory_mb, 0);
    ck_assert_int_eq(change.network_enabled, 1);
    ck_assert_int_eq(change.read_only_root, -1);
    ck_assert_int_eq(change.deprecated, -1);
    ck_assert_int_eq(change.pool_min, 1);
    ck_assert_int_eq(change.pool_target, 2);
    ck_assert_int_eq(change.pool_max_idle_s, -1);
    template_change_release(&change);
}
END_TEST

static void expect_json(struct json_object *object, const char *text)
{
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_text(object), text);
    json_object_put(object);
}

START_TEST(test_template_codec__answers)
{
    struct template template = { .id = "ml", .name = (char *)"ML", .image = (char *)"x/ml:1", .base_image = (char *)"",
                                 .packages_json = (char *)"[\"a>=1\"]", .languages = (char *)"shell,python", .preload_json = (char *)"[\"a\"]",
                                 .oci_runtime = (char *)"runsc", .resources = { 500, 512, 1024, 128 }, .read_only_root = true,
                                 .pool_min = 1, .pool_target = 2, .pool_max_idle_s = 3600, .created_at = 1767693600000,
                                 .updated_at = 1767693602000 };
    expect_json(template_encode(&template, TEMPLATE_VIEW_FULL),
                "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\",\"base_image\":\"\",\"pre_installed_packages\":[\"a>=1\"],"
                "\"languages\":[\"shell\",\"python\"],\"preload\":[\"a\"],\"default_resources\":{\"cpu\":\"0.5\",\"memory\":\"512Mi\",\"disk\":\"1Gi\"},"
                "\"security_context\":{\"network_enabled\":false,\"runtime\":\"runsc\",\"read_only_root\":true},"
                "\"pool\":{\"min\":1,\"target\":2,\"max_idle\":3600},\"created_at\":\"2026-01-06T10:00:00Z\","
                "\"updated_at\":\"2026-01-06T10:00:02Z\",\"deprecated\":false}");
    expect_json(template_encode(&template, TEMPLATE_VIEW_LISTED),
                "{\"id\":\"ml\",\"name\":\"ML\",\"image\":\"x/ml:1\",\"default_resources\":{\"cpu\":\"0.5\",\"memory\":\"512Mi\","
                "\"disk\":\"1Gi\"},\"created_at\":\"2026-01-06T10:00:00Z\"}");
}
END_TEST

#define LOOP(tcase, test, table) tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("template_codec");
    TCase *tcase = tcase_create("template_codec");
    LOOP(tcase, test_template_codec__creations, creations);
    LOOP(tcase, test_template_codec__changes, changes);
    tcase_add_test(tcase, test_template_codec__too_many_packages);
    tcase_add_test(tcase, test_template_codec__values);
    tcase_add_test(tcase, test_template_codec__answers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
