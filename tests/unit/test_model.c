/* SPDX-License-Identifier: Apache-2.0 */
/* States and their transitions, resource quantities. */
#include <string.h>

#include "lib/model/engine.h"
#include "lib/model/image_name.h"
#include "lib/model/preload.h"
#include "lib/model/resources.h"
#include "lib/model/states.h"
#include "tests/unit/unit_test.h"

START_TEST(test_states__names_and_values_agree)
{
    for (int i = 0; i < SESSION_STATUSES; i++)
        ck_assert_int_eq(session_status_parse(session_status_name((enum session_status)i)), i);
    for (int i = 0; i < CONTAINER_STATUSES; i++)
        ck_assert_int_eq(container_status_parse(container_status_name((enum container_status)i)), i);
    for (int i = 0; i < EXECUTION_STATUSES; i++)
        ck_assert_int_eq(execution_status_parse(execution_status_name((enum execution_status)i)), i);
    for (int i = 0; i < LANGUAGES; i++)
        ck_assert_int_eq(language_parse(language_name((enum language)i)), i);
    for (int i = 0; i < RUNTIME_TYPES; i++)
        ck_assert_int_eq(runtime_type_parse(runtime_type_name((enum runtime_type)i)), i);
    static const char *const unknown[] = { "", "Running", "running ", "run" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(unknown); i++) {
        ck_assert_int_eq(session_status_parse(unknown[i]), -1);
        ck_assert_int_eq(container_status_parse(unknown[i]), -1);
        ck_assert_int_eq(execution_status_parse(unknown[i]), -1);
        ck_assert_int_eq(language_parse(unknown[i]), -1);
        ck_assert_int_eq(runtime_type_parse(unknown[i]), -1);
    }
    ck_assert_str_eq(execution_outcome_name(EXECUTION_COMPLETED), "success");
    ck_assert_str_eq(execution_outcome_name(EXECUTION_TIMEOUT), "timeout");
}
END_TEST

START_TEST(test_states__only_legal_changes)
{
    static const bool session[SESSION_STATUSES][SESSION_STATUSES] = {
        [SESSION_CREATING] = { [SESSION_RUNNING] = 1, [SESSION_TERMINATED] = 1, [SESSION_TIMEOUT] = 1, [SESSION_FAILED] = 1 },
        [SESSION_RUNNING] = { [SESSION_CREATING] = 1, [SESSION_TERMINATED] = 1, [SESSION_TIMEOUT] = 1, [SESSION_FAILED] = 1 },
    };
    static const bool container[CONTAINER_STATUSES][CONTAINER_STATUSES] = {
        [CONTAINER_CREATING] = { [CONTAINER_WARM] = 1, [CONTAINER_RUNNING] = 1, [CONTAINER_DELETING] = 1 },
        [CONTAINER_WARM] = { [CONTAINER_RUNNING] = 1, [CONTAINER_DELETING] = 1 },
        [CONTAINER_RUNNING] = { [CONTAINER_DELETING] = 1 },
        [CONTAINER_DELETING] = { [CONTAINER_DELETED] = 1 },
    };
    static const bool execution[EXECUTION_STATUSES][EXECUTION_STATUSES] = {
        [EXECUTION_PENDING] = { [EXECUTION_RUNNING] = 1, [EXECUTION_COMPLETED] = 1, [EXECUTION_FAILED] = 1,
                                [EXECUTION_TIMEOUT] = 1, [EXECUTION_CRASHED] = 1, [EXECUTION_CANCELLED] = 1 },
        [EXECUTION_RUNNING] = { [EXECUTION_PENDING] = 1, [EXECUTION_COMPLETED] = 1, [EXECUTION_FAILED] = 1,
                                [EXECUTION_TIMEOUT] = 1, [EXECUTION_CRASHED] = 1, [EXECUTION_CANCELLED] = 1 },
    };
    for (int a = 0; a < EXECUTION_STATUSES; a++)
        for (int b = 0; b < EXECUTION_STATUSES; b++) {
            if (a < SESSION_STATUSES && b < SESSION_STATUSES)
                ck_assert_int_eq(session_may_change((enum session_status)a, (enum session_status)b), session[a][b]);
            if (a < CONTAINER_STATUSES && b < CONTAINER_STATUSES)
                ck_assert_int_eq(container_may_change((enum container_status)a, (enum container_status)b), container[a][b]);
            ck_assert_int_eq(execution_may_change((enum execution_status)a, (enum execution_status)b), execution[a][b]);
        }
    ck_assert(!session_status_final(SESSION_CREATING) && session_status_final(SESSION_FAILED));
    ck_assert(!execution_status_final(EXECUTION_RUNNING) && execution_status_final(EXECUTION_CRASHED));
}
END_TEST

START_TEST(test_resources__cpu)
{
    static const struct {
        const char *text;
        int64_t milli; /* -1: refused */
    } cases[] = { { "1", 1000 }, { "0.5", 500 }, { "500m", 500 }, { "1.25", 1250 }, { "4", 4000 }, { "4000m", 4000 }, { "1.001", 1001 },
                  { "0.499", -1 }, { "4.001", -1 }, { "0", -1 }, { "-1", -1 }, { "", -1 }, { "1.", -1 }, { ".5", -1 }, { "1.0000", -1 },
                  { "1e3", -1 }, { "1 ", -1 }, { " 1", -1 }, { "1.5m", -1 }, { "1x", -1 }, { "99999999999999999999", -1 }, { "NaN", -1 },
                  { "1mm", -1 } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        int64_t milli = -1;
        int status = resources_parse_cpu(cases[i].text, "/cpu", &milli, &err);
        ck_assert_msg(milli == cases[i].milli && (status == 0) == (milli >= 0), "\"%s\": %lld", cases[i].text, (long long)milli);
        ck_assert(status == 0 || (err.code == ERR_INVALID && strcmp(err.field, "/cpu") == 0));
    }
}
END_TEST

START_TEST(test_resources__sizes)
{
    static const struct {
        const char *text;
        int64_t mb;
    } cases[] = { { "256Mi", 256 }, { "1Gi", 1024 }, { "1.5Gi", 1536 }, { "8Gi", 8192 }, { "524288Ki", 512 }, { "255Mi", -1 }, { "8.001Gi", -1 },
                  { "8193Mi", -1 }, { "512", -1 }, { "512M", -1 }, { "512MB", -1 }, { "512mi", -1 }, { "Mi", -1 }, { "", -1 }, { "-512Mi", -1 },
                  { "512 Mi", -1 }, { "512MiMi", -1 }, { "99999999999Gi", -1 } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        int64_t mb = -1;
        int status = resources_parse_size(cases[i].text, "/memory", MEMORY_MB_MIN, MEMORY_MB_MAX, &mb, &err);
        ck_assert_msg(mb == cases[i].mb && (status == 0) == (mb >= 0), "\"%s\": %lld", cases[i].text, (long long)mb);
        ck_assert(status == 0 || (err.code == ERR_INVALID && strcmp(err.field, "/memory") == 0));
    }
}
END_TEST

START_TEST(test_resources__are_written_as_they_are_read)
{
    static const struct {
        int64_t value;
        const char *text;
    } cpus[] = { { 1000, "1" }, { 500, "0.5" }, { 1250, "1.25" }, { 1001, "1.001" }, { 4000, "4" } },
      sizes[] = { { 512, "512Mi" }, { 1024, "1Gi" }, { 1536, "1536Mi" }, { 51200, "50Gi" } };
    char text[QUANTITY_TEXT_SIZE];
    struct err err = ERR_INIT;
    int64_t back = 0;
    for (size_t i = 0; i < UNIT_TEST_COUNT(cpus); i++) {
        resources_format_cpu(cpus[i].value, text);
        ck_assert_str_eq(text, cpus[i].text);
        ck_assert_int_eq(resources_parse_cpu(text, "", &back, &err), 0);
        ck_assert_int_eq(back, cpus[i].value);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(sizes); i++) {
        resources_format_size(sizes[i].value, text);
        ck_assert_str_eq(text, sizes[i].text);
        ck_assert_int_eq(resources_parse_size(text, "", 1, DISK_MB_MAX, &back, &err), 0);
        ck_assert_int_eq(back, sizes[i].value);
    }
    struct resources a = { 1, 2, 3, 4 }, b = a;
    ck_assert(resources_equal(&a, &b));
    b.max_processes = 5;
    ck_assert(!resources_equal(&a, &b));
}
END_TEST

START_TEST(test_engine__addresses_and_names)
{
    static const struct {
        const char *url;
        bool good, local;
    } cases[] = { { "unix:///run/docker.sock", true, true }, { "unix://run/docker.sock", false, true }, { "tcp://host:2376", true, false },
                  { "tcp://10.0.0.7:1", true, false }, { "tcp://[fd00::7]:2376", true, false }, { "tcp://[fd00::7:2376", false, false },
                  { "tcp://[]:1", false, false }, { "tcp://host", false, false }, { "tcp://host:", false, false }, { "tcp://:2376", false, false },
                  { "tcp://host:0", false, false }, { "tcp://host:65536", false, false }, { "tcp://host:2376/", false, false },
                  { "tcp://user@host:2376", false, false }, { "http://host:2376", false, false }, { "", false, false },
                  { "unix:///run/a b", false, true }, { "/run/docker.sock", false, false } };
    static const char *const good[] = { "a", "node-7", "a.b_C", "0123456789012345678901234567890123456789012345678901234567890123" };
    static const char *const bad[] = { "", "-a", ".a", "a b", "a,b", "a/b", "\xc3\xa4",
                                       "01234567890123456789012345678901234567890123456789012345678901234" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg((engine_url_check(cases[i].url, &err) == 0) == cases[i].good, "%s", cases[i].url);
        ck_assert_msg(engine_url_local(cases[i].url) == cases[i].local, "%s", cases[i].url);
    }
    ck_assert_str_eq(engine_url_path("unix:///run/docker.sock"), "/run/docker.sock");
    ck_assert_ptr_null(engine_url_path("tcp://host:2376"));
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(node_id_check(good[i], &err) == 0, "%s", good[i]);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(node_id_check(bad[i], &err) != 0 && err.code == ERR_INVALID, "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_image_name__is_taken_apart)
{
#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const struct {
        const char *text, *registry, *repository, *tag, *digest, *familiar;
    } cases[] = {
        { "python", "docker.io", "library/python", "latest", "", "python:latest" },
        { "sandbox/python:3.11-basic", "docker.io", "sandbox/python", "3.11-basic", "", "sandbox/python:3.11-basic" },
        { "docker.io/library/python:3", "docker.io", "library/python", "3", "", "python:3" },
        { "index.docker.io/a/b", "docker.io", "a/b", "latest", "", "a/b:latest" },
        { "localhost/x", "localhost", "x", "latest", "", "localhost/x:latest" },
        { "localhost:5000/x:1", "localhost:5000", "x", "1", "", "localhost:5000/x:1" },
        { "registry.example/a/b/c__d-e.f:V_1", "registry.example", "a/b/c__d-e.f", "V_1", "", "registry.example/a/b/c__d-e.f:V_1" },
        { "[fd00::7]:5000/x", "[fd00::7]:5000", "x", "latest", "", "[fd00::7]:5000/x:latest" },
        { "a/b@" DIGEST, "docker.io", "a/b", "", DIGEST, "a/b@" DIGEST },
        { "r.example:1/a:2@" DIGEST, "r.example:1", "a", "2", DIGEST, "r.example:1/a@" DIGEST },
    };
    static const char *const bad[] = { "", ":1", "a:", "A", "a/B", "a//b", "/a", "a/", "a b", "a:b c", "a@x", "a@sha256:12", "a___b/-", "a:.x",
                                       "r.example:x/a", "a@" DIGEST "/b", "\xc3\xa4", "a..b", "a.", "-a", "a?b" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        struct image_name name;
        char familiar[IMAGE_NAME_SIZE];
        ck_assert_msg(image_name_parse(cases[i].text, &name, &err) == 0, "%s", cases[i].text);
        ck_assert_str_eq(name.registry, cases[i].registry);
        ck_assert_str_eq(name.repository, cases[i].repository);
        ck_assert_str_eq(name.tag, cases[i].tag);
        ck_assert_str_eq(name.digest, cases[i].digest);
        image_name_normal(cases[i].text, familiar);
        ck_assert_str_eq(familiar, cases[i].familiar);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        struct err err = ERR_INIT;
        struct image_name name;
        char same[IMAGE_NAME_SIZE];
        ck_assert_msg(image_name_parse(bad[i], &name, &err) != 0 && err.code == ERR_INVALID, "%s", bad[i]);
        image_name_normal(bad[i], same);
        ck_assert_str_eq(same, bad[i]);
    }
}
END_TEST

START_TEST(test_preload__lists_and_arrays)
{
    static const char *const good[][2] = { { "", "[]" }, { "a", "[\"a\"]" }, { "_a.b1,C", "[\"_a.b1\",\"C\"]" } };
    static const char *const bad[] = { ",", "a,", ",a", "a b", "a.", ".a", "a..b", "1", "a,a", "a\"b", "\xc3\xa4" };
    static const char *const bad_arrays[] = { "[1]", "[\"a b\"]", "[null]", "[\"a\"", "[\"\"]" };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++) {
        struct strbuf json = STRBUF_INIT(PRELOAD_JSON_SIZE), list = STRBUF_INIT(PRELOAD_LIST_SIZE);
        ck_assert_int_eq(preload_json(good[i][0], &json, &err), 0);
        ck_assert_str_eq(strbuf_str(&json), good[i][1]);
        ck_assert_int_eq(preload_list(good[i][1], &list, &err), 0);
        ck_assert_str_eq(strbuf_str(&list), good[i][0]);
        strbuf_release(&json);
        strbuf_release(&list);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad) + UNIT_TEST_COUNT(bad_arrays); i++) {
        struct strbuf out = STRBUF_INIT(PRELOAD_JSON_SIZE);
        bool array = i >= UNIT_TEST_COUNT(bad);
        const char *text = array ? bad_arrays[i - UNIT_TEST_COUNT(bad)] : bad[i];
        ck_assert_msg((array ? preload_list(text, &out, &err) : preload_json(text, &out, &err)) != 0 && err.code == ERR_INVALID, "%s", text);
        strbuf_release(&out);
    }
}
END_TEST

START_TEST(test_preload__the_most_there_can_be)
{
    char list[PRELOAD_LIST_SIZE + PRELOAD_NAME_MAX + 2] = "";
    struct strbuf json = STRBUF_INIT(PRELOAD_JSON_SIZE), again = STRBUF_INIT(PRELOAD_LIST_SIZE);
    struct err err = ERR_INIT;
    for (int i = 0; i < PRELOAD_MODULES_MAX; i++)
        sprintf(list + strlen(list), "%sm%0*d", i ? "," : "", PRELOAD_NAME_MAX - 1, i);
    ck_assert_int_eq(preload_json(list, &json, &err), 0);
    ck_assert_int_eq(preload_list(strbuf_str(&json), &again, &err), 0);
    ck_assert_str_eq(strbuf_str(&again), list);
    ck_assert(!preload_name_valid(list));
    strcat(list, ",x");
    strbuf_reset(&json);
    ck_assert_int_ne(preload_json(list, &json, &err), 0);
    strbuf_release(&json);
    strbuf_release(&again);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_states__names_and_values_agree, test_states__only_legal_changes, test_resources__cpu,
                                   test_resources__sizes, test_resources__are_written_as_they_are_read,
                                   test_engine__addresses_and_names,
                                   test_image_name__is_taken_apart, test_preload__lists_and_arrays,
                                   test_preload__the_most_there_can_be };
    return unit_test_run("model", tests, UNIT_TEST_COUNT(tests));
}
