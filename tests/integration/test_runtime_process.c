/* SPDX-License-Identifier: Apache-2.0 */
/* The process runtime on this machine's kernel, with namespaces and without. */
#include "config.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/runtime/tree.h"
#include "tests/integration/runtime_stage.h"

START_TEST(test_process__no_network_to_give)
{
    struct stage stage;
    struct err err = ERR_INIT;
    stage_open(&stage, "process");
    struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
    spec.network_enabled = true;
    ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    stage_assert_nothing_left(&stage);
    stage_close(&stage);
}
END_TEST

START_TEST(test_process__executor_must_be_for_all)
{
    struct stage stage;
    struct err err = ERR_INIT;
    char path[128];
    stage_open(&stage, "process");
    struct runtime_settings settings = stage.settings;
    snprintf(path, sizeof(path), "%s/private", stage.directory);
    close(open(path, O_CREAT | O_WRONLY, 0700));
    settings.executor = path;
    ck_assert_ptr_null(runtime_open(&settings, &err));
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    settings.executor = "/nonexistent/executor";
    ck_assert_ptr_null(runtime_open(&settings, &err));
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    stage_close(&stage);
}
END_TEST

/* An executor that only root can reach by its path, as below a home directory. */
START_TEST(test_process__executor_behind_a_closed_directory)
{
    struct stage stage;
    struct err err = ERR_INIT;
    char closed[] = "/var/tmp/test-closed-XXXXXX", path[64], command[4200];
    stage_open(&stage, "process");
    ck_assert_ptr_nonnull(mkdtemp(closed));
    snprintf(path, sizeof(path), "%s/executor", closed);
    snprintf(command, sizeof(command), "cp '%s' '%s'", stage.executor, path);
    ck_assert_int_eq(system(command), 0);
    struct stage other = stage;
    other.settings.executor = path;
    other.runtime = runtime_open(&other.settings, &err);
    ck_assert_msg(other.runtime != NULL, "%s", err.text);
    stage_create(&other, stage.ids[0]);
    stage_destroy(&other, stage.ids[0]);
    runtime_free(other.runtime);
    ck_assert_int_eq(tree_remove(AT_FDCWD, closed, &err), 0);
    stage_close(&stage);
}
END_TEST

START_TEST(test_process__required_isolation_is_refused)
{
    struct stage stage;
    struct err err = ERR_INIT;
    stage_open(&stage, "process");
    struct runtime_settings settings = stage.settings;
    settings.bwrap = "/nonexistent/bwrap";
    ck_assert_ptr_null(runtime_open(&settings, &err));
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "bubblewrap is missing"));
    stage_close(&stage);
}
END_TEST

static void open_weaker(struct stage *stage)
{
    struct err err = ERR_INIT;
    stage_open(stage, "process");
    runtime_free(stage->runtime);
    stage->settings.bwrap = "/nonexistent/bwrap";
    stage->settings.process_isolation = "best-effort";
    stage->runtime = runtime_open(&stage->settings, &err);
    ck_assert_msg(stage->runtime != NULL, "%s", err.text);
}

/* What is read is the node's own file, whatever stands in its place. */
START_TEST(test_process__log_is_no_link)
{
    struct stage stage;
    struct err err = ERR_INIT;
    char path[128];
    cleanup_strbuf struct strbuf out = STRBUF_INIT(RUNTIME_LOGS_MAX);
    stage_open(&stage, "process");
    stage_create(&stage, stage.ids[0]);
    snprintf(path, sizeof(path), "%s/%s/executor.log", stage.directory, stage.ids[0]);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(runtime_logs(stage.runtime, stage.ids[0], 10, 0, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(runtime_logs(stage.runtime, stage.ids[0], 10, 0, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    ck_assert_uint_eq(out.len, 0);
    stage_close(&stage);
}
END_TEST

/* The first number in a record of the container's. */
static long long recorded(const struct stage *stage, const char *id, const char *name)
{
    char path[128];
    long long number = -1;
    snprintf(path, sizeof(path), "%s/%s/%s", stage->directory, id, name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lld", &number), 1);
    fclose(file);
    return number;
}

/* Its namespace is its own user's: what the kernel grants a user in all namespaces together is not shared with other sandboxes. */
START_TEST(test_process__owns_its_namespace)
{
    struct stage stage;
    struct runtime_info info;
    struct err err = ERR_INIT;
    char path[64];
    uid_t owner = 0;
    stage_open(&stage, "process");
    ck_assert_int_eq(runtime_info(stage.runtime, &info, &err), 0);
    if (!strstr(info.isolation, "no namespaces")) {
        stage_create(&stage, stage.ids[0]);
        snprintf(path, sizeof(path), "/proc/%lld/ns/user", recorded(&stage, stage.ids[0], "pid"));
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ioctl(fd, NS_GET_OWNER_UID, &owner), 0);
        ck_assert_int_eq((long long)owner, recorded(&stage, stage.ids[0], "range"));
        close(fd);
    }
    stage_close(&stage);
}
END_TEST

START_TEST(test_process__weaker_isolation)
{
    struct stage stage;
    struct runtime_info info;
    struct err err = ERR_INIT;
    char script[256];
    open_weaker(&stage);
    ck_assert_int_eq(runtime_info(stage.runtime, &info, &err), 0);
    ck_assert(info.weaker);
    ck_assert_ptr_nonnull(strstr(info.isolation, "weaker: no namespaces"));
    stage_create(&stage, stage.ids[0]);
    stage_create(&stage, stage.ids[1]);
    const char *said = stage_run(&stage, stage.ids[0], "root", "cat /proc/self/status");
    ck_assert_ptr_nonnull(strstr(said, "CapEff:\t00000000000000e0\n"));
    ck_assert_ptr_nonnull(strstr(said, "CapBnd:\t00000000000000e0\n"));
    said = stage_run(&stage, stage.ids[0], "user", "cat /proc/self/status; touch mine; id -u");
    ck_assert_ptr_nonnull(strstr(said, "CapEff:\t0000000000000000\n"));
    ck_assert_ptr_nonnull(strstr(said, "CapBnd:\t00000000000000e0\n"));
    /* the other one's user has other ids */
    snprintf(script, sizeof(script), "ls %s/%s/workspace; cat %s/%s/run/secret; kill -9 -1", stage.directory, stage.ids[0],
             stage.directory, stage.ids[0]);
    said = stage_run(&stage, stage.ids[1], "user", script);
    ck_assert_ptr_null(strstr(said, "mine"));
    ck_assert_ptr_null(strstr(said, STAGE_SECRET));
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
    ck_assert_str_eq(stage_run(&stage, stage.ids[0], "user", "ls"), "mine\n");
    stage_destroy(&stage, stage.ids[1]);
    ck_assert_int_eq(stage_state(&stage, stage.ids[0]), RUNTIME_RUNNING);
    stage_run(&stage, stage.ids[0], "user", "setsid sleep 600 >/dev/null 2>&1 </dev/null &");
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
    stage_close(&stage);
}
END_TEST

/* Without a namespace to end, one by one would never be done with it. */
START_TEST(test_process__weaker_isolation_ends_a_fork_bomb)
{
    struct stage stage;
    open_weaker(&stage);
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "user",
              "ulimit -u 60; python3 -c 'import os\nif os.fork(): os._exit(0)\n"
              "while True:\n try:\n  os.fork()\n  if os.fork(): os._exit(0)\n except OSError: pass' >/dev/null 2>&1 </dev/null &");
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
    stage_close(&stage);
}
END_TEST

/* Where /var/tmp has project quotas; deleted and open it still counts, and the next container finds nothing of it. */
START_TEST(test_process__disk_quota)
{
    struct stage stage;
    struct runtime_info info;
    struct err err = ERR_INIT;
    stage_open(&stage, "process");
    ck_assert_int_eq(runtime_info(stage.runtime, &info, &err), 0);
    bool quota = strstr(info.isolation, "disk quota");
    ck_assert(quota || (strstr(info.isolation, "disk watched") && !getenv("SANDBOX_TEST_QUOTA_DIR")));
    for (int i = 0; quota && i < 2; i++) {
        struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
        spec.resources.disk_mb = 8;
        ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), 0);
        stage_await(&stage, stage.ids[0]);
        const char *said = stage_run(&stage, stage.ids[0], "user",
                                     "head -c 8M /dev/zero >/workspace/a && rm /workspace/a; exec 3>/workspace/b; rm /workspace/b;"
                                     " head -c 60M /dev/zero 2>&1 >&3 | grep -c quota; mkdir /workspace/d; echo x 2>&1 >/workspace/d/c; :");
        ck_assert_msg(strncmp(said, "1\n", 2) == 0, "%s", said);
        stage_destroy(&stage, stage.ids[0]);
    }
    stage_assert_nothing_left(&stage);
    stage_close(&stage);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("runtime_process");
    TCase *common = tcase_create("common"), *looks = tcase_create("looks"), *own = tcase_create("process");
    stage_add_common(common);
    stage_add_looks(looks);
    suite_add_tcase(all, looks);
    tcase_set_timeout(own, 60);
    tcase_add_test(own, test_process__no_network_to_give);
    tcase_add_test(own, test_process__executor_must_be_for_all);
    tcase_add_test(own, test_process__executor_behind_a_closed_directory);
    tcase_add_test(own, test_process__required_isolation_is_refused);
    tcase_add_test(own, test_process__log_is_no_link);
    tcase_add_test(own, test_process__disk_quota);
    tcase_add_test(own, test_process__owns_its_namespace);
    tcase_add_test(own, test_process__weaker_isolation);
    tcase_add_test(own, test_process__weaker_isolation_ends_a_fork_bomb);
    suite_add_tcase(all, common);
    suite_add_tcase(all, own);
    return all;
}

int main(void)
{
    return stage_main("process", suite);
}
