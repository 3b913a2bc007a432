/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-probe: executors that do not answer, each in its own way; nodes that are not heard of; use that stays high. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/probe_repo.h"
#include "lib/service/probe.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"
#include "tests/integration/jobs_stage.h"

#define HEALTHY_BODY "{\"status\":\"ok\",\"version\":\"1\",\"isolation\":\"none\",\"uptime_ms\":5,\"running\":0}"
#define ANSWER(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body
#define HEALTHY ANSWER("200 OK", HEALTHY_BODY)

enum { EXECUTORS = 3 };

static struct stage stage;
static struct container containers[EXECUTORS];
static struct fake_executor *fakes[EXECUTORS];
static struct probe *probe;
static struct probe_done done;
static char said[16384]; /* what was reported, a line an event */

static void note(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    size_t len = strlen(said);
    (void)level;
    snprintf(said + len, sizeof(said) - len, "%s %s=%s %s\n", event, id_name ? id_name : "", id ? id : "", err ? err->text : "");
}

static int times(const char *words)
{
    int count = 0;
    for (const char *at = said; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static void health(int index, const char *answer, enum fake_ending ending)
{
    fake_executor_answer_get(fakes[index], answer, strlen(answer), ending);
}

static void new_probe(void)
{
    const struct probe_config config = { .context = &stage.context, .report = note };
    struct err err = ERR_INIT;
    probe_free(probe);
    probe = probe_new(&config, &err);
    ck_assert_ptr_nonnull(probe);
}

static void set_up(void)
{
    stage_open(&stage, NULL);
    said[0] = '\0';
    for (int i = 0; i < EXECUTORS; i++) {
        struct session session;
        char path[256];
        stage_add_running(&stage, &session, &containers[i], path);
        fakes[i] = fake_executor_start(path);
        health(i, HEALTHY, FAKE_CLOSE);
    }
    new_probe();
}

static void tear_down(void)
{
    probe_free(probe);
    probe = NULL;
    for (int i = 0; i < EXECUTORS; i++)
        fake_executor_stop(fakes[i]);
    stage_close(&stage);
}

static void pass(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(probe_pass(probe, &done, &err) == 0, "%s %s", err.text, err.detail);
}

static int64_t of(int index, const char *column)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT %s FROM containers WHERE id = '%s'", column, containers[index].id);
    return stage_count(&stage, sql);
}

static void set(int index, const char *assignment)
{
    char sql[512];
    snprintf(sql, sizeof(sql), "UPDATE containers SET %s WHERE id = '%s'", assignment, containers[index].id);
    stage_sql(&stage, sql);
}

START_TEST(test_probe__who_answers_misses_nothing_and_nothing_is_written)
{
    set(1, "session_id = '', status = 'warm'");
    pass();
    ck_assert_int_eq(done.asked, 3);
    ck_assert_int_eq(done.missed, 0);
    int64_t before = stage_count(&stage, "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'COM_UPDATE_MULTI'");
    pass();
    int64_t after = stage_count(&stage, "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'COM_UPDATE_MULTI'");
    ck_assert_int_gt(before, 0); /* the stage's own */
    ck_assert_int_eq(before, after);
    ck_assert_str_eq(said, "");
}
END_TEST

/* Every way of not answering is counted and said once; the third in a row makes it suspect; an answer forgets them all. */
static const struct way {
    const char *name, *answer, *reason;
    enum fake_ending ending;
} ways[] = {
    { "hangs", "", "did not come in time", FAKE_STALL },
    { "breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"sta", "broke", FAKE_CLOSE },
    { "no HTTP", "hello\r\n\r\n", "broke", FAKE_CLOSE },
    { "garbage", ANSWER("200 OK", "[]"), "makes no sense", FAKE_CLOSE },
    { "not well", ANSWER("200 OK", "{\"status\":\"ill\",\"version\":\"1\",\"isolation\":\"\",\"uptime_ms\":5,\"running\":0}"), "makes no sense",
      FAKE_CLOSE },
    { "an error", ANSWER("500 No", ""), "HTTP 500", FAKE_CLOSE },
    { "another secret", ANSWER("401 No", ""), "does not accept its secret", FAKE_CLOSE },
    /* the last one takes as long as the first: in the long run only */
    { "half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"sta", "did not come in time", FAKE_STALL },
};

START_TEST(test_probe__three_misses_in_a_row_make_it_suspect)
{
    const struct way *way = &ways[_i];
    bool slow = way->ending == FAKE_STALL;
    if (slow)
        set(0, "misses = 2"); /* each of them takes 2 s */
    health(0, way->answer, way->ending);
    if (!slow) {
        pass();
        ck_assert_int_eq(done.missed, 1);
        ck_assert_int_eq(times("executor does not answer"), 1);
        ck_assert_msg(strstr(said, way->reason) != NULL, "%s: %s", way->name, said);
        pass();
    }
    ck_assert_int_eq(of(0, "misses"), 2);
    ck_assert_int_eq(of(0, "suspect"), 0);
    int64_t begun = clock_mono_ms();
    pass();
    ck_assert_msg(clock_mono_ms() - begun < PROBE_ANSWER_MS + 1500, "%s: it waited too long", way->name);
    ck_assert_int_eq(of(0, "suspect"), 1);
    ck_assert_int_eq(done.suspects, 1);
    ck_assert_msg(strstr(said, way->reason) != NULL, "%s: %s", way->name, said);
    ck_assert_int_eq(times("examined"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE misses > 0"), 1);
    health(0, HEALTHY, FAKE_CLOSE);
    pass();
    ck_assert_int_eq(of(0, "misses"), 0);
    ck_assert_int_eq(times("answers again"), 1);
    ck_assert_int_eq(done.suspects, 0);
}
END_TEST

START_TEST(test_probe__the_doorbell_of_provisiond_rings_and_a_warm_one_is_suspect_too)
{
    char bound[DOORBELL_ADDRESS_SIZE];
    struct err err = ERR_INIT;
    cleanup_fd int bell = doorbell_open(stage.settings->doorbell.provisiond, bound, &err);
    set(0, "misses = 2, session_id = '', status = 'warm'");
    fake_executor_stop(fakes[0]); /* nobody listens any more */
    pass();
    ck_assert_int_eq(of(0, "suspect"), 1);
    ck_assert_int_eq(doorbell_drain(bell), 1);
    char path[256];
    struct runtime_endpoint endpoint;
    runtime_endpoint(&stage.settings->runtime, containers[0].id, &endpoint);
    snprintf(path, sizeof(path), "%s", endpoint.unix_path);
    fakes[0] = fake_executor_start(path);
}
END_TEST

/* One that reports by itself, and never answered a question. */
START_TEST(test_probe__who_never_answered_is_left_alone_until_it_does)
{
    set(0, "answers = 0");
    health(0, ANSWER("404 No", ""), FAKE_CLOSE);
    for (int i = 0; i < 4; i++)
        pass();
    ck_assert_int_eq(of(0, "misses"), 0);
    ck_assert_int_eq(done.asked, 2);
    ck_assert_str_eq(said, "");
    health(0, HEALTHY, FAKE_CLOSE);
    pass();
    ck_assert_int_eq(of(0, "answers"), 1);
    health(0, ANSWER("404 No", ""), FAKE_CLOSE);
    pass();
    ck_assert_int_eq(of(0, "misses"), 1);
}
END_TEST

/* It said ready itself, so nobody asked it. */
START_TEST(test_probe__who_made_itself_ready_is_not_known_to_answer)
{
    stage_sql(&stage, "UPDATE containers SET status = 'creating', answers = 0");
    bool changed = false;
    struct err err = ERR_INIT;
    ck_assert_int_eq(container_repo_ready(stage.context.db, containers[0].id, NULL, &changed, &err), 0);
    ck_assert_int_eq(of(0, "answers"), 0);
    set(1, "claimed_by = 'x'");
    ck_assert_int_eq(container_repo_ready(stage.context.db, containers[1].id, "x", &changed, &err), 0);
    ck_assert_int_eq(of(1, "answers"), 1);
}
END_TEST

START_TEST(test_probe__a_node_whose_executors_all_miss_is_suspicious_itself)
{
    for (int i = 0; i < EXECUTORS; i++)
        health(i, ANSWER("500 No", ""), FAKE_CLOSE);
    for (int i = 0; i < PROBE_MISSES_OF_NODE - 1; i++)
        pass();
    ck_assert_int_eq(times("the node is suspicious"), 1);
    ck_assert_int_eq(times("container_id"), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE suspect = 1"), 0);
    pass(); /* patience ends */
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE suspect = 1"), EXECUTORS);
    for (int i = 0; i < EXECUTORS; i++)
        health(i, HEALTHY, FAKE_CLOSE);
    pass();
    ck_assert_int_eq(times("of the node answer again"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT SUM(misses) FROM containers"), 0);
}
END_TEST

/* One that an operator added: its rooms are elsewhere. */
START_TEST(test_probe__nodes_that_the_host_serves)
{
    const struct node far = { .id = "far", .engine = (char *)"unix:///nonexistent.sock" };
    struct runtime_endpoint endpoint;
    struct err err = ERR_INIT;
    char command[512];
    stage_sql(&stage, "INSERT INTO nodes (id, runtime_type, status, isolation, isolation_weaker, cpu_milli, memory_mb, max_containers, last_seen_at,"
                      " engine, host) VALUES ('far', 'docker', 'ready', '', 0, 1, 1, 1, UTC_TIMESTAMP(3), 'unix:///nonexistent.sock', 'stage'),"
                      " ('others', 'docker', 'ready', '', 0, 1, 1, 1, UTC_TIMESTAMP(3), 'unix:///nonexistent.sock', 'somebody')");
    set(0, "node_id = 'far'");
    set(1, "node_id = 'others'");
    struct settings *served = served_settings_new(stage.settings, &far, &err);
    ck_assert_ptr_nonnull(served);
    runtime_endpoint(&served->runtime, containers[0].id, &endpoint);
    snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", endpoint.unix_path);
    ck_assert_int_eq(system(command), 0);
    pass();
    ck_assert_int_eq(done.asked, 2);
    ck_assert_int_eq(of(0, "misses"), 1);
    ck_assert_int_eq(of(1, "misses"), 0); /* that is another host's */
    struct fake_executor *there = fake_executor_start(endpoint.unix_path);
    fake_executor_answer_get(there, HEALTHY, strlen(HEALTHY), FAKE_CLOSE);
    pass();
    ck_assert_int_eq(of(0, "misses"), 0);
    fake_executor_stop(there);
    free(served);
}
END_TEST

/* Two at once, on hosts that serve the same node for a moment: a miss is one. */
START_TEST(test_probe__a_miss_that_somebody_else_counted_is_not_counted_again)
{
    struct probe_list list = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(probe_repo_list(stage.context.db, "stage", &list, &err), 0);
    ck_assert_uint_eq(list.count, EXECUTORS);
    for (size_t i = 0; i < list.count; i++) {
        list.items[i].misses_now = 1;
        list.items[i].dirty = true;
    }
    set(0, "misses = 1");
    set(1, "status = 'deleting'");
    ck_assert_int_eq(probe_repo_store(stage.context.db, &list, &err), 0);
    ck_assert_int_eq(of(0, "misses"), 1);
    ck_assert_int_eq(of(1, "misses"), 0);
    ck_assert_int_eq(of(2, "misses"), 1);
    ck_assert(!list.items[0].stored && !list.items[1].stored && list.items[2].stored);
    probe_list_release(&list);
}
END_TEST

START_TEST(test_probe__silent_nodes_become_offline_by_the_databases_clock)
{
    stage_sql(&stage, "INSERT INTO nodes (id, runtime_type, status, isolation, isolation_weaker, cpu_milli, memory_mb, max_containers, last_seen_at)"
                      " SELECT n, 'process', s, '', 0, 1, 1, 1, UTC_TIMESTAMP(3) - INTERVAL a SECOND FROM"
                      " (SELECT 'fresh' n, 'ready' s, 10 a UNION SELECT 'gone', 'ready', 20 UNION SELECT 'drained', 'draining', 20) t");
    pass();
    ck_assert_int_eq(done.offline, 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM nodes WHERE id = 'gone' AND status = 'offline' AND error LIKE 'not heard of for 2_ s'"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM nodes WHERE (id = 'fresh' AND status = 'ready')"
                                         " OR (id = 'drained' AND status = 'draining')"), 2);
    ck_assert_int_eq(times("node_id=gone"), 1);
    pass();
    ck_assert_int_eq(done.offline, 0);
}
END_TEST

START_TEST(test_probe__high_use_is_said_once_when_it_lasts_and_once_when_it_ends)
{
    set(0, "cpu_used_milli = cpu_milli * 0.85, memory_used_mb = 1, measured_at = UTC_TIMESTAMP(3)");
    set(1, "cpu_used_milli = 1, memory_used_mb = memory_mb * 0.85, measured_at = UTC_TIMESTAMP(3)");
    set(2, "cpu_used_milli = cpu_milli * 0.75, memory_used_mb = memory_mb * 0.75, measured_at = UTC_TIMESTAMP(3)");
    pass();
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE busy_since IS NOT NULL"), 2);
    ck_assert_str_eq(said, "");
    stage_sql(&stage, "UPDATE containers SET busy_since = busy_since - INTERVAL 61 SECOND");
    pass();
    ck_assert_int_eq(times("more than 80 %"), 2);
    new_probe(); /* it does not only remember it */
    pass();
    ck_assert_int_eq(times("more than 80 %"), 2);
    set(0, "cpu_used_milli = 10");
    pass();
    ck_assert_int_eq(times("uses less again"), 1);
    ck_assert_int_eq(of(0, "busy_since IS NULL AND busy_noted = 0"), 1);
    set(1, "measured_at = measured_at - INTERVAL 1 MINUTE"); /* what nobody measures is not known to be high */
    pass();
    ck_assert_int_eq(times("uses less again"), 2);
}
END_TEST

START_TEST(test_probe__as_a_program)
{
    char command[512];
    health(1, ANSWER("500 No", ""), FAKE_CLOSE);
    snprintf(command, sizeof(command), "\"$SANDBOX_BUILD\"/jobs/sandbox-probe --config %s --once 2>%s/log && grep -q '\"asked\":3' %s/log",
             stage.config, stage.directory, stage.directory);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(of(1, "misses"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM jobs WHERE name = 'probe'"), 1);
    pid_t pid = stage_start(&stage, "probe");
    stage_await_count(&stage, "SELECT COUNT(*) FROM containers WHERE misses = 2", 1);
    ck_assert_int_eq(WEXITSTATUS(stage_stop(pid, SIGTERM)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("probe");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_probe__who_answers_misses_nothing_and_nothing_is_written);
    tcase_add_loop_test(tcase, test_probe__three_misses_in_a_row_make_it_suspect, 0, sizeof(ways) / sizeof(ways[0]) - !getenv("SANDBOX_LONG"));
    tcase_add_test(tcase, test_probe__the_doorbell_of_provisiond_rings_and_a_warm_one_is_suspect_too);
    tcase_add_test(tcase, test_probe__who_never_answered_is_left_alone_until_it_does);
    tcase_add_test(tcase, test_probe__who_made_itself_ready_is_not_known_to_answer);
    tcase_add_test(tcase, test_probe__a_node_whose_executors_all_miss_is_suspicious_itself);
    tcase_add_test(tcase, test_probe__nodes_that_the_host_serves);
    tcase_add_test(tcase, test_probe__a_miss_that_somebody_else_counted_is_not_counted_again);
    tcase_add_test(tcase, test_probe__silent_nodes_become_offline_by_the_databases_clock);
    tcase_add_test(tcase, test_probe__high_use_is_said_once_when_it_lasts_and_once_when_it_ends);
    tcase_add_test(tcase, test_probe__as_a_program);
    suite_add_tcase(suite, tcase);
    return stage_main(srunner_create(suite));
}
