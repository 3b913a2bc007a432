/* SPDX-License-Identifier: Apache-2.0 */
/* The database's clock, which all times come from, jumps forward by an hour and back again, under the jobs. Needs libfaketime. */
#include "config.h"

#include <check.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/util/clock.h"
#include "tests/integration/fault_scene.h"
#include "tests/integration/invariants.h"

enum { EXIT_SKIPPED = 77, PATH_SIZE = 512 };

static char library[PATH_SIZE], dial[PATH_SIZE];

static bool find_library(void)
{
    glob_t found = { 0 };
    bool there = glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) == 0;
    if (there)
        snprintf(library, sizeof(library), "%s", found.gl_pathv[0]);
    globfree(&found);
    return there;
}

/* The server looks at the dial once a second. */
static void set_clock(const char *offset)
{
    char sql[200], fresh[PATH_SIZE + 8];
    int64_t seconds = strtoll(offset, NULL, 10);
    snprintf(fresh, sizeof(fresh), "%s.new", dial);
    cleanup_file FILE *file = fopen(fresh, "we");
    ck_assert(file && fprintf(file, "%s\n", offset) > 0 && fflush(file) == 0);
    ck_assert_int_eq(chmod(fresh, 0644), 0);
    ck_assert_int_eq(rename(fresh, dial), 0);
    snprintf(sql, sizeof(sql), "SELECT ABS(UNIX_TIMESTAMP(UTC_TIMESTAMP()) - %lld) < 30", (long long)(clock_wall_ms() / 1000 + seconds));
    await_count(1, sql);
}

static void set_up(void)
{
    scene_open_empty();
    snprintf(dial, sizeof(dial), "%s/dial", stage.directory);
    cleanup_file FILE *file = fopen(dial, "we");
    ck_assert(file && fputs("+0\n", file) > 0 && fflush(file) == 0 && chmod(dial, 0644) == 0);
    stage_stop_database();
    setenv("LD_PRELOAD", library, 1);
    setenv("FAKETIME_TIMESTAMP_FILE", dial, 1);
    setenv("FAKETIME_CACHE_DURATION", "1", 1);
    setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
    stage_start_database(&stage);
    unsetenv("LD_PRELOAD");
    scene_start("provisiond", NULL);
    scene_start("dispatchd", NULL);
    scene_start("reap", NULL);
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
}

static void tear_down(void)
{
    scene_close();
}

START_TEST(test_fault_clock__the_database_jumps_an_hour_and_back)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE], waiting_id[EXECUTION_ID_SIZE];
    client_creates(7200);
    await_running();
    marking(1, 2, code);
    client_executes(code, id);
    await_count(1, "SELECT COUNT(*) FROM executions WHERE status = 'running'");
    set_clock("+3600"); /* leases are over at once; their holder renews them */
    expect_once(id);
    expect_marks("1 ");
    struct session first = session;
    session = (struct session){ 0 };
    client_creates(7200); /* made while the hosts' clocks are an hour behind */
    await_running();
    marking(2, 2, code);
    client_executes(code, id);
    await_count(1, "SELECT COUNT(*) FROM executions WHERE status = 'running'");
    ck_assert_int_eq(kill(scene_pid("dispatchd"), SIGSTOP), 0);
    marking(3, 0, code);
    client_executes(code, waiting_id); /* due in an hour, it seems soon */
    set_clock("+0");
    ck_assert_int_eq(kill(scene_pid("dispatchd"), SIGCONT), 0);
    expect_once(id);
    expect_once(waiting_id);
    expect_marks("2 3 ");
    client_ends();
    await_gone();
    client_creates(7200);
    await_running();
    client_ends();
    session_release(&session);
    session = first;
    expect_marks("1 ");
    client_ends();
}
END_TEST

int main(void)
{
    if (!find_library()) {
        puts("no libfaketime");
        return EXIT_SKIPPED;
    }
    Suite *suite = suite_create("fault_clock");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 180);
    tcase_add_test(all, test_fault_clock__the_database_jumps_an_hour_and_back);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
