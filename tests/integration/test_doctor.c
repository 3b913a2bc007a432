/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl status and doctor: things are broken one by one, and each is said with what to do. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/doorbell.h"
#include "tests/integration/db_fixture.h"

static char directory[64], out[65536];

/* What the settings of a sound installation say; a test replaces one of these. */
static struct sound {
    char database[320], doorbell[128], runtime[512], storage[160];
} sound;

static void set_up(void)
{
    const struct db_settings *db;
    char command[512];
    fixture_setup();
    fixture_sql("DELETE FROM jobs; DELETE FROM node_images");
    strcpy(directory, "/run/test_doctor.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(command, sizeof(command), "chmod 0711 %s && mkdir -m 0711 %s/containers && mkdir -m 0700 %s/storage && cp \"$SANDBOX_BUILD\"/executor/sandbox-executor %s/executor"
             " && chmod 0755 %s/executor", directory, directory, directory, directory, directory);
    ck_assert_int_eq(system(command), 0);
    db = &fixture_settings->database;
    snprintf(sound.database, sizeof(sound.database), "socket = \"%s\"; password = \"%s\";", db->socket, db->password);
    snprintf(sound.doorbell, sizeof(sound.doorbell), "dispatchd = \"127.0.0.1:29871\"; provisiond = \"127.0.0.1:29872\"; pool = \"127.0.0.1:29873\";");
    snprintf(sound.runtime, sizeof(sound.runtime), "kind = \"process\"; process_isolation = \"best-effort\"; directory = \"%s/containers\"; executor = \"%s/executor\";",
             directory, directory);
    snprintf(sound.storage, sizeof(sound.storage), "driver = \"file\"; directory = \"%s/storage\";", directory);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    fixture_sql("DELETE FROM jobs; DELETE FROM node_images");
    fixture_teardown();
}

static int ctl(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int ctl(const char *format, ...)
{
    char arguments[256], command[1024], path[128];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof(arguments), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s/conf", directory);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "database: { %s };\ndoorbell: { %s };\nruntime: { %s };\nstorage: { %s };\nmetrics: { directory = \"\"; };\n", sound.database,
            sound.doorbell, sound.runtime, sound.storage);
    fclose(file);
    ck_assert_int_eq(chmod(path, 0640), 0);
    snprintf(command, sizeof(command), "\"$SANDBOX_BUILD\"/jobs/sandboxctl %s --config %s 2>&1", arguments, path);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    out[fread(out, 1, sizeof(out) - 1, pipe)] = '\0';
    int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status), "%s: %s", arguments, out);
    return WEXITSTATUS(status);
}

#define SAYS(words) ck_assert_msg(strstr(out, words) != NULL, "\"%s\" is not in: %s", words, out)
#define SAYS_NOT(words) ck_assert_msg(strstr(out, words) == NULL, "\"%s\" is in: %s", words, out)

static void add_jobs(void)
{
    fixture_sql("INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms)"
                " SELECT CONCAT('h:', n), n, 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 60000 FROM (SELECT 'dispatchd' n UNION SELECT 'provisiond'"
                " UNION SELECT 'reap' UNION SELECT 'pool' UNION SELECT 'purge' UNION SELECT 'probe' UNION SELECT 'webhookd') t");
}

START_TEST(test_doctor__a_sound_installation)
{
    char bound[DOORBELL_ADDRESS_SIZE];
    struct err err = ERR_INIT;
    cleanup_fd int bell = doorbell_open("127.0.0.1:29871", bound, &err);
    fixture_node("node-1", 4000, 4096, 10);
    add_jobs();
    ck_assert_msg(ctl("doctor") == 0, "%s", out);
    SAYS("0 failed");
    SAYS_NOT("FAIL");
    SAYS("fits this release");
    SAYS("written, read and deleted");
    SAYS("static and executable");
    SAYS("127.0.0.1:29871 is bound");
    SAYS("nobody on this host listens at 127.0.0.1:29872");
    SAYS("node-1 is ready");
    ck_assert_int_eq(ctl("doctor --json"), 0);
    SAYS("{\"failed\":0,");
    char left[128];
    snprintf(left, sizeof(left), "test -z \"$(find %s/storage -type f)\"", directory);
    ck_assert_int_eq(system(left), 0);
}
END_TEST

START_TEST(test_doctor__without_a_database_it_goes_on)
{
    snprintf(sound.database, sizeof(sound.database), "socket = \"/nonexistent/socket\";");
    ck_assert_int_eq(ctl("doctor"), 1);
    SAYS("FAIL  database     /nonexistent/socket does not answer");
    SAYS("-> start MariaDB");
    SAYS("written, read and deleted");
    SAYS("was not looked at");
    ck_assert_int_eq(ctl("status"), 1);
    SAYS("unhealthy");
    ck_assert_int_eq(ctl("status --json"), 1);
    SAYS("\"database\":{\"status\":\"unhealthy\"");
}
END_TEST

/* One thing is broken, by a command in the installation's directory or in the settings. */
static const struct broken {
    const char *command, *setting, *value, *said;
} broken[] = {
    { "rm executor", NULL, NULL, "FAIL  executor" },
    { "chmod 0700 executor", NULL, NULL, "not executable by all users" },
    { "rm executor && cp /bin/sh executor && chmod 0755 executor", NULL, NULL, "is no static program" },
    { "rmdir storage && touch storage", NULL, NULL, "FAIL  storage" },
    { "chmod 0700 containers", NULL, NULL, "is no directory that all users may search" },
    { NULL, "runtime", "kind = \"process\"; directory = \"/run/0123456789012345678901234567890123456789012345678901234567890123456789012345\";",
      "75 at most" },
    { NULL, "runtime", "kind = \"docker\"; directory = \"/run\"; docker_socket = \"/nonexistent/docker.sock\";", "FAIL  engine" },
    { NULL, "doorbell", "dispatchd = \"somewhere\";", "FAIL  doorbell" },
    { NULL, "runtime", "kinds = \"process\";", "FAIL  settings" },
};

START_TEST(test_doctor__what_is_broken_is_said)
{
    const struct broken *now = &broken[_i];
    char command[256];
    add_jobs();
    fixture_node("node-1", 4000, 4096, 10);
    if (now->command) {
        snprintf(command, sizeof(command), "cd %s && %s", directory, now->command);
        ck_assert_int_eq(system(command), 0);
    } else if (strcmp(now->setting, "runtime") == 0) {
        snprintf(sound.runtime, sizeof(sound.runtime), "%s", now->value);
    } else {
        snprintf(sound.doorbell, sizeof(sound.doorbell), "%s", now->value);
    }
    ck_assert_int_eq(ctl("doctor"), 1);
    SAYS(now->said);
    SAYS(" -> ");
}
END_TEST

START_TEST(test_doctor__jobs_nodes_images_and_schema)
{
    add_jobs();
    fixture_sql("UPDATE jobs SET beat_at = beat_at - INTERVAL 1 HOUR WHERE name = 'reap'; DELETE FROM jobs WHERE name = 'pool'");
    fixture_node("node-1", 4000, 4096, 10);
    fixture_node("node-2", 4000, 4096, 10);
    fixture_sql("UPDATE nodes SET status = 'offline', error = 'its engine is away' WHERE id = 'node-2';"
                "INSERT INTO node_images (node_id, image) SELECT 'node-1', image FROM templates WHERE id <> 'nodejs-basic'");
    ck_assert_int_eq(ctl("doctor"), 1);
    SAYS("FAIL  job          sandbox-reap");
    SAYS("sandbox-pool was never seen");
    SAYS("warn  node         node-2 is offline");
    SAYS("its engine is away");
    SAYS("no node has the image of template nodejs-basic");
    fixture_sql("ALTER TABLE containers RENAME COLUMN misses TO mrs");
    int status = ctl("doctor");
    fixture_sql("ALTER TABLE containers RENAME COLUMN mrs TO misses");
    ck_assert_int_eq(status, 1);
    SAYS("FAIL  schema");
    SAYS("sandboxctl migrate");
}
END_TEST

START_TEST(test_doctor__the_web_tier)
{
    ck_assert_int_eq(ctl("doctor --url http://127.0.0.1:9"), 1);
    SAYS("FAIL  web");
    SAYS("start the web server");
}
END_TEST

START_TEST(test_doctor__status)
{
    add_jobs();
    fixture_node("n1", 4000, 4096, 10);
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_execution("exec_20260101_00000002", "s1", true);
    fixture_sql("UPDATE executions SET status = 'crashed', error_message = CONCAT('It was ', CHAR(27), ' lost.'), completed_at = UTC_TIMESTAMP(3) WHERE id LIKE '%2';"
                "UPDATE templates SET pool_target = 2 WHERE id = 'python-basic'");
    ck_assert_msg(ctl("status") == 0, "%s", out);
    SAYS(": healthy");
    SAYS("n1: 1 of 10 containers");
    SAYS("dispatchd: ");
    SAYS("1 running");
    SAYS("1 pending, 0 running");
    SAYS("python-basic: 0 warm of 2 wanted");
    SAYS("execution exec_20260101_00000002: It was ? lost.");
    fixture_sql("UPDATE nodes SET last_seen_at = last_seen_at - INTERVAL 1 MINUTE");
    ck_assert_int_eq(ctl("status --json"), 1);
    SAYS("\"queue\":{\"pending\":1,\"running\":0,");
    SAYS("\"status\":\"offline\"");
    fixture_sql("UPDATE templates SET pool_target = 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doctor");
    TCase *tcase = tcase_create("doctor");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_doctor__a_sound_installation);
    tcase_add_test(tcase, test_doctor__without_a_database_it_goes_on);
    tcase_add_loop_test(tcase, test_doctor__what_is_broken_is_said, 0, sizeof(broken) / sizeof(broken[0]));
    tcase_add_test(tcase, test_doctor__jobs_nodes_images_and_schema);
    tcase_add_test(tcase, test_doctor__the_web_tier);
    tcase_add_test(tcase, test_doctor__status);
    return fixture_run(suite);
}
