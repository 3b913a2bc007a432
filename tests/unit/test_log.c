/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, for programs and for people, and how long a log file gets. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/log.h"
#include "lib/util/log_file.h"
#include "tests/unit/unit_test.h"

static char text[65536];
static int file = -1;

/* Standard error becomes a file of our own: each test runs in a process of its own. */
static void open_file(void)
{
    char path[] = "/tmp/sandbox-test-log-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    file = open(path, O_RDWR | O_APPEND);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    unlink(path);
    close(fd);
}

static const char *read_file(void)
{
    ssize_t got = pread(file, text, sizeof(text) - 1, 0);
    ck_assert_int_ge(got, 0);
    text[got] = '\0';
    return text;
}

START_TEST(test_log__plain_lines)
{
    static const struct {
        enum log_level level;
        const char *event, *value, *wanted; /* behind the time */
    } cases[] = {
        { LOG_LEVEL_INFO, "sandbox-executor starting", "1.0", " [INFO] sandbox-executor starting name=1.0 number=-5\n" },
        { LOG_LEVEL_WARN, "a", "two words", " [WARN] a name=\"two words\" number=-5\n" },
        { LOG_LEVEL_ERROR, "a", "", " [ERROR] a number=-5\n" },
        { LOG_LEVEL_INFO, "a", "x\n2026-01-06T10:00:00Z [INFO] forged", " [INFO] a name=\"x\\x0a2026-01-06T10:00:00Z [INFO] forged\" number=-5\n" },
        { LOG_LEVEL_INFO, "a", "\033[2J\r\t\177", " [INFO] a name=\"\\x1b[2J\\x0d\\x09\\x7f\" number=-5\n" },
        { LOG_LEVEL_INFO, "a", "\" level=\"\\", " [INFO] a name=\"\\\" level=\\\"\\\\\" number=-5\n" },
        { LOG_LEVEL_INFO, "a", "b=c", " [INFO] a name=\"b=c\" number=-5\n" },
        { LOG_LEVEL_INFO, "a", "\xc3\xa9\x9b", " [INFO] a name=\"\\xc3\\xa9\\x9b\" number=-5\n" },
        { LOG_LEVEL_INFO, "two\nlines", "v", " [INFO] two\\x0alines name=v number=-5\n" },
    };
    open_file();
    log_setup_plain(0);
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        int64_t ms = 0;
        ck_assert_int_eq(ftruncate(file, 0), 0);
        log_event(cases[i].level, cases[i].event, LOG_STR("name", cases[i].value), LOG_INT("number", -5));
        read_file();
        size_t time = clock_parse_prefix(text, strlen(text), &ms);
        ck_assert_uint_eq(time, 20);
        ck_assert_str_eq(text + time, cases[i].wanted);
        ck_assert_int_le(clock_wall_ms() - ms, 60000);
    }
}
END_TEST

START_TEST(test_log__json_stays_the_default)
{
    open_file();
    log_event(LOG_LEVEL_INFO, "an event", LOG_STR("name", "a \"b\"\n"));
    log_event(LOG_LEVEL_DEBUG, "not said");
    ck_assert_ptr_nonnull(strstr(read_file(), ",\"event\":\"an event\",\"name\":\"a \\\"b\\\"\\u000a\"}\n"));
    ck_assert_ptr_null(strstr(text, "not said"));
    ck_assert(strncmp(text, "{\"time\":\"", 9) == 0);
}
END_TEST

START_TEST(test_log__a_file_has_an_end)
{
    enum { MAX = 4096, ROUNDS = 1000 };
    open_file();
    log_setup_plain(MAX);
    for (int i = 0; i < ROUNDS; i++) {
        struct stat found;
        log_event(LOG_LEVEL_INFO, "round", LOG_INT("i", i));
        ck_assert_int_eq(fstat(file, &found), 0);
        ck_assert_int_le(found.st_size, MAX);
    }
    /* whole lines, the newest, without a gap */
    int expected = ROUNDS, first = -1;
    for (char *line = strtok((char *)read_file(), "\n"); line; line = strtok(NULL, "\n")) {
        int number = -1;
        const char *at = strstr(line, " [INFO] round i=");
        ck_assert_msg(at && sscanf(at, " [INFO] round i=%d", &number) == 1, "%s", line);
        ck_assert(first < 0 || number == expected);
        first = first < 0 ? number : first;
        expected = number + 1;
    }
    ck_assert_int_eq(expected, ROUNDS);
    ck_assert_int_lt(first, ROUNDS - 5);
}
END_TEST

START_TEST(test_log__what_is_no_file_is_left_alone)
{
    int ends[2];
    struct stat found;
    open_file();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "abc", 3), 3);
    log_file_bound(ends[1], 1);
    ck_assert_int_eq(read(ends[0], text, 3), 3);
    log_file_bound(-1, 1);
    /* without a line's end, or unreadable: nothing can be kept */
    ck_assert_int_eq(write(file, "0123456789", 10), 10);
    log_file_bound(file, 8);
    ck_assert_int_eq(fstat(file, &found), 0);
    ck_assert_int_eq(found.st_size, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_log__plain_lines, test_log__json_stays_the_default, test_log__a_file_has_an_end,
                                   test_log__what_is_no_file_is_left_alone };
    return unit_test_run("log", tests, UNIT_TEST_COUNT(tests));
}
