/* SPDX-License-Identifier: Apache-2.0 */
/* Project quotas on a file system of the test's own; most is passed over where the kernel has none. SANDBOX_TEST_QUOTA_DIR names a directory
 * on a file system with project quotas instead. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/runtime/quota.h"

enum { PROJECT = 1234567, MIB = 1024 * 1024, DISK_MB = 8, HARD_MB = DISK_MB + 1, NOBODY = 65534 };

static char base[64] = "/tmp/test-quota-XXXXXX";
static const char *place; /* on the file system with quotas */
static int top = -1, work = -1;

/* An ext4 of its own in a mount namespace of its own; false: not here. */
static bool make_place(void)
{
    static char directory[80];
    char command[512];
    place = getenv("SANDBOX_TEST_QUOTA_DIR");
    if (place && place[0])
        return true;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || !mkdtemp(base))
        return false;
    snprintf(command, sizeof(command),
             "cd %s && mkdir m && truncate -s 64M image && mkfs.ext4 -q -O quota,project -E quotatype=prjquota image &&"
             " mount -o loop,prjquota image m 2>/dev/null", base);
    snprintf(directory, sizeof(directory), "%s/m", base);
    place = directory;
    return system(command) == 0;
}

static void remove_place(void)
{
    char command[256];
    if (strstr(base, "XXXXXX"))
        return;
    snprintf(command, sizeof(command), "umount %s/m 2>/dev/null; rm -rf %s", base, base);
    (void)!system(command);
}

#define OK(call)                                                                        \
    do {                                                                                \
        struct err err = ERR_INIT;                                                      \
        ck_assert_msg((call) == 0, "%s: %s %s", #call, err.text, err.detail);           \
    } while (0)

static void set_up(void)
{
    if (!place)
        return;
    top = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(top, 0);
    ck_assert_int_eq(mkdirat(top, "work", 0700), 0);
    work = openat(top, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OK(quota_assign(work, PROJECT, &err));
    OK(quota_limit(top, PROJECT, DISK_MB, &err));
}

static void tear_down(void)
{
    char command[256];
    if (!place)
        return;
    close(work);
    quota_release(top, PROJECT);
    close(top);
    snprintf(command, sizeof(command), "rm -rf %s/work %s/beside", place, place);
    (void)!system(command);
}

/* MiB that could be written to the file, until `most`; errno says why no more. */
static int fill(int directory, const char *name, int most)
{
    static char piece[MIB];
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), done = 0, why = 0;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(seteuid(NOBODY), 0); /* who has CAP_SYS_RESOURCE is above quotas */
    for (; done < most && why == 0; done++) {
        ssize_t put = write(fd, piece, MIB);
        why = put < 0 ? errno : put < MIB ? EDQUOT : 0;
        if (why)
            break;
    }
    if (why == 0 && fsync(fd) != 0)
        why = errno;
    close(fd);
    ck_assert_int_eq(seteuid(0), 0);
    errno = why;
    return done;
}

START_TEST(test_quota__ends_what_is_written_at_the_limit)
{
    ck_assert(quota_enforced(top));
    ck_assert_int_eq(fill(work, "a", DISK_MB), DISK_MB);
    ck_assert_int_eq(errno, 0);
    ck_assert_int_le(fill(work, "b", 30), HARD_MB - DISK_MB);
    ck_assert_int_eq(errno, EDQUOT);
    ck_assert_int_eq(fill(top, "beside", 20), 20); /* others have their room */
    ck_assert_int_eq(errno, 0);
}
END_TEST

START_TEST(test_quota__directories_inherit_it)
{
    ck_assert_int_eq(mkdirat(work, "d", 0700), 0);
    int deep = openat(work, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(deep, 0);
    ck_assert_int_le(fill(deep, "a", 30), HARD_MB);
    ck_assert_int_eq(errno, EDQUOT);
    close(deep);
}
END_TEST

START_TEST(test_quota__removal_frees_it_and_a_released_project_has_none)
{
    ck_assert_int_le(fill(work, "a", 30), HARD_MB);
    ck_assert_int_eq(unlinkat(work, "a", 0), 0);
    ck_assert_int_eq(fill(work, "a", DISK_MB), DISK_MB);
    quota_release(top, PROJECT);
    ck_assert_int_eq(fill(work, "a", 20), 20);
    ck_assert_int_eq(errno, 0);
}
END_TEST

/* Removal moves directories up, out of the project. */
START_TEST(test_quota__directories_can_be_moved_out)
{
    ck_assert_int_eq(mkdirat(work, "d", 0700), 0);
    ck_assert_int_eq(renameat(work, "d", top, "beside"), 0);
}
END_TEST

START_TEST(test_quota__a_file_system_without_is_left_to_the_watch)
{
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert(!quota_enforced(fd));
    close(fd);
}
END_TEST

int main(void)
{
    bool there = make_place();
    if (!there) {
        puts("no project quotas here (no root, or a kernel without CONFIG_QFMT_V2): most is passed over");
        place = NULL;
    }
    Suite *suite = suite_create("quota");
    TCase *tcase = tcase_create("quota");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    if (there) {
        tcase_add_test(tcase, test_quota__ends_what_is_written_at_the_limit);
        tcase_add_test(tcase, test_quota__directories_inherit_it);
        tcase_add_test(tcase, test_quota__removal_frees_it_and_a_released_project_has_none);
        tcase_add_test(tcase, test_quota__directories_can_be_moved_out);
    }
    tcase_add_test(tcase, test_quota__a_file_system_without_is_left_to_the_watch);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    remove_place();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
