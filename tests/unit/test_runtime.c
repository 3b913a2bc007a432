/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtimes do with ids, directories and cgroups, without an engine. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/runtime/cgroup.h"
#include "lib/runtime/driver.h"
#include "lib/runtime/room.h"
#include "lib/runtime/tree.h"
#include "lib/runtime/uid_range.h"

#define ID "0123456789ab"

static char directory[64];

static const struct runtime_settings settings = {
    .kind = "docker", .directory = "/var/lib/sb", .executor = "/usr/libexec/sandbox-executor",
    .docker_socket = "/nonexistent/docker.sock", .process_isolation = "required", .bwrap = "/usr/bin/bwrap",
    .uid_base = 1879048192,
};

static void set_up(void)
{
    strcpy(directory, "/tmp/test-runtime-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void tear_down(void)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(tree_remove(AT_FDCWD, directory, &err), 0);
    ck_assert_int_ne(access(directory, F_OK), 0);
}

/* ---- ids ---- */

START_TEST(test_runtime__ids)
{
    ck_assert(runtime_id_valid(ID));
    static const char *const wrong[] = { "", "0123456789a", "0123456789abc", "0123456789aB", "../456789abc", "0123456789a/" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!runtime_id_valid(wrong[i]), "%s", wrong[i]);
}
END_TEST

START_TEST(test_runtime__endpoint)
{
    struct runtime_endpoint endpoint;
    runtime_endpoint(&settings, ID, &endpoint);
    ck_assert_str_eq(endpoint.unix_path, "/var/lib/sb/" ID "/run/executor.sock");
    ck_assert_str_eq(endpoint.url, "http://executor-" ID);
}
END_TEST

START_TEST(test_uid_range__plans)
{
    struct uid_plan plan;
    uid_plan_make(1879048192, "         0          0 4294967295\n", &plan);
    ck_assert_int_eq(plan.base, 1879048192);
    ck_assert_int_eq(plan.width, 65536);
    struct uid_range second = uid_plan_range(&plan, 1);
    ck_assert_uint_eq(second.first, 1879048192u + 65536);
    ck_assert_uint_eq(second.slot, 1879048192u + 65536 + 1000);
    /* in a container with 65536 ids, narrow ranges that stay inside */
    uid_plan_make(1879048192, "0 100000 65536\n", &plan);
    struct uid_range last = uid_plan_range(&plan, plan.count - 1);
    ck_assert_int_eq(plan.width, 64);
    ck_assert_int_lt(last.first + last.width, 65536);
    uid_plan_make(1879048192, "garbage", &plan);
    ck_assert_int_eq(plan.width, 64);
}
END_TEST

START_TEST(test_uid_range__each_is_given_once)
{
    struct err err = ERR_INIT;
    struct uid_plan plan = { .base = 1000000, .width = 65536, .slot = 1000, .count = 2 };
    struct uid_range a, b, c;
    char registry[96], room_a[96], room_b[96];
    snprintf(registry, sizeof(registry), "%s/registry", directory);
    snprintf(room_a, sizeof(room_a), "%s/a", directory);
    snprintf(room_b, sizeof(room_b), "%s/b", directory);
    ck_assert_int_eq(mkdir(room_a, 0700), 0);
    ck_assert_int_eq(mkdir(room_b, 0700), 0);
    ck_assert_int_eq(uid_range_take(registry, &plan, room_a, &a, &err), 0);
    ck_assert_int_eq(uid_range_take(registry, &plan, room_b, &b, &err), 0);
    ck_assert_uint_ne(a.first, b.first);
    ck_assert_int_eq(uid_range_take(registry, &plan, room_b, &c, &err), -1);
    ck_assert_int_eq(err.code, ERR_NO_ROOM);
    ck_assert(uid_range_owned(registry, a.first, room_a));
    /* only its owner gives it back */
    uid_range_release(registry, a.first, room_b);
    ck_assert(uid_range_owned(registry, a.first, room_a));
    uid_range_release(registry, a.first, room_a);
    ck_assert_int_eq(uid_range_take(registry, &plan, room_a, &c, &err), 0);
    ck_assert_uint_eq(c.first, a.first);
    /* a room that is gone holds nothing */
    ck_assert_int_eq(rmdir(room_b), 0);
    ck_assert_int_eq(uid_range_take(registry, &plan, room_a, &c, &err), 0);
    ck_assert_uint_eq(c.first, b.first);
}
END_TEST

/* Looked for from somewhere else each time: the search is short although many are taken. */
START_TEST(test_uid_range__is_looked_for_all_over)
{
    enum { ROOMS = 24 };
    struct err err = ERR_INIT;
    struct uid_plan plan = { .base = 1000000, .width = 65536, .slot = 1000, .count = 4094 };
    struct uid_range range;
    char registry[96], room[96];
    int64_t below = 0;
    snprintf(registry, sizeof(registry), "%s/registry", directory);
    for (int i = 0; i < ROOMS; i++) {
        snprintf(room, sizeof(room), "%s/room-%d", directory, i);
        ck_assert_int_eq(mkdir(room, 0700), 0);
        ck_assert_int_eq(uid_range_take(registry, &plan, room, &range, &err), 0);
        ck_assert((range.first - plan.base) % plan.width == 0 && range.first < plan.base + plan.count * plan.width);
        below += range.first < plan.base + ROOMS * plan.width;
    }
    ck_assert_int_lt(below, ROOMS / 2);
}
END_TEST

/* ---- rooms and removal ---- */

START_TEST(test_room__directory_is_checked)
{
    struct err err = ERR_INIT;
    char path[128], too_long[100];
    ck_assert_int_eq(rooms_prepare("relative", &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[0] = '/';
    too_long[sizeof(too_long) - 1] = '\0';
    ck_assert_int_eq(rooms_prepare(too_long, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    snprintf(path, sizeof(path), "%s/a/b/c", directory);
    ck_assert_int_eq(rooms_prepare(path, &err), 0);
    ck_assert_int_eq(rooms_prepare(path, &err), 0);
}
END_TEST

START_TEST(test_room__contents)
{
    struct err err = ERR_INIT;
    struct stat found;
    char text[64];
    ck_assert_int_eq(room_create(directory, ID, &err), 0);
    ck_assert_int_eq(room_create(directory, ID, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    cleanup_fd int room = room_open(directory, ID);
    ck_assert_int_ge(room, 0);
    ck_assert_int_eq(room_add_run(room, getuid(), getgid(), "secret-text", &err), 0);
    ck_assert_int_eq(fstatat(room, ROOM_RUN, &found, 0), 0);
    ck_assert_int_eq(found.st_mode & 07777, 0700);
    ck_assert_int_eq(fstatat(room, ROOM_RUN "/" ROOM_SECRET, &found, 0), 0);
    ck_assert_int_eq(found.st_mode & 07777, 0400);
    ck_assert_int_eq(room_add_directory(room, ROOM_WORKSPACE, getuid(), getgid(), 02770, &err), 0);
    ck_assert_int_eq(fstatat(room, ROOM_WORKSPACE, &found, 0), 0);
    ck_assert_int_eq(found.st_mode & 07777, 02770);
    ck_assert_int_eq(room_write(room, "note", "text", &err), 0);
    ck_assert_int_eq(room_read(room, "note", text, sizeof(text)), 4);
    ck_assert_str_eq(text, "text");
    ck_assert_int_eq(room_remove(directory, ID, &err), 0);
    ck_assert_int_eq(room_remove(directory, ID, &err), 0);
    ck_assert_int_lt(room_open(directory, ID), 0);
}
END_TEST

START_TEST(test_room__list)
{
    struct err err = ERR_INIT;
    cleanup_free room_id *ids = NULL;
    size_t count = 9;
    char path[128];
    ck_assert_int_eq(room_create(directory, ID, &err), 0);
    snprintf(path, sizeof(path), "%s/not-a-room", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(rooms_list(directory, &ids, &count, &err), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(ids[0], ID);
}
END_TEST

START_TEST(test_tree__follows_no_link)
{
    struct err err = ERR_INIT;
    char outside[128], path[160];
    snprintf(outside, sizeof(outside), "%s/outside", directory);
    ck_assert_int_eq(mkdir(outside, 0700), 0);
    snprintf(path, sizeof(path), "%s/precious", outside);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/tree", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/tree/link", directory);
    ck_assert_int_eq(symlink(outside, path), 0);
    snprintf(path, sizeof(path), "%s/link", directory);
    ck_assert_int_eq(symlink(outside, path), 0);
    cleanup_fd int parent = open(directory, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(tree_remove(parent, "tree", &err), 0);
    /* a link in place of the tree itself is refused */
    ck_assert_int_eq(tree_remove(parent, "link", &err), -1);
    snprintf(path, sizeof(path), "%s/precious", outside);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(test_tree__deep_and_wide)
{
    struct err err = ERR_INIT;
    cleanup_fd int parent = open(directory, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(mkdirat(parent, "tree", 0700), 0);
    int at_fd = openat(parent, "tree", O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 3000; depth++) {
        char name[32];
        snprintf(name, sizeof(name), ".gone-%d", depth % 7);
        ck_assert_int_eq(mkdirat(at_fd, name, 0), 0);
        if (depth % 10 == 0)
            close(openat(at_fd, "file", O_CREAT | O_WRONLY, 0));
        ck_assert_int_eq(fchmodat(at_fd, name, 0700, 0), 0);
        int next = openat(at_fd, name, O_RDONLY | O_DIRECTORY);
        ck_assert_int_ge(next, 0);
        close(at_fd);
        at_fd = next;
    }
    close(at_fd);
    ck_assert_int_eq(tree_remove(parent, "tree", &err), 0);
    ck_assert_int_ne(faccessat(parent, "tree", F_OK, 0), 0);
    ck_assert_int_eq(tree_remove(parent, "tree", &err), 0);
}
END_TEST

/* ---- cgroups ---- */

static void make_group(const struct cgroup *cgroup, size_t hierarchy, const char *id)
{
    char path[CGROUP_PATH_SIZE + 64];
    snprintf(path, sizeof(path), "%s/sandbox", cgroup->mounts[hierarchy]);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/sandbox/%s", cgroup->mounts[hierarchy], id);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* One that misses a hierarchy says nothing of the processes that have no group there. */
START_TEST(test_cgroup__exists_in_all_hierarchies)
{
    struct cgroup cgroup = { 0 };
    ck_assert(!cgroup_exists(&cgroup, ID));
    for (int i = 0; i < 3; i++) {
        snprintf(cgroup.mounts[i], sizeof(cgroup.mounts[i]), "%s/h%d", directory, i);
        ck_assert_int_eq(mkdir(cgroup.mounts[i], 0755), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        ck_assert(!cgroup_exists(&cgroup, ID));
        make_group(&cgroup, i, ID);
    }
    ck_assert(cgroup_exists(&cgroup, ID));
    ck_assert(!cgroup_exists(&cgroup, "0123456789ac"));
}
END_TEST

START_TEST(test_cgroup__detection)
{
    char v1[1024], v2[512], path[160];
    struct cgroup cgroup;
    snprintf(v1, sizeof(v1),
             "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / %s/cpu rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n"
             "35 31 0:32 / %s/memory rw - cgroup cgroup rw,memory\n39 31 0:36 / %s/pids rw - cgroup cgroup rw,pids\n"
             "41 31 0:38 / %s/unified rw - cgroup2 cgroup2 rw\n", directory, directory, directory, directory);
    snprintf(v2, sizeof(v2), "41 31 0:38 / %s/unified rw - cgroup2 cgroup2 rw\n", directory);
    static const char *const made[] = { "cpu", "memory", "pids", "unified", "unified/sandbox" };
    cgroup_detect(v1, &cgroup); /* mounted, but nothing can be made there */
    ck_assert_ptr_null(cgroup_name(&cgroup));
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, made[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    cgroup_detect(v1, &cgroup);
    ck_assert_str_eq(cgroup_name(&cgroup), "cgroup v1");
    cgroup_detect(v2, &cgroup);
    ck_assert_ptr_null(cgroup_name(&cgroup));
    snprintf(path, sizeof(path), "%s/unified/cgroup.controllers", directory);
    FILE *file = fopen(path, "w");
    fputs("cpuset cpu io memory pids\n", file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/unified/sandbox/cgroup.subtree_control", directory);
    fclose(fopen(path, "w"));
    cgroup_detect(v2, &cgroup);
    ck_assert_str_eq(cgroup_name(&cgroup), "cgroup v2");
    cgroup_detect("", &cgroup);
    ck_assert_ptr_null(cgroup_name(&cgroup));
}
END_TEST

START_TEST(test_cgroup__none_is_a_kind_too)
{
    struct err err = ERR_INIT;
    struct cgroup cgroup;
    struct resources resources = { 1000, 256, 1024, 32 };
    char doors[CGROUP_HIERARCHIES][CGROUP_PATH_SIZE], outside[CGROUP_PATH_SIZE];
    const char *inside;
    cgroup_detect("", &cgroup);
    ck_assert_int_eq(cgroup_create(&cgroup, ID, &resources, &err), 0);
    ck_assert_uint_eq(cgroup_doors(&cgroup, ID, doors), 0);
    ck_assert_uint_eq(cgroup_kill(&cgroup, ID), 0);
    ck_assert(!cgroup_oom_killed(&cgroup, ID));
    ck_assert(!cgroup_memory_view(&cgroup, ID, outside, &inside));
    ck_assert_int_eq(cgroup_remove(&cgroup, ID, &err), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runtime");
    TCase *cases = tcase_create("runtime");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, test_runtime__ids);
    tcase_add_test(cases, test_runtime__endpoint);
    tcase_add_test(cases, test_uid_range__plans);
    tcase_add_test(cases, test_uid_range__each_is_given_once);
    tcase_add_test(cases, test_uid_range__is_looked_for_all_over);
    tcase_add_test(cases, test_room__directory_is_checked);
    tcase_add_test(cases, test_room__contents);
    tcase_add_test(cases, test_room__list);
    tcase_add_test(cases, test_tree__follows_no_link);
    tcase_add_test(cases, test_tree__deep_and_wide);
    tcase_add_test(cases, test_cgroup__detection);
    tcase_add_test(cases, test_cgroup__exists_in_all_hierarchies);
    tcase_add_test(cases, test_cgroup__none_is_a_kind_too);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
