/* SPDX-License-Identifier: Apache-2.0 */
/* What every driver must tell of a container: its log, and what it uses. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/clock.h"
#include "tests/integration/runtime_stage.h"

static struct stage stage;

static void open_stage(void)
{
    stage_open(&stage, stage_kind);
}

static void close_stage(void)
{
    stage_close(&stage);
}

static char *read_logs(const char *id, int64_t tail, int64_t since_ms)
{
    struct err err = ERR_INIT;
    struct strbuf out = STRBUF_INIT(2 * RUNTIME_LOGS_MAX);
    int status = runtime_logs(stage.runtime, id, tail, since_ms, &out, &err);
    ck_assert_msg(status == 0, "%s: %s", err.text, err.detail);
    char *text = strdup(strbuf_str(&out));
    strbuf_release(&out);
    return text;
}

/* The engine may write it down a moment later. */
static void await_log(const char *id, int64_t since_ms, const char *wanted)
{
    for (int64_t end = clock_mono_ms() + 10000;; poll(NULL, 0, 20)) {
        cleanup_free char *text = read_logs(id, 10000, since_ms);
        if (strstr(text, wanted))
            return;
        ck_assert_msg(clock_mono_ms() < end, "\"%s\" is not in:\n%s", wanted, text);
    }
}

START_TEST(test_runtime__logs)
{
    struct err err = ERR_INIT;
    cleanup_strbuf struct strbuf out = STRBUF_INIT(1000);
    int64_t begun = clock_wall_ms();
    ck_assert_int_eq(runtime_logs(stage.runtime, stage.ids[0], 10, 0, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONTAINER_NOT_FOUND);
    stage_create(&stage, stage.ids[0]);
    await_log(stage.ids[0], begun, "Z [ERROR] shell_executor listens\n");
    stage_run(&stage, stage.ids[0], "log", "2026-01-06T10:00:00Z [INFO] one a=b\n2026-01-06T10:00:01Z [WARN] tw\xc3\xb6 \x1b[2J \xff\n");
    await_log(stage.ids[0], 0, "\n2026-01-06T10:00:00Z [INFO] one a=b\n2026-01-06T10:00:01Z [WARN] tw\xc3\xb6 \\x1b[2J \xef\xbf\xbd\n");
    char *text = read_logs(stage.ids[0], 2, 0);
    ck_assert_msg(strncmp(text, "2026-01-06T10:00:00Z [INFO] one", 31) == 0, "%s", text);
    free(text);
    text = read_logs(stage.ids[0], 1, 0);
    ck_assert_msg(strncmp(text, "2026-01-06T10:00:01Z [WARN] tw", 30) == 0, "%s", text);
    free(text);
    text = read_logs(stage.ids[0], 100, clock_wall_ms() + 3600000);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

START_TEST(test_runtime__logs_of_a_talkative_one)
{
    enum { ROUNDS = 400, WIDTH = 8000 };
    static char line[WIDTH + 1];
    stage_create(&stage, stage.ids[0]);
    memset(line, 'x', WIDTH - 1);
    line[WIDTH - 1] = '\n';
    for (int i = 0; i < ROUNDS; i++) {
        line[snprintf(line, 8, "%05d", i)] = 'x';
        stage_run(&stage, stage.ids[0], "log", line);
    }
    await_log(stage.ids[0], 0, "Z [ERROR] 00399xxx");
    char *text = read_logs(stage.ids[0], 10000, 0);
    size_t len = strlen(text);
    ck_assert_uint_le(len, RUNTIME_LOGS_MAX);
    ck_assert_uint_gt(len, RUNTIME_LOGS_MAX / 2);
    ck_assert_ptr_nonnull(strstr(text + len - WIDTH - 40, "00399xxx"));
    ck_assert(strncmp(text + 20, " [ERROR] 00", 11) == 0);
    free(text);
}
END_TEST

START_TEST(test_runtime__usage)
{
    struct err err = ERR_INIT;
    struct runtime_usage usage;
    ck_assert_int_eq(runtime_usage(stage.runtime, stage.ids[0], &usage, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONTAINER_NOT_FOUND);
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "user", "python3 -c 'import time\nwhile time.process_time() < 0.4: pass'");
    ck_assert_int_eq(runtime_usage(stage.runtime, stage.ids[0], &usage, &err), 0);
    ck_assert(usage.measured);
    ck_assert_int_ge(usage.cpu_time_ms, 350);
    ck_assert_int_le(usage.cpu_time_ms, 30000);
    ck_assert_int_gt(usage.memory_mb, 0);
    ck_assert_int_le(usage.memory_mb, 256);
    stage_run(&stage, stage.ids[0], "exit", "");
    while (stage_state(&stage, stage.ids[0]) == RUNTIME_RUNNING)
        poll(NULL, 0, 5);
    ck_assert_int_eq(runtime_usage(stage.runtime, stage.ids[0], &usage, &err), 0);
    ck_assert(!usage.measured);
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

void stage_add_looks(TCase *cases)
{
    tcase_add_checked_fixture(cases, open_stage, close_stage);
    tcase_set_timeout(cases, 180);
    tcase_add_test(cases, test_runtime__logs);
    tcase_add_test(cases, test_runtime__logs_of_a_talkative_one);
    tcase_add_test(cases, test_runtime__usage);
}
