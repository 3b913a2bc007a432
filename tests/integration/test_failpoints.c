/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 of each job, and of a web worker, at each of its failure points. Whatever was accepted ends; nothing runs twice unless its row says
 * so; engine and rows agree; everything works on without a hand. A point that is in no table of this file fails the last test. */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/failpoint.h"
#include "tests/fakes/receiver.h"
#include "tests/integration/fault_scene.h"

enum { EXIT_SKIPPED = 77, NAME_SIZE = 64 };

static const char *const create_points[] = { "create.before-commit", "create.committed", "create.rung" };
static const char *const execute_points[] = { "execute.before-commit", "execute.committed", "execute.rung" };
static const char *const end_points[] = { "end.before-commit", "end.committed", "end.rung" };
static const char *const making_points[] = {
    "provision.claimed", "provision.engine", "provision.created", "provision.healthy", "provision.before-commit", "provision.opened", "provision.rung",
};
static const char *const removing_points[] = { "remove.claimed", "remove.engine", "remove.destroyed", "remove.recorded" };
static const char *const replacing_points[] = { "replace.before-commit", "replace.committed" };
static const char *const dispatch_points[] = {
    "dispatch.claimed", "dispatch.sent", "dispatch.output", "dispatch.answered", "dispatch.before-commit", "dispatch.stored", "dispatch.rung",
    "dispatch.acknowledged", "push.sent", "push.recorded", "push.synced", "pull.written", "pull.flushed", "pull.recorded",
};
static const char *const pool_points[] = { "pool.before-commit", "pool.ordered", "pool.discarded" };
static const char *const reap_points[] = { "reap.rows", "reap.found" };
static const char *const purge_points[] = { "purge.claimed", "purge.rows-gone", "purge.objects-gone", "purge.garbage-gone" };

static const char *const old_row_points[] = { "purge.executions-gone", "purge.sessions-gone", "purge.containers-gone" };
static const char *const probe_points[] = { "probe.asked", "probe.stored" };
static const char *const webhook_points[] = { "webhook.claimed", "webhook.answered", "webhook.recorded" };

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

START_TEST(test_failpoints__a_web_worker)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE];
    for (int i = 0; i < 3; i++) {
        client_creates_dying(create_points[i], i > 0);
        marking(0, 0, code);
        client_executes_dying(execute_points[i], i > 0, code, id);
        expect_once(id);
        expect_marks("0 ");
        client_ends_dying(end_points[i]);
        await_gone();
    }
}
END_TEST

START_TEST(test_failpoints__provisiond_makes)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE];
    for (int i = 0; i < COUNT(making_points); i++) {
        victim_arm("provisiond", making_points[i]);
        client_creates(300);
        marking(0, 0, code);
        client_executes(code, id);
        await_running();
        victim_has_died();
        expect_once(id);
        expect_marks("0 ");
        client_ends();
    }
}
END_TEST

START_TEST(test_failpoints__provisiond_removes)
{
    for (int i = 0; i < COUNT(removing_points); i++) {
        client_creates(300);
        await_running();
        victim_arm("provisiond", removing_points[i]);
        client_ends();
        await_gone();
        victim_has_died();
    }
}
END_TEST

/* Its executor dies as well: the execution that finds that out is tried again, in another container, with the files of the first. */
START_TEST(test_failpoints__provisiond_replaces)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE], command[256];
    for (int i = 0; i < COUNT(replacing_points); i++) {
        client_creates(300);
        await_running();
        marking(0, 0, code);
        client_executes(code, id);
        expect_once(id);
        victim_arm("provisiond", replacing_points[i]);
        snprintf(command, sizeof(command), "for f in %s/*/pid; do p=$(cut -d' ' -f1 $f); kill -9 $p $(cat /proc/$p/task/$p/children); done", stage.directory);
        (void)!system(command);
        marking(1, 0, code);
        client_executes(code, id);
        struct execution execution = await_completed(id);
        ck_assert_int_le(execution.attempts, 3);
        execution_release(&execution);
        victim_has_died();
        expect_marks("0 1 ");
        client_ends();
        await_gone();
    }
}
END_TEST

START_TEST(test_failpoints__dispatchd)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE], marks[MARKING_SIZE] = "";
    client_creates(300);
    await_running();
    for (int i = 0; i < COUNT(dispatch_points); i++) {
        client_uploads("given", dispatch_points[i]);
        marking(i, 0, code);
        victim_arm("dispatchd", dispatch_points[i]);
        client_executes(code, id);
        expect_once(id);
        victim_has_died();
        snprintf(marks + strlen(marks), sizeof(marks) - strlen(marks), "%d ", i);
    }
    expect_marks(marks);
    await_count(1, "SELECT COUNT(*) FROM workspace_files WHERE path = 'given' AND pending = 0 AND deleted = 0");
    await_count(1, "SELECT COUNT(*) FROM workspace_files WHERE path = 'marks' AND pending = 0 AND deleted = 0");
    client_ends();
}
END_TEST

START_TEST(test_failpoints__pool)
{
    for (int i = 0; i < COUNT(pool_points); i++) {
        bool filling = strcmp(pool_points[i], "pool.discarded") != 0;
        if (!filling)
            await_count(1, "SELECT COUNT(*) FROM containers WHERE status = 'warm'");
        stage_sql(&stage, filling ? "UPDATE templates SET pool_target = 1 WHERE id = 'python-basic'" : "UPDATE templates SET pool_target = 0");
        victim_arm("pool", pool_points[i]);
        victim_has_died();
        await_count(filling, "SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'warm')");
        if (i == 0) { /* once more from nothing */
            stage_sql(&stage, "UPDATE templates SET pool_target = 0");
            await_count(0, "SELECT COUNT(*) FROM containers WHERE status <> 'deleted'");
        }
    }
    await_count(0, "SELECT COUNT(*) FROM containers WHERE status <> 'deleted'");
}
END_TEST

START_TEST(test_failpoints__reap)
{
    char id[EXECUTION_ID_SIZE];
    for (int i = 0; i < COUNT(reap_points); i++) {
        client_creates(300);
        await_running();
        client_executes("import time\ntime.sleep(20)", id);
        stage_sql(&stage, "UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) WHERE status = 'running'");
        victim_arm("reap", reap_points[i]);
        victim_has_died();
        await_gone();
        await_count(i + 1, "SELECT COUNT(*) FROM executions WHERE status = 'failed' AND error_kind = 'session_timeout'");
    }
}
END_TEST

/* Files of the session in the storage's directory. */
static void check_objects(int expected)
{
    char command[300];
    snprintf(command, sizeof(command), "test $(find %s/sessions/%s -type f 2>/dev/null | wc -l) -eq %d", stage.settings->storage.directory,
             session.id, expected);
    ck_assert_msg(system(command) == 0, "%s", command);
}

START_TEST(test_failpoints__purge)
{
    for (int i = 0; i < COUNT(purge_points); i++) {
        client_creates(300);
        client_uploads("a", "first");
        client_uploads("a", "second"); /* leaves garbage */
        client_uploads("b", "third");
        check_objects(3);
        client_ends();
        await_gone();
        stage_sql(&stage, "UPDATE sessions SET ended_at = ended_at - INTERVAL 40 DAY WHERE purged_at IS NULL");
        if (strcmp(purge_points[i], "purge.garbage-gone") == 0)
            stage_sql(&stage, "UPDATE sessions SET purge_due_at = UTC_TIMESTAMP(3) + INTERVAL 1 DAY WHERE purged_at IS NULL; UPDATE storage_garbage SET due_at = UTC_TIMESTAMP(3)");
        victim_arm("purge", purge_points[i]);
        victim_has_died();
        /* another pass, when the claims are over */
        scene_stop("purge");
        stage_sql(&stage, "UPDATE sessions SET purge_due_at = NULL; UPDATE storage_garbage SET due_at = UTC_TIMESTAMP(3)");
        scene_go_on("purge");
        await_count(0, "SELECT (SELECT COUNT(*) FROM sessions WHERE purged_at IS NULL AND ended_at IS NOT NULL)"
                       " + (SELECT COUNT(*) FROM storage_garbage) + (SELECT COUNT(*) FROM workspace_files)");
        check_objects(0);
    }
}
END_TEST

/* A session that ended long ago: what it ran, its row, its container's row. */
START_TEST(test_failpoints__purge_of_rows)
{
    char id[EXECUTION_ID_SIZE];
    for (int i = 0; i < COUNT(old_row_points); i++) {
        client_creates(300);
        client_executes("pass", id);
        expect_once(id);
        client_ends();
        await_gone();
        stage_sql(&stage, "UPDATE sessions SET ended_at = ended_at - INTERVAL 40 DAY, purged_at = ended_at;"
                          "UPDATE executions SET created_at = created_at - INTERVAL 40 DAY, completed_at = completed_at - INTERVAL 40 DAY;"
                          "UPDATE containers SET ended_at = ended_at - INTERVAL 40 DAY");
        victim_arm("purge", old_row_points[i]);
        victim_has_died();
        await_count(0, "SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM executions) + (SELECT COUNT(*) FROM containers)");
    }
}
END_TEST

START_TEST(test_failpoints__probe)
{
    char id[EXECUTION_ID_SIZE];
    client_creates(300);
    await_running();
    for (int i = 0; i < COUNT(probe_points); i++) {
        victim_arm("probe", probe_points[i]);
        victim_has_died();
        await_count(1, "SELECT COUNT(*) FROM containers WHERE status = 'running' AND misses = 0 AND suspect = 0");
    }
    client_executes("pass", id);
    expect_once(id);
    client_ends();
}
END_TEST

/* Told at least once, and again only when it was not recorded. */
START_TEST(test_failpoints__webhookd)
{
    char url[64], id[EXECUTION_ID_SIZE];
    struct receiver_fake *receiver = receiver_start();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/ok", receiver_port(receiver));
    client_creates(300);
    await_running();
    for (int i = 0; i < COUNT(webhook_points); i++) {
        victim_arm("webhookd", webhook_points[i]);
        client_executes_told("pass", url, id);
        expect_once(id);
        victim_has_died();
        await_count(i + 1, "SELECT COUNT(*) FROM webhooks WHERE status = 'delivered'");
        ck_assert_int_eq(receiver_seen(receiver, id), strcmp(webhook_points[i], "webhook.answered") == 0 ? 2 : 1);
    }
    client_ends();
    receiver_stop(receiver);
}
END_TEST

static bool is_tested(const char *name)
{
#define ROW(array) { array, COUNT(array) }
    static const struct { const char *const *names; int count; } tables[] = {
        ROW(create_points), ROW(execute_points), ROW(end_points), ROW(making_points), ROW(removing_points), ROW(replacing_points),
        ROW(dispatch_points), ROW(pool_points), ROW(reap_points), ROW(purge_points),
        ROW(old_row_points), ROW(probe_points), ROW(webhook_points),
    };
    for (int table = 0; table < COUNT(tables); table++)
        for (int i = 0; i < tables[table].count; i++)
            if (strcmp(tables[table].names[i], name) == 0)
                return true;
    return false;
}

START_TEST(test_failpoints__no_point_is_left_out)
{
    char line[NAME_SIZE], command[600];
    int seen = 0;
    const char *build = getenv("SANDBOX_BUILD");
    snprintf(command, sizeof(command), "cd %s && for p in jobs/sandbox-* fcgi/sandbox-api; do [ ! -x $p ] || ! nm $p 2>/dev/null |"
             " grep -q failpoint_pass || SANDBOX_FAILPOINTS=list $p; done", build ? build : ".");
    FILE *list = popen(command, "r");
    ck_assert_ptr_nonnull(list);
    for (; fgets(line, sizeof(line), list); seen++) {
        line[strcspn(line, "\n")] = '\0';
        ck_assert_msg(is_tested(line), "nothing dies at %s", line);
    }
    pclose(list);
    ck_assert_int_gt(seen, 40);
}
END_TEST

int main(void)
{
#ifndef SANDBOX_FAILPOINTS
    puts("built without failure points (--enable-failpoints)");
    return EXIT_SKIPPED;
#endif
    Suite *suite = suite_create("failpoints");
    TCase *all = tcase_create("all"), *list = tcase_create("list");
    tcase_add_checked_fixture(all, scene_open, scene_close);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_failpoints__a_web_worker);
    tcase_add_test(all, test_failpoints__provisiond_makes);
    tcase_add_test(all, test_failpoints__provisiond_removes);
    tcase_add_test(all, test_failpoints__provisiond_replaces);
    tcase_add_test(all, test_failpoints__dispatchd);
    tcase_add_test(all, test_failpoints__pool);
    tcase_add_test(all, test_failpoints__reap);
    tcase_add_test(all, test_failpoints__purge);
    tcase_add_test(all, test_failpoints__purge_of_rows);
    tcase_add_test(all, test_failpoints__probe);
    tcase_add_test(all, test_failpoints__webhookd);
    suite_add_tcase(suite, all);
    tcase_add_test(list, test_failpoints__no_point_is_left_out);
    suite_add_tcase(suite, list);
    return stage_main(srunner_create(suite));
}
