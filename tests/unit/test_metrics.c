/* SPDX-License-Identifier: Apache-2.0 */
/* Shared counters: many processes, strange files, the text. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/util/metrics.h"
#include "tests/unit/unit_test.h"

enum { HITS, WAITS, COLOURS };

static size_t two(void)
{
    return 2;
}

static size_t three(void)
{
    return 3;
}

static void label_colour(size_t index, struct strbuf *out)
{
    static const char *const names[] = { "red", "a \"b\"\\\nc", "blue" };
    metrics_add_label(out, "colour", names[index]);
    if (index == 0)
        metrics_add_label(out, "warm", "yes");
}

static void label_size(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "size", index ? "big" : "small");
}

static const int64_t bounds[] = { 1000, 2500000, 0 };
static const int64_t other_bounds[] = { 1000, 2600000, 0 };
static const struct metric metric_list[] = {
    [HITS] = { .name = "t_hits_total", .help = "Hits,\nwith \\ and \"." },
    [WAITS] = { .name = "t_wait_seconds", .help = "Waits.", .bounds_us = bounds, .axes = { { two, label_size } } },
    [COLOURS] = { .name = "t_colours_total", .help = "Colours.", .sparse = true,
                  .axes = { { three, label_colour }, { two, label_size } } },
};
static const struct metrics_table table = { metric_list, 3 };
static char directory[64];
static struct err err;

static void setup(void)
{
    strcpy(directory, "/tmp/test_metrics.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    err = ERR_INIT;
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static struct metrics *open_counters(void)
{
    struct metrics *metrics = metrics_open(directory, "file", &table, &err);
    ck_assert_msg(metrics != NULL, "%s", err.detail);
    return metrics;
}

static struct metrics_values *read_values(int expected)
{
    struct metrics_values *values = metrics_values_new(&table, &err);
    ck_assert_ptr_nonnull(values);
    ck_assert_int_eq(metrics_values_add(values, directory, "file", NULL), expected);
    return values;
}

static uint64_t value(size_t metric, size_t a, size_t b)
{
    struct metrics_values *values = read_values(0);
    uint64_t found = metrics_values_get(values, metric, a, b);
    metrics_values_free(values);
    return found;
}

enum { PROCESSES = 4, THREADS = 4, ROUNDS = 20000 };

static void *count_much(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        metrics_add(arg, HITS, 0, 0, 1);
        metrics_observe(arg, WAITS, 1, 0, i % 2 ? 10 : 5000);
    }
    return NULL;
}

START_TEST(test_metrics__processes_and_threads_add_up_exactly)
{
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct metrics *metrics = metrics_open(directory, "file", &table, &err); /* all at once: one file, all the same */
        pthread_t threads[THREADS];
        for (int t = 0; metrics && t < THREADS; t++)
            pthread_create(&threads[t], NULL, count_much, metrics);
        for (int t = 0; metrics && t < THREADS; t++)
            pthread_join(threads[t], NULL);
        _exit(metrics ? 0 : 1);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(value(HITS, 0, 0), PROCESSES * THREADS * ROUNDS);
    ck_assert_uint_eq(value(WAITS, 1, 0), PROCESSES * THREADS * ROUNDS);
    ck_assert_uint_eq(value(WAITS, 0, 0), 0);
}
END_TEST

START_TEST(test_metrics__counts_outlive_the_process)
{
    struct metrics *metrics = open_counters();
    metrics_add(metrics, COLOURS, 2, 1, 7);
    metrics_close(metrics);
    metrics = open_counters();
    metrics_add(metrics, COLOURS, 2, 1, 1);
    ck_assert_uint_eq(value(COLOURS, 2, 1), 8);
    metrics_close(metrics);
}
END_TEST

START_TEST(test_metrics__what_is_not_in_the_table_is_not_counted)
{
    struct metrics *metrics = open_counters();
    metrics_add(metrics, 3, 0, 0, 1);
    metrics_add(metrics, HITS, 1, 0, 1);
    metrics_add(metrics, HITS, 0, 1, 1);
    metrics_add(metrics, COLOURS, 3, 0, 1);
    metrics_add(metrics, COLOURS, 0, (size_t)-1, 1);
    metrics_observe(metrics, HITS, 0, 0, 1); /* no histogram */
    metrics_add(NULL, HITS, 0, 0, 1);
    metrics_observe(NULL, WAITS, 0, 0, 1);
    struct metrics_values *values = read_values(0);
    cleanup_strbuf struct strbuf text = STRBUF_INIT(65536), zero = STRBUF_INIT(65536);
    metrics_values_text(values, &text);
    struct metrics_values *nothing = metrics_values_new(&table, &err);
    metrics_values_text(nothing, &zero);
    metrics_values_free(nothing);
    ck_assert_str_eq(strbuf_str(&text), strbuf_str(&zero));
    ck_assert_uint_eq(metrics_values_get(values, COLOURS, 3, 0), 0);
    metrics_values_free(values);
    metrics_close(metrics);
}
END_TEST

START_TEST(test_metrics__text)
{
    struct metrics *metrics = open_counters();
    metrics_add(metrics, HITS, 0, 0, 3);
    metrics_observe(metrics, WAITS, 0, 0, 1000);    /* on the bound: within it */
    metrics_observe(metrics, WAITS, 0, 0, 1001);
    metrics_observe(metrics, WAITS, 0, 0, 2500001);
    metrics_observe(metrics, WAITS, 0, 0, -5);      /* a clock was set back */
    metrics_add(metrics, COLOURS, 0, 1, 1);
    metrics_add(metrics, COLOURS, 1, 0, UINT64_MAX);
    struct metrics_values *values = read_values(0);
    cleanup_strbuf struct strbuf text = STRBUF_INIT(65536);
    metrics_values_text(values, &text);
    ck_assert_str_eq(strbuf_str(&text),
                     "# HELP t_hits_total Hits,\\nwith \\\\ and \".\n"
                     "# TYPE t_hits_total counter\n"
                     "t_hits_total 3\n"
                     "# HELP t_wait_seconds Waits.\n"
                     "# TYPE t_wait_seconds histogram\n"
                     "t_wait_seconds_bucket{size=\"small\",le=\"0.001\"} 2\n"
                     "t_wait_seconds_bucket{size=\"small\",le=\"2.5\"} 3\n"
                     "t_wait_seconds_bucket{size=\"small\",le=\"+Inf\"} 4\n"
                     "t_wait_seconds_sum{size=\"small\"} 2.502002\n"
                     "t_wait_seconds_count{size=\"small\"} 4\n"
                     "t_wait_seconds_bucket{size=\"big\",le=\"0.001\"} 0\n"
                     "t_wait_seconds_bucket{size=\"big\",le=\"2.5\"} 0\n"
                     "t_wait_seconds_bucket{size=\"big\",le=\"+Inf\"} 0\n"
                     "t_wait_seconds_sum{size=\"big\"} 0.000000\n"
                     "t_wait_seconds_count{size=\"big\"} 0\n"
                     "# HELP t_colours_total Colours.\n"
                     "# TYPE t_colours_total counter\n"
                     "t_colours_total{colour=\"red\",warm=\"yes\",size=\"big\"} 1\n"
                     "t_colours_total{colour=\"a \\\"b\\\"\\\\\\nc\",size=\"small\"} 18446744073709551615\n");
    metrics_values_free(values);
    metrics_close(metrics);
}
END_TEST

START_TEST(test_metrics__samples)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(4096);
    metrics_add_sample(&text, "g", "", 0.25);
    metrics_add_sample(&text, "g", "a=\"1\"", 17179869184.0);
    ck_assert_str_eq(strbuf_str(&text), "g 0.25\ng{a=\"1\"} 17179869184\n");
}
END_TEST

/* Another build's table: a bucket, or a label, means something else. */
START_TEST(test_metrics__foreign_layout_is_replaced)
{
    struct metric changed[3];
    const struct metrics_table other = { changed, 3 };
    memcpy(changed, metric_list, sizeof(changed));
    changed[WAITS].bounds_us = other_bounds;
    struct metrics *old = open_counters();
    metrics_add(old, HITS, 0, 0, 5);
    struct metrics *metrics = metrics_open(directory, "file", &other, &err);
    ck_assert_ptr_nonnull(metrics);
    metrics_add(old, HITS, 0, 0, 1); /* whoever has the old one goes on with it, harming nobody */
    metrics_add(metrics, HITS, 0, 0, 2);
    metrics_values_free(read_values(-1));
    struct metrics_values *values = metrics_values_new(&other, &err);
    int64_t started_ms = 0;
    ck_assert_int_eq(metrics_values_add(values, directory, "file", &started_ms), 0);
    ck_assert_uint_eq(metrics_values_get(values, HITS, 0, 0), 2);
    ck_assert_int_gt(started_ms, 1600000000000);
    metrics_values_free(values);
    metrics_close(old);
    metrics_close(metrics);
}
END_TEST

static void write_file(const char *content, size_t len)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/file", directory);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, len), (ssize_t)len);
    close(fd);
}

/* Read: nothing. Opened to count in: replaced. Neither: a crash. */
START_TEST(test_metrics__strange_files)
{
    static char garbage[100000];
    memset(garbage, 0x5a, sizeof(garbage));
    struct metrics *metrics = open_counters();
    struct stat info;
    char path[128], fifo[128];
    snprintf(path, sizeof(path), "%s/file", directory);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0644);
    const size_t lengths[] = { 0, 1, 63, 64, (size_t)info.st_size - 1, (size_t)info.st_size, sizeof(garbage) };
    metrics_close(metrics);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        write_file(garbage, lengths[i]);
        metrics_values_free(read_values(-1));
        metrics = open_counters();
        metrics_add(metrics, HITS, 0, 0, 1);
        ck_assert_uint_eq(value(HITS, 0, 0), 1);
        metrics_close(metrics);
    }
    ck_assert_int_eq(truncate(path, info.st_size - 8), 0);
    metrics_values_free(read_values(-1));
    unlink(path);
    snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    ck_assert_int_eq(mkfifo(fifo, 0644), 0);
    ck_assert_int_eq(symlink(fifo, path), 0);
    metrics_values_free(read_values(-1)); /* does not wait for a writer */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rename(fifo, path), 0);
    metrics_values_free(read_values(-1));
    metrics = open_counters();
    ck_assert_uint_eq(value(HITS, 0, 0), 0);
    metrics_close(metrics);
}
END_TEST

START_TEST(test_metrics__values_of_several_files_are_summed)
{
    struct metrics *a = open_counters(), *b = metrics_open(directory, "second", &table, &err);
    metrics_add(a, HITS, 0, 0, 2);
    metrics_add(b, HITS, 0, 0, 3);
    struct metrics_values *values = read_values(0);
    ck_assert_int_eq(metrics_values_add(values, directory, "second", NULL), 0);
    ck_assert_int_eq(metrics_values_add(values, directory, "third", NULL), -1);
    ck_assert_uint_eq(metrics_values_get(values, HITS, 0, 0), 5);
    metrics_values_free(values);
    metrics_close(a);
    metrics_close(b);
}
END_TEST

START_TEST(test_metrics__a_place_that_cannot_be_made_is_an_error)
{
    ck_assert_ptr_null(metrics_open("/proc/nowhere/deep", "file", &table, &err));
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    ck_assert_ptr_nonnull(strstr(err.detail, "/proc/nowhere/deep"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_metrics__processes_and_threads_add_up_exactly,
        test_metrics__counts_outlive_the_process,
        test_metrics__what_is_not_in_the_table_is_not_counted,
        test_metrics__text,
        test_metrics__samples,
        test_metrics__foreign_layout_is_replaced,
        test_metrics__strange_files,
        test_metrics__values_of_several_files_are_summed,
        test_metrics__a_place_that_cannot_be_made_is_an_error,
    };
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    for (size_t i = 0; i < UNIT_TEST_COUNT(tests); i++)
        tcase_add_test(tcase, tests[i]);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
