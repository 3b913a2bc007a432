/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/util/json.h"
#include "tests/unit/unit_test.h"

static int parse(const char *text, size_t len, struct json_object **out)
{
    struct err err = ERR_INIT;
    int status = json_parse(text, len, out, &err);
    ck_assert_msg(status == 0 || err.code == ERR_INVALID, "%.40s: code %d", text, err.code);
    return status;
}

START_TEST(test_json__accepts_exactly_one_value)
{
    static const char *const good[] = { "{}", "[]", "null", "true", " 1 ", "-0.5e3", "\"\\u00e9\\ud83d\\ude00\"", "[1,2]\n", "0",
                                        "\"\xc3\xa9\"", "12345678901234567890" };
    static const char *const bad[] = { "", " ", "{", "{}{}", "{} x", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "nul", "nan",
                                       "// x\n1", "/* x */ 1", "\"\xff\"", "\"\xc3\"", "\"a", "01", "1 2", "[1 2]", "{\"a\" 1}",
                                       "tru", "[",
                                       /* what json-c takes beyond the standard */
                                       "NaN", "Infinity", "[-Infinity]", "1.", "-01", "{'a':1}", "\"a\nb\"", "\"\xc0\xaf\"" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++) {
        cleanup_json struct json_object *value = NULL;
        ck_assert_msg(parse(good[i], strlen(good[i]), &value) == 0, "refused: %s", good[i]);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        cleanup_json struct json_object *value = NULL;
        ck_assert_msg(parse(bad[i], strlen(bad[i]), &value) != 0, "accepted: %s", bad[i]);
        ck_assert_ptr_null(value);
    }
}
END_TEST

START_TEST(test_json__nul_bytes_and_lengths_count)
{
    cleanup_json struct json_object *value = NULL;
    ck_assert(parse("{}\0", 3, &value) != 0);
    ck_assert(parse("\"a\0b\"", 5, &value) != 0);
    ck_assert(parse("{}garbage", 2, &value) == 0); /* what is beyond the length is not looked at */
}
END_TEST

START_TEST(test_json__depth_is_bounded)
{
    char text[4096] = "";
    memset(text, '[', 2000);
    memset(text + 2000, ']', 2000);
    cleanup_json struct json_object *value = NULL;
    ck_assert(parse(text, 4000, &value) != 0);
    memset(text, '[', JSON_DEPTH_MAX - 1);
    memset(text + JSON_DEPTH_MAX - 1, ']', JSON_DEPTH_MAX - 1);
    ck_assert(parse(text, 2 * (JSON_DEPTH_MAX - 1), &value) == 0);
}
END_TEST

struct fields {
    const char *name;
    int64_t count;
    bool flag, flag_there;
    double ratio;
    struct json_object *object, *array, *any;
};

static int read_fields(const char *text, struct fields *out, struct err *err)
{
    const struct json_field table[] = {
        { .name = "name", .type = JSON_FIELD_STRING, .required = true, .out = &out->name, .min = 1, .max = 5 },
        { .name = "count", .type = JSON_FIELD_INT, .out = &out->count, .min = -3, .max = 10 },
        { .name = "flag", .type = JSON_FIELD_BOOL, .out = &out->flag, .present = &out->flag_there },
        { .name = "ratio", .type = JSON_FIELD_NUMBER, .out = &out->ratio },
        { .name = "object", .type = JSON_FIELD_OBJECT, .out = &out->object },
        { .name = "array", .type = JSON_FIELD_ARRAY, .out = &out->array },
        { .name = "any", .type = JSON_FIELD_ANY, .out = &out->any },
    };
    cleanup_json struct json_object *value = NULL;
    ck_assert_msg(parse(text, strlen(text), &value) == 0, "%s", text);
    int status = json_read_fields(value, "/top", table, UNIT_TEST_COUNT(table), JSON_UNKNOWN_REFUSE, err);
    if (status == 0 && out->name)
        ck_assert_uint_le(strlen(out->name), 5);
    return status;
}

START_TEST(test_json__errors_point_at_the_field)
{
    static const struct {
        const char *text, *field; /* NULL: good */
    } cases[] = {
        { "{\"name\":\"a\"}", NULL },
        { "{\"name\":\"a\",\"count\":10,\"flag\":true,\"ratio\":1,\"object\":{},\"array\":[],\"any\":null}", NULL },
        { "{\"name\":\"a\",\"count\":null}", NULL }, /* null is as good as absent */
        { "{}", "/top/name" },
        { "{\"name\":null}", "/top/name" },
        { "{\"name\":\"\"}", "/top/name" },
        { "{\"name\":\"123456\"}", "/top/name" },
        { "{\"name\":\"a\\u0000b\"}", "/top/name" },
        { "{\"name\":1}", "/top/name" },
        { "{\"name\":\"a\",\"count\":11}", "/top/count" },
        { "{\"name\":\"a\",\"count\":-4}", "/top/count" },
        { "{\"name\":\"a\",\"count\":1.0}", "/top/count" },
        { "{\"name\":\"a\",\"count\":\"1\"}", "/top/count" },
        { "{\"name\":\"a\",\"count\":99999999999999999999}", "/top/count" },
        { "{\"name\":\"a\",\"flag\":1}", "/top/flag" },
        { "{\"name\":\"a\",\"ratio\":\"1\"}", "/top/ratio" },
        { "{\"name\":\"a\",\"object\":[]}", "/top/object" },
        { "{\"name\":\"a\",\"array\":{}}", "/top/array" },
        { "{\"name\":\"a\",\"extra\":1}", "/top/extra" },
        { "{\"name\":\"a\",\"a/b~c\":1}", "/top/a~1b~0c" },
        { "[]", "/top" },
        { "null", "/top" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        struct fields fields = { 0 };
        int status = read_fields(cases[i].text, &fields, &err);
        ck_assert_msg((status == 0) == !cases[i].field, "%s: %s", cases[i].text, err.text);
        if (cases[i].field) {
            ck_assert_int_eq(err.code, ERR_INVALID);
            ck_assert_str_eq(err.field, cases[i].field);
        }
    }
}
END_TEST

START_TEST(test_json__absent_fields_are_left_alone)
{
    struct err err = ERR_INIT;
    struct fields fields = { .count = 7, .flag = true, .flag_there = true };
    ck_assert_int_eq(read_fields("{\"name\":\"a\"}", &fields, &err), 0);
    ck_assert(fields.count == 7 && fields.flag && !fields.flag_there);
}
END_TEST

START_TEST(test_json__raw_text_is_kept)
{
    static const char raw[] = "{\"n\":12345678901234567890.10, \"z\":1e400}";
    cleanup_json struct json_object *object = json_object_new_object();
    json_object_object_add(object, "value", json_raw(raw, strlen(raw)));
    json_object_object_add(object, "path", json_object_new_string("a/b"));
    ck_assert_str_eq(json_text(object), "{\"value\":{\"n\":12345678901234567890.10, \"z\":1e400},\"path\":\"a/b\"}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_json__accepts_exactly_one_value, test_json__nul_bytes_and_lengths_count,
                                   test_json__depth_is_bounded, test_json__errors_point_at_the_field,
                                   test_json__absent_fields_are_left_alone, test_json__raw_text_is_kept };
    return unit_test_run("json", tests, UNIT_TEST_COUNT(tests));
}
