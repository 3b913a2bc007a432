/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of workers, with workers that do nothing but say that they live. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/prefork.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

enum { WORKERS = 3, LIMIT_MS = 10000 };

struct stage {
    pid_t parent;
    int born[2], broken[2]; /* workers write their pid; a byte there makes the next ones fail */
};

static struct stage stage;

static int toy_worker(void *arg, const struct prefork_worker *self)
{
    const struct stage *here = arg;
    struct pollfd broken = { .fd = here->broken[0], .events = POLLIN };
    pid_t pid = getpid();
    sigset_t ending;
    int signum;
    if (poll(&broken, 1, 0) == 1)
        return EXIT_FAILURE;
    prefork_ready(self);
    if (write(here->born[1], &pid, sizeof(pid)) != sizeof(pid))
        return EXIT_FAILURE;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigwait(&ending, &signum);
    return EXIT_SUCCESS;
}

static void start(void)
{
    ck_assert_int_eq(pipe(stage.born), 0);
    ck_assert_int_eq(pipe(stage.broken), 0);
    stage.parent = 0;
}

static void run_parent(void)
{
    stage.parent = fork();
    if (stage.parent != 0)
        return;
    const struct prefork prefork = { .processes = WORKERS, .work = toy_worker, .arg = &stage };
    struct err err = ERR_INIT;
    log_setup("test", LOG_LEVEL_ERROR);
    prefork_block_signals();
    _exit(prefork_run(&prefork, &err) == 0 ? 7 : 8);
}

static void finish(void)
{
    if (stage.parent > 0)
        kill(stage.parent, SIGKILL);
    for (int i = 0; i < 2; i++) {
        close(stage.born[i]);
        close(stage.broken[i]);
    }
}

/* Pids of the next `count` workers that serve. */
static void await_born(pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        struct pollfd news = { .fd = stage.born[0], .events = POLLIN };
        ck_assert_int_eq(poll(&news, 1, LIMIT_MS), 1);
        ck_assert_int_eq(read(stage.born[0], &pids[i], sizeof(pids[i])), sizeof(pids[i]));
    }
}

/* An orphan whose new parent does not collect it is gone, too. */
static bool is_gone(pid_t pid)
{
    char path[64], line[256] = "";
    if (kill(pid, 0) != 0)
        return true;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    cleanup_file FILE *stat = fopen(path, "re");
    return stat && fgets(line, sizeof(line), stat) && strstr(line, ") Z ");
}

static void await_gone(pid_t pid)
{
    for (int64_t end = clock_mono_ms() + LIMIT_MS; !is_gone(pid); usleep(5000))
        ck_assert_msg(clock_mono_ms() < end, "worker %d lives on", (int)pid);
}

static int count_gone(const pid_t *pids, int count)
{
    int gone = 0;
    for (int i = 0; i < count; i++)
        gone += is_gone(pids[i]);
    return gone;
}

static int exit_of_parent(void)
{
    int status = 0;
    ck_assert_int_eq(waitpid(stage.parent, &status, 0), stage.parent);
    stage.parent = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_live(const pid_t *pids, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(kill(pids[i], 0) == 0, "worker %d lives", (int)pids[i]);
}

START_TEST(test_prefork__dead_workers_are_replaced)
{
    pid_t pids[WORKERS], more[2];
    run_parent();
    await_born(pids, WORKERS);
    kill(pids[0], SIGKILL);
    await_born(more, 1);
    kill(pids[1], SIGTERM); /* not by its parent: that is a death as well */
    await_born(more + 1, 1);
    await_gone(pids[0]);
    await_gone(pids[1]);
    assert_live(pids + 2, 1);
    assert_live(more, 2);
}
END_TEST

START_TEST(test_prefork__term_ends_all)
{
    pid_t pids[WORKERS];
    run_parent();
    await_born(pids, WORKERS);
    kill(stage.parent, SIGTERM);
    ck_assert_int_eq(exit_of_parent(), 7);
    for (int i = 0; i < WORKERS; i++)
        await_gone(pids[i]);
}
END_TEST

START_TEST(test_prefork__hup_exchanges_all)
{
    pid_t old[WORKERS], new[WORKERS];
    run_parent();
    await_born(old, WORKERS);
    for (int turn = 0; turn < 3; turn++) {
        kill(stage.parent, SIGHUP);
        await_born(new, WORKERS);
        for (int i = 0; i < WORKERS; i++) {
            await_gone(old[i]);
            old[i] = new[i];
        }
        assert_live(new, WORKERS);
    }
    kill(stage.parent, SIGINT);
    ck_assert_int_eq(exit_of_parent(), 7);
}
END_TEST

/* While new workers start already: those that come last know what there was to know at the last SIGHUP. */
START_TEST(test_prefork__hup_twice)
{
    pid_t old[WORKERS], new[2 * WORKERS];
    run_parent();
    await_born(old, WORKERS);
    kill(stage.parent, SIGHUP);
    await_born(new, 1);
    kill(stage.parent, SIGHUP);
    await_born(new + 1, 2 * WORKERS - 1);
    for (int i = 0; i < WORKERS; i++)
        await_gone(old[i]);
    await_gone(new[0]);
    /* the last of the second generation may say that it lives after the first of the third */
    for (int64_t end = clock_mono_ms() + LIMIT_MS; count_gone(new, 2 * WORKERS) < WORKERS; usleep(5000))
        ck_assert(clock_mono_ms() < end);
    ck_assert_int_eq(count_gone(new, 2 * WORKERS), WORKERS);
}
END_TEST

START_TEST(test_prefork__old_workers_stay_when_new_ones_cannot_start)
{
    pid_t old[WORKERS], new[WORKERS];
    char byte = 'x';
    run_parent();
    await_born(old, WORKERS);
    kill(stage.parent, SIGHUP);
    await_born(new, WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        await_gone(old[i]); /* so that the new ones are the ones that serve */
        old[i] = new[i];
    }
    ck_assert_int_eq(write(stage.broken[1], &byte, 1), 1);
    kill(stage.parent, SIGHUP);
    struct pollfd news = { .fd = stage.born[0], .events = POLLIN };
    ck_assert_int_eq(poll(&news, 1, 300), 0);
    assert_live(old, WORKERS);
    ck_assert_int_eq(read(stage.broken[0], &byte, 1), 1);
    kill(stage.parent, SIGHUP);
    await_born(new, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        await_gone(old[i]);
    assert_live(new, WORKERS);
}
END_TEST

START_TEST(test_prefork__first_workers_cannot_start)
{
    ck_assert_int_eq(write(stage.broken[1], "x", 1), 1);
    run_parent();
    ck_assert_int_eq(exit_of_parent(), 8);
}
END_TEST

START_TEST(test_prefork__workers_end_with_their_parent)
{
    pid_t pids[WORKERS];
    run_parent();
    await_born(pids, WORKERS);
    kill(stage.parent, SIGKILL);
    exit_of_parent();
    for (int i = 0; i < WORKERS; i++)
        await_gone(pids[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_prefork__dead_workers_are_replaced,
        test_prefork__term_ends_all,
        test_prefork__hup_exchanges_all,
        test_prefork__hup_twice,
        test_prefork__old_workers_stay_when_new_ones_cannot_start,
        test_prefork__first_workers_cannot_start,
        test_prefork__workers_end_with_their_parent,
    };
    TCase *tcase = tcase_create("prefork");
    tcase_add_checked_fixture(tcase, start, finish);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create("prefork");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
