/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are full: the storage's, the runtime directory's, the database's. Each is a small tmpfs of this test's own, in a mount namespace of its
 * own. Clients are told what it is; what was accepted ends; with room again, everything works on. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/service/executions.h"
#include "lib/service/sessions.h"
#include "lib/storage/storage.h"
#include "lib/util/clock.h"
#include "tests/integration/fault_scene.h"
#include "tests/integration/invariants.h"

enum { EXIT_SKIPPED = 77, PATH_SIZE = 512 };

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    char command[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    ck_assert_msg(system(command) == 0, "%s", command);
}

/* A disk of that size in the place of what is there. */
static void mount_small(const char *directory, int64_t kilobytes)
{
    char options[64];
    snprintf(options, sizeof(options), "mode=0755,size=%lldk", (long long)kilobytes);
    ck_assert_int_eq(mount("small", directory, "tmpfs", 0, options), 0);
}

static void fill(const char *directory)
{
    static const char block[4096];
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/filler", directory);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    ck_assert_int_eq(errno, ENOSPC);
}

static void make_room(const char *directory)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/filler", directory);
    ck_assert_int_eq(unlink(path), 0);
}

/* --- storage --- */

static enum err_code store(int64_t bytes, struct err *err)
{
    struct storage *storage = NULL;
    struct storage_write *write = NULL;
    cleanup_free char *data = calloc(1, (size_t)bytes);
    *err = ERR_INIT;
    ck_assert_int_eq(storage_open(&stage.settings->storage, &storage, err), 0);
    int status = storage_write_begin(storage, "sessions/none/object", &write, err);
    if (status == 0 && (status = storage_write_data(write, data, (size_t)bytes, err)) != 0)
        storage_write_abort(write);
    else if (status == 0)
        status = storage_write_commit(write, true, err);
    storage_close(storage);
    return status == 0 ? ERR_NONE : err->code;
}

START_TEST(test_fault_disk__storage_is_full)
{
    const char *directory = stage.settings->storage.directory;
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    scene_start("provisiond", NULL);
    scene_start("dispatchd", NULL);
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    client_creates(300);
    await_running();
    fill(directory);
    ck_assert_msg(store(100000, &err) == ERR_UNAVAILABLE, "%d %s %s", err.code, err.text, err.detail);
    client_executes("print('done')\nopen('left', 'w').write('x' * 5000)", id);
    struct execution execution = await_ended(id);
    ck_assert_int_eq(execution.status, EXECUTION_FAILED);
    ck_assert_str_eq(execution.outcome.error_kind, "storage");
    ck_assert_str_eq(execution.outcome.stdout_text, "done\n"); /* what it said is not lost */
    execution_release(&execution);
    client_executes("print('still works')", id); /* what needs no storage is not held up */
    make_room(directory);
    ck_assert_int_eq(store(100000, &err), ERR_NONE);
    execution = await_ended(id);
    execution_release(&execution);
    client_executes("pass", id);
    execution = await_completed(id);
    execution_release(&execution);
    await_count(1, "SELECT COUNT(*) FROM workspace_files WHERE path = 'left' AND deleted = 0 AND size = 5000");
    client_ends();
}
END_TEST

/* --- the runtime's directory --- */

START_TEST(test_fault_disk__the_runtime_directory_is_full)
{
    char id[EXECUTION_ID_SIZE], kept[256];
    snprintf(kept, sizeof(kept), "%s.kept", stage.directory);
    shell("cp %s %s", stage.config, kept);
    mount_small(stage.directory, 4096);
    ck_assert_int_eq(chmod(stage.directory, 0711), 0);
    shell("cp %s %s && rm %s", kept, stage.config, kept);
    /* nobody else on the machine sees these rooms, and would take their user ids for free: others than those of all the rest */
    shell("sed -i 's/process_isolation/uid_base = 2500000000L; process_isolation/' %s", stage.config);
    scene_start("provisiond", NULL);
    scene_start("dispatchd", NULL);
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    client_creates(300);
    await_running();
    struct session before = session;
    session = (struct session){ 0 };
    fill(stage.directory);
    client_creates(300);
    await_count(1, "SELECT COUNT(*) FROM containers WHERE status = 'creating' AND attempts > 1 AND error IS NOT NULL");
    make_room(stage.directory); /* in time: tried again, and made */
    await_running();
    client_executes("print(1)", id);
    expect_once(id);
    client_ends();
    session_release(&session);
    session = before;
    client_executes("print(1)", id);
    expect_once(id);
    client_ends();
    await_gone();
}
END_TEST

/* --- the database --- */

/* A few megabytes larger than it is. Its log of changes has its room beforehand, as everywhere: without, the server would end itself. */
static void move_database_to_small_disk(char directory_out[PATH_SIZE])
{
    const char *pid_file = getenv("SANDBOX_TEST_DB_PID_FILE");
    const char *d = directory_out;
    long long kilobytes = 0;
    snprintf(directory_out, PATH_SIZE, "%.*s/data", (int)(strrchr(pid_file, '/') - pid_file), pid_file);
    stage_stop_database();
    shell("cp -a --sparse=always %s %s.kept && du -sk --apparent-size %s | cut -f 1 > %s.size", d, d, d, d);
    char path[PATH_SIZE + 8];
    snprintf(path, sizeof(path), "%s.size", d);
    cleanup_file FILE *size = fopen(path, "re");
    ck_assert(size && fscanf(size, "%lld", &kilobytes) == 1);
    mount_small(directory_out, kilobytes + 24 * 1024);
    shell("cp -a --sparse=never %s.kept/. %s && rm -rf %s.kept", d, d, d);
    stage_start_database(&stage);
}

/* Until the database has no room for one more; what it said then. */
static enum err_code submit_until_refused(size_t *accepted_out)
{
    size_t size = 5000; /* within a page: a server that cannot roll back what it has stored elsewhere ends itself */
    cleanup_free char *code = malloc(size + 1);
    enum err_code refused = ERR_NONE;
    memset(code, '#', size);
    code[size] = '\0';
    const struct execution_request request = { .language = LANGUAGE_PYTHON, .code = code, .timeout_s = 30, .max_retries = 3 };
    for (*accepted_out = 0; refused == ERR_NONE && *accepted_out < 1000;) {
        struct err err = ERR_INIT;
        struct execution made = { 0 };
        int64_t begun = clock_mono_ms();
        if (execution_service_submit(&stage.context, "tester", session.id, &request, false, &made, &err) != 0) {
            refused = err.code;
            fprintf(stderr, "refused after %zu: %d %s %s\n", *accepted_out, err.code, err.text, err.detail);
        } else
            ++*accepted_out;
        ck_assert_int_lt(clock_mono_ms() - begun, 15000);
        execution_release(&made);
    }
    return refused;
}

START_TEST(test_fault_disk__the_database_has_no_room)
{
    char directory[PATH_SIZE], code[MARKING_SIZE], id[EXECUTION_ID_SIZE];
    size_t accepted = 0;
    move_database_to_small_disk(directory);
    scene_start("provisiond", NULL);
    scene_start("dispatchd", NULL);
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    client_creates(300);
    await_running();
    marking(5, 1, code);
    client_executes(code, id);
    await_count(1, "SELECT COUNT(*) FROM executions WHERE status = 'running'");
    fill(directory);
    ck_assert_int_eq(submit_until_refused(&accepted), ERR_UNAVAILABLE);
    poll(NULL, 0, 1500); /* results, too, find no room, or some */
    make_room(directory);
    expect_once(id);
    await_count((int64_t)accepted + 1, "SELECT COUNT(*) FROM executions WHERE status = 'completed' AND attempts = 1");
    expect_marks("5 ");
    client_ends();
}
END_TEST

static void set_up(void)
{
    scene_open_empty();
}

static void tear_down(void)
{
    char directory[sizeof(stage.directory)];
    memcpy(directory, stage.directory, sizeof(directory));
    scene_close();
    if (umount2(directory, MNT_DETACH) == 0)
        rmdir(directory);
}

static void set_up_storage(void)
{
    scene_open_empty();
    mount_small(stage.settings->storage.directory, 1024);
}

int main(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        puts("no mounts here");
        return EXIT_SKIPPED;
    }
    Suite *suite = suite_create("fault_disk");
    TCase *storage = tcase_create("storage"), *others = tcase_create("others");
    tcase_add_checked_fixture(storage, set_up_storage, scene_close);
    tcase_set_timeout(storage, 120);
    tcase_add_test(storage, test_fault_disk__storage_is_full);
    suite_add_tcase(suite, storage);
    tcase_add_checked_fixture(others, set_up, tear_down);
    tcase_set_timeout(others, 120);
    tcase_add_test(others, test_fault_disk__the_runtime_directory_is_full);
    tcase_add_test(others, test_fault_disk__the_database_has_no_room);
    suite_add_tcase(suite, others);
    return stage_main(srunner_create(suite));
}
