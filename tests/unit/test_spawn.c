/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: what they inherit, how they end, what is said when they cannot start. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/spawn.h"
#include "lib/util/clock.h"

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", (script), NULL })

static int collect(const struct spawn *spawn, int64_t timeout_ms, size_t max, char *out, size_t size)
{
    struct err err = ERR_INIT;
    int code = -1;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(max);
    int status = spawn_collect(spawn, timeout_ms, &text, &code, &err);
    snprintf(out, size, "%s", strbuf_str(&text));
    return status == 0 ? code : -(int)err.code;
}

START_TEST(test_spawn__output_and_exit_code)
{
    char out[256];
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("echo hello; exit 3") }, 5000, 100, out, sizeof(out)), 3);
    ck_assert_str_eq(out, "hello\n");
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("kill -9 $$") }, 5000, 100, out, sizeof(out)), 128 + 9);
}
END_TEST

START_TEST(test_spawn__environment_is_clean)
{
    char out[256];
    const char *const envp[] = { "A=1", NULL };
    setenv("SECRET", "x", 1);
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("echo ${SECRET-none} $LANG") }, 5000, 100, out, sizeof(out)), 0);
    ck_assert_str_eq(out, "none C.UTF-8\n");
    struct spawn own = { .argv = SHELL("echo $A${LANG-none}"), .envp = envp };
    ck_assert_int_eq(collect(&own, 5000, 100, out, sizeof(out)), 0);
    ck_assert_str_eq(out, "1none\n");
}
END_TEST

START_TEST(test_spawn__only_kept_descriptors)
{
    char out[256];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "through\n", 8), 8);
    ck_assert_int_eq(dup2(ends[0], 77), 77);
    const int keep[] = { ends[0] };
    struct spawn spawn = { .argv = SHELL("echo /proc/self/fd/*; head -n1 <&4"), .keep = keep, .keep_count = 1 };
    ck_assert_int_eq(collect(&spawn, 5000, 200, out, sizeof(out)), 0);
    ck_assert_ptr_nonnull(strstr(out, "/proc/self/fd/4"));
    ck_assert_ptr_null(strstr(out, "/proc/self/fd/77"));
    ck_assert_ptr_nonnull(strstr(out, "through"));
    close(77);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(test_spawn__signals_are_reset)
{
    /* 32 and 33: posix_spawn(3), by which make starts us, leaves them ignored, and signal(2) refuses them */
    static const unsigned long long own_of_libc = 3ULL << 31;
    char out[256];
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    struct spawn spawn = { .argv = SHELL("grep -E 'SigBlk|SigIgn' /proc/self/status") };
    ck_assert_int_eq(collect(&spawn, 5000, 200, out, sizeof(out)), 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    unsigned long long blocks = 1, ignores = 1;
    ck_assert_int_eq(sscanf(out, "SigBlk: %llx SigIgn: %llx", &blocks, &ignores), 2);
    ck_assert(blocks == 0 && (ignores & ~own_of_libc) == 0);
}
END_TEST

static int refuse(void *arg)
{
    return *(int *)arg;
}

START_TEST(test_spawn__failure_before_exec_is_reported)
{
    struct err err = ERR_INIT;
    pid_t pid = -5;
    int reason = EACCES;
    const char *const missing[] = { "/nonexistent/program", NULL };
    struct spawn spawn = { .argv = missing };
    ck_assert_int_eq(spawn_start(&spawn, &pid, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "No such file"));
    spawn = (struct spawn){ .argv = SHELL("true"), .prepare = refuse, .arg = &reason, .detached = 1 };
    ck_assert_int_eq(spawn_start(&spawn, &pid, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "Permission denied"));
    ck_assert_int_eq(pid, -5);
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
}
END_TEST

START_TEST(test_spawn__limits)
{
    char out[16];
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("exec sleep 60") }, 200, 100, out, sizeof(out)), -ERR_TIMEOUT);
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("exec 1>&-; exec sleep 60") }, 200, 100, out, sizeof(out)),
                     -ERR_TIMEOUT);
    ck_assert_int_eq(collect(&(struct spawn){ .argv = SHELL("exec yes") }, 5000, 1000, out, sizeof(out)), -ERR_TOO_LARGE);
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
}
END_TEST

START_TEST(test_spawn__detached_is_nobodys_child)
{
    struct err err = ERR_INIT;
    pid_t pid = 0;
    char log[] = "/tmp/test-spawn-XXXXXX", text[64] = "";
    int fd = mkstemp(log);
    struct spawn spawn = { .argv = SHELL("echo $$; exec sleep 60"), .log_path = log, .detached = 1 };
    ck_assert_int_eq(spawn_start(&spawn, &pid, &err), 0);
    ck_assert_int_eq(getsid(pid), pid);
    ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
    for (int64_t end = clock_mono_ms() + 5000; !strchr(text, '\n') && clock_mono_ms() < end;)
        ck_assert_int_ge(pread(fd, text, sizeof(text) - 1, 0), 0);
    ck_assert_int_eq(atoi(text), pid);
    kill(pid, SIGKILL);
    close(fd);
    unlink(log);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spawn");
    TCase *cases = tcase_create("spawn");
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, test_spawn__output_and_exit_code);
    tcase_add_test(cases, test_spawn__environment_is_clean);
    tcase_add_test(cases, test_spawn__only_kept_descriptors);
    tcase_add_test(cases, test_spawn__signals_are_reset);
    tcase_add_test(cases, test_spawn__failure_before_exec_is_reported);
    tcase_add_test(cases, test_spawn__limits);
    tcase_add_test(cases, test_spawn__detached_is_nobodys_child);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
