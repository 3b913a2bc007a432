/* SPDX-License-Identifier: Apache-2.0 */
/* What every driver must do. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

static void assert_says(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "\"%s\" is not in:\n%s", wanted, text);
}

static void assert_silent_about(const char *text, const char *unwanted)
{
    ck_assert_msg(strstr(text, unwanted) == NULL, "\"%s\" is in:\n%s", unwanted, text);
}

START_TEST(test_runtime__lifecycle)
{
    struct runtime_info info;
    struct err err = ERR_INIT;
    ck_assert_int_eq(runtime_info(stage.runtime, &info, &err), 0);
    ck_assert(!info.weaker);
    assert_says(info.isolation, "namespaces");
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_ABSENT);
    stage_create(&stage, stage.ids[0]);
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
    ck_assert(stage_listed(&stage, stage.ids[0]));
    ck_assert_int_gt(stage_processes(&stage), 0);
    stage_destroy(&stage, stage.ids[0]);
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_ABSENT);
    ck_assert(!stage_listed(&stage, stage.ids[0]));
    stage_assert_nothing_left(&stage);
    stage_destroy(&stage, stage.ids[0]);
}
END_TEST

START_TEST(test_runtime__create_over_a_leftover)
{
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "root", "chmod 2777 . && touch old");
    stage_create(&stage, stage.ids[0]);
    assert_silent_about(stage_run(&stage, stage.ids[0], "user", "ls"), "old");
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_runtime__executor_that_ends)
{
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "exit", "");
    for (int64_t end = clock_mono_ms() + 10000; stage_state(&stage, stage.ids[0]) == RUNTIME_RUNNING;) {
        ck_assert_int_lt(clock_mono_ms(), end);
        poll(NULL, 0, 5);
    }
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_STOPPED);
    ck_assert(stage_listed(&stage, stage.ids[0]));
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_runtime__several_at_once)
{
    for (int i = 0; i < 3; i++)
        stage_create(&stage, stage.ids[i]);
    for (int i = 0; i < 3; i++) {
        ck_assert(stage_listed(&stage, stage.ids[i]));
        stage_run(&stage, stage.ids[i], "root", "chmod 2777 . && echo mine > file");
    }
    stage_destroy(&stage, stage.ids[1]);
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
    ck_assert_int_eq(stage_state(&stage, stage.ids[2]), RUNTIME_RUNNING);
    assert_says(stage_run(&stage, stage.ids[2], "user", "cat file"), "mine");
    stage_destroy(&stage, stage.ids[0]);
    stage_destroy(&stage, stage.ids[2]);
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_runtime__user_code_has_no_privileges)
{
    stage_create(&stage, stage.ids[0]);
    const char *said = stage_run(&stage, stage.ids[0], "user", "id; cat /proc/self/status");
    assert_says(said, "uid=1000(sandbox) gid=1000(sandbox) groups=1000(sandbox)\n");
    assert_says(said, "CapPrm:\t0000000000000000\n");
    assert_says(said, "CapEff:\t0000000000000000\n");
    assert_says(said, "CapAmb:\t0000000000000000\n");
    assert_says(said, "NoNewPrivs:\t1\n");
    said = stage_run(&stage, stage.ids[0], "root", "id -u; cat /proc/self/status");
    assert_says(said, "CapEff:\t00000000000000e0\n");
    assert_says(said, "CapPrm:\t00000000000000e0\n");
    said = stage_run(&stage, stage.ids[0], "user", "unshare -Ur true && echo NAMESPACE; mount -t tmpfs none /workspace && echo MOUNT");
    assert_silent_about(said, "NAMESPACE");
    assert_silent_about(said, "MOUNT");
}
END_TEST

START_TEST(test_runtime__executor_is_out_of_reach)
{
    stage_create(&stage, stage.ids[0]);
    const char *said = stage_run(&stage, stage.ids[0], "user",
                                 "cat /proc/1/environ && echo ENVIRON; ls /proc/1/fd/ && echo FDS; ls /run/sandbox && echo RUN;"
                                 "cat /run/sandbox/secret && echo SECRET; kill -9 1 && echo KILLED; cat /proc/1/mem && echo MEM");
    static const char *const unwanted[] = { "ENVIRON", "FDS", "RUN\n", "SECRET", "KILLED", "MEM\n", STAGE_SECRET };
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        assert_silent_about(said, unwanted[i]);
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
}
END_TEST

START_TEST(test_runtime__system_is_read_only)
{
    stage_create(&stage, stage.ids[0]);
    const char *script = "for d in / /usr /etc /bin/ /lib/ /run /sys /proc/sys/kernel /dev; do touch $d/written 2>/dev/null && echo WROTE $d; done;"
                         "touch /tmp/yes && echo tmp; test -w /dev/null && echo null; touch /dev/shm/yes && echo shm";
    const char *said = stage_run(&stage, stage.ids[0], "user", script);
    assert_silent_about(said, "WROTE");
    assert_says(said, "tmp\nnull\nshm\n");
    said = stage_run(&stage, stage.ids[0], "root", "touch /usr/written && echo WROTE; touch /written && echo WROTE; touch /etc/written && echo WROTE");
    assert_silent_about(said, "WROTE");
}
END_TEST

START_TEST(test_runtime__host_is_invisible)
{
    char marker[128], script[512];
    snprintf(marker, sizeof(marker), "%s/host-file", stage.directory);
    close(open(marker, O_CREAT | O_WRONLY, 0644));
    stage_create(&stage, stage.ids[0]);
    snprintf(script, sizeof(script),
             "ls %s && echo SEEN; ls /root/.[a-z]* /home/* && echo HOME; cat /etc/shadow && echo SHADOW; ls /var/run/docker.sock && echo SOCKET;"
             "ls -d /proc/[0-9]*; ls -l /dev | grep ^b", marker);
    const char *said = stage_run(&stage, stage.ids[0], "user", script);
    assert_silent_about(said, "SEEN");
    assert_silent_about(said, "HOME");
    assert_silent_about(said, "SHADOW");
    assert_silent_about(said, "SOCKET");
    assert_says(said, "/proc/1\n");
    assert_silent_about(said, "brw");
    int processes = 0;
    for (const char *at = said; (at = strstr(at, "/proc/")); at++)
        processes++;
    ck_assert_int_lt(processes, 6);
    said = stage_run(&stage, stage.ids[0], "user", "ls -l /dev | grep ^c | sed 's/.* //' | sort | tr '\\n' ' '");
    assert_says(said, "full null random tty urandom zero");
}
END_TEST

START_TEST(test_runtime__no_network)
{
    stage_create(&stage, stage.ids[0]);
    const char *said = stage_run(&stage, stage.ids[0], "user", "tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route | tail -n +2");
    ck_assert_str_eq(said, "    lo\n");
    said = stage_run(&stage, stage.ids[0], "user",
                     "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 22), 2)'; echo done");
    assert_says(said, "done");
    assert_says(said, "Error");
}
END_TEST

START_TEST(test_runtime__processes_are_limited)
{
    stage_create(&stage, stage.ids[0]);
    const char *said = stage_run(&stage, stage.ids[0], "user",
                                 "python3 -c 'import os,time\nn=0\n"
                                 "try:\n while n<300:\n  if os.fork()==0: os.closerange(0,3); time.sleep(600)\n  n+=1\n"
                                 "except OSError: pass\nprint(n)'");
    ck_assert_int_ge(atoi(said), 32);
    ck_assert_int_le(atoi(said), stage.relay > 0 ? 96 : 64); /* through a relay, connections are processes, too */
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_runtime__memory_is_limited)
{
    stage_create(&stage, stage.ids[0]);
    const char *said = stage_run(&stage, stage.ids[0], "user",
                                 "python3 -c 'x=bytearray(400<<20); print(\"FITS\")'; echo code $?;"
                                 "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null");
    assert_silent_about(said, "FITS");
    assert_says(said, "code 137");
    assert_says(said, "oom_kill 1");
}
END_TEST

START_TEST(test_runtime__daemons_end_with_it)
{
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "user", "for i in 1 2 3 4 5; do setsid sleep 600 >/dev/null 2>&1 </dev/null & done; trap '' TERM HUP; sleep 600 >/dev/null 2>&1 &");
    ck_assert_int_ge(stage_processes(&stage), 6);
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

/* A job that is killed somewhere within a creation. */
static void create_and_be_killed(int64_t after_us)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
        struct runtime *own = runtime_open(&stage.settings, &err);
        for (;;)
            if (!own || runtime_create(own, &spec, &err) != 0)
                _exit(1);
    }
    usleep((useconds_t)after_us);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

START_TEST(test_runtime__job_killed_anywhere_leaves_nothing_unfound)
{
    bool docker = strcmp(stage_kind, "docker") == 0;
    int rounds = docker ? 10 : 60;
    for (int i = 0; i < rounds; i++) {
        create_and_be_killed(docker ? 40000 * (i + 1) : 1500 * (i + 1));
        if (stage_listed(&stage, stage.ids[0]))
            stage_destroy(&stage, stage.ids[0]);
        /* an engine may still be carrying out what it was told by the dead one */
        for (int64_t end = clock_mono_ms() + 3000; docker && clock_mono_ms() < end && stage_listed(&stage, stage.ids[0]);)
            stage_destroy(&stage, stage.ids[0]);
        stage_assert_nothing_left(&stage);
    }
    stage_assert_no_probe(&stage);
    stage_create(&stage, stage.ids[0]);
    stage_destroy(&stage, stage.ids[0]);
}
END_TEST

START_TEST(test_runtime__other_installations_are_left_alone)
{
    struct stage other;
    struct err err = ERR_INIT;
    stage_create(&stage, stage.ids[0]);
    stage_open(&other, stage_kind);
    ck_assert(!stage_listed(&other, stage.ids[0]));
    ck_assert_int_eq(stage_state(&other, stage.ids[0]), RUNTIME_ABSENT);
    int ignored = runtime_destroy(other.runtime, stage.ids[0], &err);
    (void)ignored; /* refused or nothing to do */
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
    ck_assert_str_eq(stage_run(&stage, stage.ids[0], "user", "echo alive"), "alive\n");
    stage_close(&other);
}
END_TEST

START_TEST(test_runtime__start_times)
{
    enum { ROUNDS = 9 };
    int64_t create_us = 0, ready_us = 0, destroy_us = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct err err = ERR_INIT;
        struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
        int64_t start = clock_mono_us();
        ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), 0);
        int64_t created = clock_mono_us();
        ready_us += stage_await(&stage, stage.ids[0]);
        create_us += created - start;
        start = clock_mono_us();
        stage_destroy(&stage, stage.ids[0]);
        destroy_us += clock_mono_us() - start;
    }
    printf("%s: create %.1f ms, then answering after %.1f ms, destroy %.1f ms (mean of %d)\n", stage_kind,
           (double)create_us / 1000 / ROUNDS, (double)ready_us / 1000 / ROUNDS, (double)destroy_us / 1000 / ROUNDS,
           ROUNDS);
}
END_TEST

void stage_add_common(TCase *cases)
{
    tcase_add_checked_fixture(cases, open_stage, close_stage);
    tcase_set_timeout(cases, 180);
    tcase_add_test(cases, test_runtime__lifecycle);
    tcase_add_test(cases, test_runtime__create_over_a_leftover);
    tcase_add_test(cases, test_runtime__executor_that_ends);
    tcase_add_test(cases, test_runtime__several_at_once);
    tcase_add_test(cases, test_runtime__user_code_has_no_privileges);
    tcase_add_test(cases, test_runtime__executor_is_out_of_reach);
    tcase_add_test(cases, test_runtime__system_is_read_only);
    tcase_add_test(cases, test_runtime__host_is_invisible);
    tcase_add_test(cases, test_runtime__no_network);
    tcase_add_test(cases, test_runtime__processes_are_limited);
    tcase_add_test(cases, test_runtime__memory_is_limited);
    tcase_add_test(cases, test_runtime__daemons_end_with_it);
    tcase_add_test(cases, test_runtime__job_killed_anywhere_leaves_nothing_unfound);
    tcase_add_test(cases, test_runtime__other_installations_are_left_alone);
    tcase_add_test(cases, test_runtime__start_times);
}
