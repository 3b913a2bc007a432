/* SPDX-License-Identifier: Apache-2.0 */
/* What pulling an image reads: how it goes, and credentials. */
#include <string.h>

#include "lib/runtime/pull_progress.h"
#include "lib/runtime/registry_auth.h"
#include "lib/util/base64.h"
#include "tests/unit/unit_test.h"

START_TEST(test_base64__as_rfc_4648_has_it)
{
    static const struct {
        const char *plain, *encoded;
    } cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
                  { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" } };
    static const char *const bad[] = { "A", "Zg=v", "Z g=", "Zm9v\n", "Zm8-" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct strbuf out = STRBUF_INIT(64), back = STRBUF_INIT(64);
        base64url_encode(cases[i].plain, strlen(cases[i].plain), &out);
        ck_assert_str_eq(strbuf_str(&out), cases[i].encoded);
        if (!strpbrk(cases[i].encoded, "-_")) {
            ck_assert(base64_decode(cases[i].encoded, strlen(cases[i].encoded), &back));
            ck_assert_str_eq(strbuf_str(&back), cases[i].plain);
        }
        strbuf_release(&out);
        strbuf_release(&back);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        struct strbuf out = STRBUF_INIT(64);
        ck_assert_msg(!base64_decode(bad[i], strlen(bad[i]), &out), "%s", bad[i]);
        strbuf_release(&out);
    }
}
END_TEST

static const char config[] =
    "{\"auths\":{\"registry.example:5000\":{\"auth\":\"bWU6c2U6Y3JldA==\"},\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnB3\"},"
    "\"http://plain.example/v2\":{\"auth\":\"eDp5\"},\"token.example\":{\"identitytoken\":\"T\"},\"broken.example\":{\"auth\":\"!\"}},"
    "\"credsStore\":\"pass\"}";

/* What is sent, decoded. */
static const char *auth_for(const char *registry, struct err *err)
{
    static char out[512];
    struct strbuf value = STRBUF_INIT(4096), plain = STRBUF_INIT(sizeof(out) - 1);
    int status = registry_auth_find(config, sizeof(config) - 1, registry, &value, err);
    ck_assert(status != 0 || base64_decode(strbuf_str(&value), value.len, &plain));
    snprintf(out, sizeof(out), "%s", status == 0 ? strbuf_str(&plain) : "refused");
    strbuf_release(&value);
    strbuf_release(&plain);
    return out;
}

START_TEST(test_registry_auth__is_found_by_the_registry)
{
    struct err err = ERR_INIT;
    struct strbuf out = STRBUF_INIT(64);
    ck_assert_str_eq(auth_for("registry.example:5000", &err),
                     "{\"serveraddress\":\"registry.example:5000\",\"username\":\"me\",\"password\":\"se:cret\"}");
    ck_assert_str_eq(auth_for("docker.io", &err), "{\"serveraddress\":\"docker.io\",\"username\":\"hub\",\"password\":\"pw\"}");
    ck_assert_str_eq(auth_for("plain.example", &err), "{\"serveraddress\":\"plain.example\",\"username\":\"x\",\"password\":\"y\"}");
    ck_assert_str_eq(auth_for("token.example", &err), "{\"serveraddress\":\"token.example\",\"identitytoken\":\"T\"}");
    ck_assert_str_eq(auth_for("registry.example", &err), ""); /* another port is another registry */
    ck_assert_str_eq(auth_for("example", &err), "");
    ck_assert_str_eq(auth_for("broken.example", &err), "refused");
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_int_eq(registry_auth_find("[]", 2, "r", &out, &err), -1);
    ck_assert_int_eq(registry_auth_find("{\"auths\":7}", 11, "r", &out, &err), 0);
    ck_assert_int_eq(registry_auth_load("", "r", &out, &err), 0);
    ck_assert_int_eq(registry_auth_load("/nonexistent", "r", &out, &err), -1);
    ck_assert_uint_eq(out.len, 0);
    strbuf_release(&out);
}
END_TEST

static const char stream[] =
    "{\"status\":\"Pulling from team/box\",\"id\":\"1\"}\r\n"
    "{\"status\":\"Already exists\",\"progressDetail\":{},\"id\":\"aaa\"}\r\n"
    "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"bbb\"}\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":3145728,\"total\":10485760},\"progress\":\"[=> ]\",\"id\":\"bbb\"}\r\n"
    "not JSON\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":-1,\"total\":\"x\"},\"id\":\"ccc\"}\r\n";

static void says(const struct pull_progress *progress, const char *expected)
{
    char text[PULL_TEXT_SIZE];
    pull_progress_text(progress, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(test_pull_progress__is_read_in_pieces_of_any_size)
{
    static const char rest[] = "{\"status\":\"Download complete\",\"id\":\"bbb\"}\n{\"status\":\"Pull complete\",\"id\":\"bbb\"}\n";
    for (size_t piece = 1; piece < sizeof(stream); piece += 7) {
        struct pull_progress progress;
        pull_progress_init(&progress);
        for (size_t at = 0; at < sizeof(stream) - 1; at += piece)
            pull_progress_feed(&progress, stream + at, at + piece < sizeof(stream) - 1 ? piece : sizeof(stream) - 1 - at);
        says(&progress, "1 of 3 layers, 3 of 10 MiB");
        pull_progress_feed(&progress, rest, sizeof(rest) - 1);
        says(&progress, "2 of 3 layers, 10 of 10 MiB");
        ck_assert_str_eq(progress.error, "");
        pull_progress_release(&progress);
    }
}
END_TEST

START_TEST(test_pull_progress__errors_are_found_wherever_they_are)
{
    static const char *const answers[] = { "{\"errorDetail\":{\"message\":\"it broke\"},\"error\":\"it broke\"}\r\n",
                                           "{\"status\":\"Downloading\",\"id\":\"a\"}\n{\"errorDetail\":{\"message\":\"it broke\"}}",
                                           "{\"message\":\"it broke\"}" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(answers); i++) {
        struct pull_progress progress;
        pull_progress_init(&progress);
        pull_progress_feed(&progress, answers[i], strlen(answers[i]));
        pull_progress_end(&progress);
        ck_assert_str_eq(progress.error, "it broke");
        pull_progress_release(&progress);
    }
}
END_TEST

START_TEST(test_pull_progress__is_bounded)
{
    struct pull_progress progress;
    char line[128];
    pull_progress_init(&progress);
    for (int i = 0; i < 2 * PULL_LINE_MAX; i++)
        pull_progress_feed(&progress, "x", 1);
    ck_assert_uint_le(progress.line.len, PULL_LINE_MAX);
    pull_progress_feed(&progress, "\n", 1);
    for (int i = 0; i < 2 * PULL_LAYERS_MAX; i++) {
        snprintf(line, sizeof(line), "{\"status\":\"Pull complete\",\"id\":\"%d\"}\n{\"status\":\"x\",\"id\":\"0123456789abcdef%d\"}\n", i, i);
        pull_progress_feed(&progress, line, strlen(line));
    }
    says(&progress, "128 of 128 layers, 0 of 0 MiB"); /* what came after the long line was read */
    pull_progress_release(&progress);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_base64__as_rfc_4648_has_it, test_registry_auth__is_found_by_the_registry,
                                   test_pull_progress__is_read_in_pieces_of_any_size, test_pull_progress__errors_are_found_wherever_they_are,
                                   test_pull_progress__is_bounded };
    return unit_test_run("pull", tests, UNIT_TEST_COUNT(tests));
}
