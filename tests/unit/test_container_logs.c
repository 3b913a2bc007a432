/* SPDX-License-Identifier: Apache-2.0 */
/* What containers said: Docker's frames taken apart, and lines brought into their form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runtime/docker_frames.h"
#include "lib/runtime/log_lines.h"
#include "lib/util/clock.h"
#include "tests/unit/unit_test.h"

#define T "2026-01-06T10:00:00Z"
#define T_MS 1767693600000
#define FRAME(stream, len) stream "\0\0\0\0\0\0" len

static char said[4096];

/* "1:text|" for each piece, "1:text;" for a frame's last. */
static void on_text(void *arg, int stream, const char *text, size_t len, bool end)
{
    (void)arg;
    size_t used = strlen(said);
    snprintf(said + used, sizeof(said) - used, "%d:%.*s%c", stream, (int)len, text, end ? ';' : '|');
}

START_TEST(test_docker_frames__whole_and_cut)
{
    static const char stream[] = FRAME("\1", "\5") "hello" FRAME("\2", "\0") FRAME("\2", "\3") "a\nb" FRAME("\0", "\1") "x";
    static const size_t len = sizeof(stream) - 1;
    static const char whole[] = "1:hello;2:;2:a\nb;0:x;";
    struct docker_frames frames = { .on_text = on_text };
    said[0] = '\0';
    ck_assert(docker_frames_feed(&frames, stream, len));
    ck_assert_str_eq(said, whole);
    ck_assert(docker_frames_whole(&frames));
    /* any cut gives the same texts, and is noticed where the stream does not go on */
    for (size_t cut = 0; cut <= len; cut++) {
        frames = (struct docker_frames){ .on_text = on_text };
        said[0] = '\0';
        ck_assert(docker_frames_feed(&frames, stream, cut));
        bool edge = cut == 0 || cut == 13 || cut == 21 || cut == 32 || cut == len;
        ck_assert_msg(docker_frames_whole(&frames) == edge, "at %zu", cut);
        ck_assert(docker_frames_feed(&frames, stream + cut, len - cut));
        ck_assert(docker_frames_whole(&frames));
        ck_assert(strchr(said, ';') != NULL);
    }
    /* byte by byte */
    frames = (struct docker_frames){ .on_text = on_text };
    said[0] = '\0';
    for (size_t i = 0; i < len; i++)
        ck_assert(docker_frames_feed(&frames, stream + i, 1));
    ck_assert_str_eq(said, "1:h|1:e|1:l|1:l|1:o;2:;2:a|2:\n|2:b;0:x;");
}
END_TEST

START_TEST(test_docker_frames__malformed)
{
    static const struct {
        const char *data;
        size_t len;
    } cases[] = { { "{\"message\":\"x\"}", 15 }, { "\3\0\0\0\0\0\0\0", 8 }, { "\1\1\0\0\0\0\0\1x", 9 }, { "\1\0\1\0\0\0\0\1x", 9 },
                  { "\1\0\0\1\0\0\0\1x", 9 }, { "\xff\0\0\0\0\0\0\1x", 9 }, { FRAME("\1", "\1") "xyyyyyyyy", 17 } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct docker_frames frames = { .on_text = on_text };
        said[0] = '\0';
        ck_assert_msg(!docker_frames_feed(&frames, cases[i].data, cases[i].len), "case %zu", i);
        ck_assert(!docker_frames_whole(&frames));
        said[0] = '\0';
        ck_assert(!docker_frames_feed(&frames, FRAME("\1", "\1") "z", 9));
        ck_assert_str_eq(said, "");
    }
    /* a length that never comes is no reason to make room for it */
    struct docker_frames frames = { .on_text = on_text };
    said[0] = '\0';
    ck_assert(docker_frames_feed(&frames, "\1\0\0\0\xff\xff\xff\xff" "abc", 11));
    ck_assert_str_eq(said, "1:abc|");
    ck_assert(!docker_frames_whole(&frames));
}
END_TEST

static char *finish(struct log_lines *lines, size_t max)
{
    struct strbuf out = STRBUF_INIT(4 * 1024 * 1024);
    log_lines_finish(lines, max, &out);
    ck_assert(strbuf_ok(&out) && strbuf_ok(&lines->kept));
    char *text = strdup(strbuf_str(&out));
    strbuf_release(&out);
    log_lines_release(lines);
    return text;
}

START_TEST(test_log_lines__form)
{
    static const struct {
        const char *given, *wanted;
    } cases[] = {
        { T " [INFO] a b=c\n", T " [INFO] a b=c\n" },
        { T " [WARN] no newline", T " [WARN] no newline\n" },
        { "2026-01-06T10:00:00.123456789Z " T " [INFO] the engine's time goes\n", T " [INFO] the engine's time goes\n" },
        { "2026-01-06T10:00:00.123456789Z not ours\n", T " [ERROR] not ours\n" },
        { "2026-01-06T11:00:00.9+01:00 x\n", T " [ERROR] x\n" },
        { "2026-01-06T10:00:00.1Z \n", T " [ERROR] \n" },
        { "no time\r\n", T " [ERROR] no time\n" },
        { T " [LOUD] x\n", T " [ERROR] [LOUD] x\n" },
        { T "[INFO] x\n", T " [ERROR] " T "[INFO] x\n" },
        { T " [INFO] \033[2J\tx\x7f\xc2\x9b\n", T " [INFO] \\x1b[2J\tx\\x7f\\x9b\n" },
        { T " [INFO] \xc3\xa9 \xff \xed\xa0\x80\n", T " [INFO] \xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n" },
        { "one\ntwo\n", T " [ERROR] one\n" T " [ERROR] two\n" },
        { "\n", T " [ERROR] \n" },
        { "", "" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct log_lines lines;
        log_lines_init(&lines, 100, 0, T_MS);
        log_lines_add(&lines, cases[i].given, strlen(cases[i].given), "ERROR");
        char *text = finish(&lines, 1000);
        ck_assert_str_eq(text, cases[i].wanted);
        free(text);
    }
}
END_TEST

START_TEST(test_log_lines__time_of_the_line_before)
{
    static const char given[] = "first\n" "2026-01-06T11:00:00Z [INFO] own\nTraceback\n";
    struct log_lines lines;
    log_lines_init(&lines, 100, T_MS + 1, T_MS - 1000);
    log_lines_add(&lines, given, sizeof(given) - 1, "ERROR");
    char *text = finish(&lines, 1000);
    ck_assert_str_eq(text, "2026-01-06T11:00:00Z [INFO] own\n2026-01-06T11:00:00Z [ERROR] Traceback\n");
    free(text);
}
END_TEST

START_TEST(test_log_lines__tail_since_and_size)
{
    static const struct {
        int64_t tail, since_ms;
        size_t max;
        const char *wanted;
    } cases[] = {
        { 100, 0, 1000, T " [INFO] a\n2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 2, 0, 1000, "2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 1, 0, 1000, "2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, T_MS + 1000, 1000, "2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, T_MS + 1999, 1000, "2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, T_MS + 2000, 1000, "2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, T_MS + 3000, 1000, "" },
        { 100, 0, 65, "2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, 0, 60, "2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, 0, 59, "2026-01-06T10:00:02Z [INFO] c\n" },
        { 100, 0, 10, "" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        static const char given[] = T " [INFO] a\n2026-01-06T10:00:01Z [INFO] b\n2026-01-06T10:00:02Z [INFO] c\n";
        struct log_lines lines;
        log_lines_init(&lines, cases[i].tail, cases[i].since_ms, 0);
        log_lines_add(&lines, given, sizeof(given) - 1, "ERROR");
        char *text = finish(&lines, cases[i].max);
        ck_assert_msg(strcmp(text, cases[i].wanted) == 0, "case %zu: %s", i, text);
        free(text);
    }
}
END_TEST

/* Whatever comes, what is kept has an end, and it is the newest. */
START_TEST(test_log_lines__a_flood)
{
    enum { ROUNDS = 4000, WIDTH = 1500 };
    static char line[WIDTH + 2];
    struct log_lines lines;
    log_lines_init(&lines, 10000, 0, T_MS);
    memset(line, 'x', WIDTH);
    line[WIDTH] = '\n';
    for (int i = 0; i < ROUNDS; i++) {
        line[snprintf(line, 16, "%08d", i)] = 'x';
        log_lines_add(&lines, line, WIDTH + 1, "INFO");
        ck_assert_uint_le(lines.kept.len, 3 * 1024 * 1024);
    }
    char *text = finish(&lines, 1024 * 1024);
    size_t len = strlen(text);
    ck_assert_uint_gt(len, 1024 * 1024 - 2 * WIDTH);
    ck_assert_uint_le(len, 1024 * 1024);
    ck_assert(strncmp(text, T " [INFO] 0000", 32) == 0);
    snprintf(said, sizeof(said), "%08dxxx", ROUNDS - 1);
    ck_assert_ptr_nonnull(strstr(text, said));
    free(text);
    /* one line without an end, of characters that must not be cut */
    enum { PAIRS = 200000 };
    char *wide = malloc(PAIRS * 3);
    for (size_t i = 0; i < PAIRS * 3; i++)
        wide[i] = "\xe2\x82\xac"[i % 3];
    log_lines_init(&lines, 10, 0, T_MS);
    log_lines_add(&lines, wide, PAIRS * 3, "INFO");
    text = finish(&lines, 1024 * 1024);
    ck_assert_uint_le(strlen(text), LOG_LINE_MAX + 64);
    ck_assert_ptr_null(strstr(text, "\xef\xbf\xbd"));
    free(text);
    free(wide);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_docker_frames__whole_and_cut, test_docker_frames__malformed, test_log_lines__form,
                                   test_log_lines__time_of_the_line_before, test_log_lines__tail_since_and_size,
                                   test_log_lines__a_flood };
    return unit_test_run("container_logs", tests, UNIT_TEST_COUNT(tests));
}
