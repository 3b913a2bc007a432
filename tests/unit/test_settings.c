/* SPDX-License-Identifier: Apache-2.0 */
/* The settings file, and the tables it is read by. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/service/settings.h"
#include "lib/util/strbuf.h"
#include "tests/unit/unit_test.h"

static char path[] = "/tmp/test_settings.XXXXXX";

static void write_file(const char *text)
{
    strcpy(path, "/tmp/test_settings.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int load(const char *text, struct settings **out, struct err *err)
{
    write_file(text);
    int status = settings_load(path, out, err);
    unlink(path);
    return status;
}

START_TEST(test_settings__an_empty_file_gives_production_defaults)
{
    struct err err = ERR_INIT;
    cleanup_settings struct settings *settings = NULL;
    ck_assert_int_eq(load("", &settings, &err), 0);
    ck_assert_str_eq(settings->runtime.process_isolation, "required");
    ck_assert_str_eq(settings->doorbell.dispatchd, "127.0.0.1:7101");
    ck_assert_int_eq(settings->api.threads, 32);
    ck_assert_int_eq(settings->api.max_waiters, 24);
    ck_assert_int_eq(settings->database.timeout_ms, 5000);
    ck_assert_ptr_nonnull(strstr(settings->runtime.executor, "/sandbox-executor"));
}
END_TEST

START_TEST(test_settings__values_are_read)
{
    struct err err = ERR_INIT;
    cleanup_settings struct settings *settings = NULL;
    ck_assert_int_eq(load("# c\napi: { threads = 4; max_waiters = 3; };\nlog = { level = \"debug\"; };\n"
                          "runtime: { executor = \"/x\"; uid_base = 3000000000L; };", &settings, &err), 0);
    ck_assert_int_eq(settings->api.threads, 4);
    ck_assert_str_eq(settings->log.level, "debug");
    ck_assert_str_eq(settings->runtime.executor, "/x");
    ck_assert_int_eq(settings->runtime.uid_base, 3000000000);
}
END_TEST

START_TEST(test_settings__mistakes_are_named)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        { "api: { treads = 4; };", "line 1: api has no setting \"treads\"" },
        { "\napy: { threads = 4; };", "line 2: there is no group of settings \"apy\"" },
        { "threads = 4;", "\"threads\"" },
        { "api: { threads = \"4\"; };", "api.threads must be an integer" },
        { "api: { threads = 4.5; };", "api.threads must be an integer" },
        { "api: { threads = 0; };", "api.threads must be between 1 and 512" },
        { "api: { threads = 4; };", "max_waiters must be less than api.threads" },
        { "log: { level = 3; };", "log.level must be a string" },
        { "log: { level = \"loud\"; };", "must be one of debug|info|warn|error" },
        { "log: { level = \"debu\"; };", "must be one of" },
        { "log: { level = \"\"; };", "must be one of" },
        { "runtime: { process_isolation = \"none\"; };", "must be one of required|best-effort" },
        { "runtime: { directory = \"var\"; };", "absolute" },
        { "api: { threads = 4; ", "line" },
        { "api: { threads = 4; threads = 5; };", "line" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        struct settings *settings = NULL;
        ck_assert_msg(load(cases[i].text, &settings, &err) != 0, "accepted: %s", cases[i].text);
        ck_assert_ptr_null(settings);
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_msg(strstr(err.text, cases[i].said) && strstr(err.text, path), "%s: %s", cases[i].text, err.text);
    }
}
END_TEST

START_TEST(test_settings__the_file_is_found)
{
    struct err err = ERR_INIT;
    struct settings *settings = NULL;
    ck_assert_int_ne(settings_load("/nonexistent/x.conf", &settings, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.conf"));
    ck_assert_ptr_nonnull(strstr(err.text, "config sample"));
    write_file("api: { threads = 99; };");
    setenv("SANDBOX_CONFIG", path, 1);
    ck_assert_int_eq(settings_load(NULL, &settings, &err), 0);
    ck_assert_int_eq(settings->api.threads, 99);
    settings_free(settings);
    unlink(path);
}
END_TEST

static void read_stream(FILE *file, struct strbuf *out)
{
    char chunk[4096];
    size_t got;
    rewind(file);
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
        strbuf_add(out, chunk, got);
}

START_TEST(test_settings__the_committed_sample_is_the_generated_one)
{
    cleanup_strbuf struct strbuf generated = STRBUF_INIT(100000), committed = STRBUF_INIT(100000);
    cleanup_file FILE *made = tmpfile();
    cleanup_file FILE *kept = fopen(SOURCE_DIRECTORY "/etc/sandbox.conf", "re");
    ck_assert_ptr_nonnull(made);
    ck_assert_msg(kept != NULL, "etc/sandbox.conf is missing");
    settings_sample(made);
    read_stream(made, &generated);
    read_stream(kept, &committed);
    ck_assert_msg(strcmp(strbuf_str(&generated), strbuf_str(&committed)) == 0,
                  "run: sandboxctl config sample > etc/sandbox.conf");
    ck_assert_ptr_nonnull(strstr(strbuf_str(&generated), "# process_isolation = \"required\";"));
}
END_TEST

/* Its lines, with the comment signs of the settings removed, are a settings file with the same values. */
START_TEST(test_settings__the_sample_is_valid_when_uncommented)
{
    struct err err = ERR_INIT;
    cleanup_strbuf struct strbuf sample = STRBUF_INIT(100000), text = STRBUF_INIT(100000);
    cleanup_file FILE *made = tmpfile();
    cleanup_settings struct settings *settings = NULL;
    settings_sample(made);
    read_stream(made, &sample);
    char *rest = NULL;
    for (char *line = strtok_r(sample.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        bool setting = strncmp(line, "    # ", 6) == 0 && strstr(line, " = ") && line[strlen(line) - 1] == ';';
        strbuf_addf(&text, "%s\n", setting ? line + 6 : line);
    }
    ck_assert_msg(load(strbuf_str(&text), &settings, &err) == 0, "%s", err.text);
    ck_assert_int_eq(settings->api.threads, 32);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_settings__an_empty_file_gives_production_defaults, test_settings__values_are_read,
                                   test_settings__mistakes_are_named, test_settings__the_file_is_found,
                                   test_settings__the_committed_sample_is_the_generated_one,
                                   test_settings__the_sample_is_valid_when_uncommented };
    return unit_test_run("settings", tests, UNIT_TEST_COUNT(tests));
}
