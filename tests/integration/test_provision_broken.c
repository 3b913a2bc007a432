/* SPDX-License-Identifier: Apache-2.0 */
/* A provisioner whose database connection breaks off: it leaves no lease that would keep a step from being done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/service/provision.h"
#include "tests/fakes/breaking_proxy.h"
#include "tests/integration/db_fixture.h"

static struct db_settings settings;
static char path[108], directory[] = "/tmp/test_provision.XXXXXX";
static struct breaking_proxy *proxy;
static struct db *db;

static void replace(char **setting, const char *value)
{
    free(*setting);
    *setting = strdup(value);
}

static void quiet(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

static void setup(void)
{
    char executor[512];
    fixture_setup();
    snprintf(executor, sizeof(executor), "%s/executor/sandbox-executor", getenv("SANDBOX_BUILD"));
    replace(&fixture_settings->runtime.executor, executor);
    ck_assert_ptr_nonnull(mkdtemp(strcpy(directory, "/tmp/test_provision.XXXXXX")));
    replace(&fixture_settings->runtime.kind, "process");
    replace(&fixture_settings->runtime.process_isolation, "best-effort");
    replace(&fixture_settings->runtime.directory, directory);
    settings = fixture_settings->database;
    snprintf(path, sizeof(path), "%s.proxy", settings.socket);
    proxy = breaking_proxy_start(path, settings.socket);
    settings.socket = path;
    db = db_new(&settings);
    ck_assert_ptr_nonnull(db);
}

static void teardown(void)
{
    db_free(db);
    breaking_proxy_stop(proxy);
    rmdir(directory);
    fixture_teardown();
}

/* What is sent when the connection breaks: the claim's commit, or what stores that the container is gone. */
static const char *const moments[] = { "\003COMMIT", "0123456789ab" };

START_TEST(test_provision__a_broken_connection_leaves_no_lease)
{
    const struct provision_config config = {
        .db = db, .settings = fixture_settings, .node_id = "n1", .claimed_by = "host:provisiond#0", .doorbell = -1,
        .report = quiet,
    };
    struct err err = ERR_INIT;
    bool worked;
    fixture_node("n1", 4000, 4096, 10);
    fixture_container("0123456789ab", "n1", "", CONTAINER_DELETING);
    struct provisioner *provisioner = provision_new(&config, &err);
    ck_assert_ptr_nonnull(provisioner);
    breaking_proxy_break_on(proxy, moments[_i], true);
    int first = provision_step(provisioner, &worked, &err);
    ck_assert_int_eq(breaking_proxy_breaks(proxy), 1);
    ck_assert_int_ne(first, 0);
    OK(provision_step(provisioner, &worked, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleted'"), 1);
    provision_free(provisioner);
}
END_TEST

/* What one process of several workers left is free for the next at once; another node's stays. */
START_TEST(test_provision__leases_of_an_earlier_process_end)
{
    struct err err = ERR_INIT;
    fixture_container("000000000001", "n1", "", CONTAINER_CREATING);
    fixture_container("000000000002", "n1", "", CONTAINER_DELETING);
    fixture_container("000000000003", "n2", "", CONTAINER_DELETING);
    fixture_sql("UPDATE containers SET due_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR, claimed_by = 'host_1:provisiond#7';"
                "UPDATE containers SET claimed_by = 'hostX1:provisiond#7' WHERE id = '000000000003'");
    OK(provision_recover(fixture_db, "n1", &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE due_at <= UTC_TIMESTAMP(3) AND claimed_by IS NULL"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE claimed_by = 'hostX1:provisiond#7'"), 1);
}
END_TEST

/* Where a replacement is cut off: what stands in the middle of its transaction, the note in the trail, what takes the suspect. */
static const char *const cuts[] = { "replaced_at = IF", "sandbox-provisiond", "\003COMMIT" };

START_TEST(test_provision__a_replacement_that_is_cut_off_is_done_once)
{
    const struct provision_config config = {
        .db = db, .settings = fixture_settings, .node_id = "n1", .claimed_by = "host:provisiond#0", .doorbell = -1,
        .report = quiet,
    };
    struct err err = ERR_INIT, ignored = ERR_INIT;
    bool worked;
    fixture_node("n1", 4000, 4096, 10);
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_sql("UPDATE containers SET id = '0123456789ab', suspect = 1; UPDATE sessions SET container_id = '0123456789ab'");
    struct provisioner *provisioner = provision_new(&config, &err);
    ck_assert_ptr_nonnull(provisioner);
    breaking_proxy_break_on(proxy, cuts[_i], true);
    (void)!provision_step(provisioner, &worked, &ignored);
    ck_assert_int_eq(breaking_proxy_breaks(proxy), 1);
    OK(provision_reconcile(provisioner, &err)); /* finds what the step did not get done */
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id"
                                    " WHERE s.status = 'creating' AND s.restarts = 1 AND c.status = 'creating'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE session_id = 's1'"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'replace'"), 1);
    provision_free(provisioner);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("provision_broken");
    TCase *tcase = tcase_create("provision_broken");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_provision__a_broken_connection_leaves_no_lease, 0, sizeof(moments) / sizeof(moments[0]));
    tcase_add_loop_test(tcase, test_provision__a_replacement_that_is_cut_off_is_done_once, 0, sizeof(cuts) / sizeof(cuts[0]));
    tcase_add_test(tcase, test_provision__leases_of_an_earlier_process_end);
    return fixture_run(suite);
}
