/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl as an operator calls it, and migrations. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/doorbell.h"
#include "lib/service/migrations.h"
#include "lib/util/strbuf.h"
#include "tests/integration/db_fixture.h"

static char out[65536]; /* of the last command, with what it said on standard error */

/* Runs sandboxctl with these arguments (for a shell) and returns its exit code. */
static int ctl(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int ctl(const char *format, ...)
{
    char arguments[512], command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof(arguments), format, args);
    va_end(args);
    snprintf(command, sizeof(command), "\"$SANDBOX_BUILD\"/jobs/sandboxctl %s 2>&1", arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    out[fread(out, 1, sizeof(out) - 1, pipe)] = '\0';
    int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status), "%s: %s", arguments, out);
    return WEXITSTATUS(status);
}

#define SAYS(word) ck_assert_msg(strstr(out, word) != NULL, "\"%s\" is not in: %s", word, out)

START_TEST(test_sandboxctl__wrong_usage_is_2_and_says_what_to_do)
{
    static const struct {
        const char *arguments, *said;
    } cases[] = {
        { "", "usage" },
        { "frobnicate", "there is no command \"frobnicate\"" },
        { "token", "needs one of its verbs" },
        { "token frobnicate", "needs one of its verbs" },
        { "token create", "--owner is missing" },
        { "token create --owner", "--owner needs a value" },
        { "token create --owner me --colour red", "no option --colour" },
        { "token revoke", "ID is missing" },
        { "token list now", "\"now\" is too much" },
        { "template pool python-basic", "TARGET is missing" },
        { "--config", "no command \"--config\"" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code = ctl("%s", cases[i].arguments);
        ck_assert_msg(code == 2, "%s: exit code %d", cases[i].arguments, code);
        SAYS(cases[i].said);
    }
}
END_TEST

START_TEST(test_sandboxctl__help_is_for_all)
{
    static const char *const all[] = { "--help", "migrate --help", "token --help", "token create --help", "template --help",
                                       "template pool --help", "node --help", "nodes --help", "nodes add --help", "config --help", "config sample --help" };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ck_assert_msg(ctl("%s", all[i]) == 0, "%s", all[i]);
        SAYS("usage");
    }
}
END_TEST

START_TEST(test_sandboxctl__tokens)
{
    char token[64] = "", id[16] = "";
    ck_assert_int_eq(ctl("token create --owner me --scopes sessions,admin --expires-days 2 2>/dev/null #"), 0);
    ck_assert_uint_eq(strlen(out), 45); /* the token and a newline, nothing else */
    sscanf(out, "%63s", token);
    ck_assert_int_eq(ctl("token check </dev/null"), 1);
    ck_assert_int_eq(ctl("token list"), 0);
    SAYS("me");
    SAYS("sessions,admin");
    ck_assert_ptr_null(strstr(out, token));
    sscanf(strchr(out, '\n') + 1, "%15s", id);
    char command[256];
    snprintf(command, sizeof(command), "printf %s | \"$SANDBOX_BUILD\"/jobs/sandboxctl token check >/dev/null 2>&1", token);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(ctl("token revoke %s", id), 0);
    ck_assert_int_ne(system(command), 0);
    ck_assert_int_eq(ctl("token revoke nope"), 1);
    SAYS("There is no token nope");
    ck_assert_int_eq(ctl("token create --owner me --scopes everything"), 1);
    SAYS("sessions, templates, admin");
    ck_assert_int_eq(ctl("token create --owner me --expires-days 0"), 1);
    SAYS("--expires-days");
}
END_TEST

/* Whether the output has these words, however many blanks are between them. */
static bool has_words(const char *words)
{
    char squeezed[sizeof(out)];
    size_t len = 0;
    for (const char *c = out; *c; c++)
        if (*c != ' ' || len == 0 || squeezed[len - 1] != ' ')
            squeezed[len++] = *c;
    squeezed[len] = '\0';
    return strstr(squeezed, words) != NULL;
}

START_TEST(test_sandboxctl__templates_ring_the_pool)
{
    char address[DOORBELL_ADDRESS_SIZE], path[] = "/tmp/test_sandboxctl.XXXXXX";
    struct err err = ERR_INIT;
    cleanup_fd int bell = doorbell_open("127.0.0.1:0", address, &err);
    cleanup_fd int fd = mkstemp(path);
    const struct db_settings *db = &fixture_settings->database;
    dprintf(fd, "database: { socket = \"%s\"; password = \"%s\"; };\ndoorbell: { pool = \"%s\"; };\n", db->socket, db->password, address);
    ck_assert_int_eq(ctl("--config %s template pool python-basic 3", path), 0);
    ck_assert_int_eq(doorbell_drain(bell), 1); /* loopback: there as soon as it is sent */
    ck_assert_int_eq(ctl("template pool python-basic 3 --config %s", path), 0);
    ck_assert_int_eq(ctl("--config %s template image nodejs-basic registry.example/x:1@sha256:0", path), 0);
    ck_assert_int_eq(doorbell_drain(bell), 2);
    ck_assert_int_eq(fixture_number("SELECT pool_target FROM templates WHERE id = 'python-basic'"), 3);
    ck_assert_int_eq(ctl("template list"), 0);
    SAYS("registry.example/x:1@sha256:0");
    ck_assert_int_eq(ctl("template image nodejs-basic 'a b'"), 1);
    ck_assert_int_eq(ctl("template image nope x"), 1);
    SAYS("'nope' does not exist");
    ck_assert_int_eq(ctl("--config %s template preload nodejs-basic numpy,os.path", path), 0);
    ck_assert_int_eq(doorbell_drain(bell), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM templates WHERE id = 'nodejs-basic' AND preload_json = '[\"numpy\",\"os.path\"]'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE object_id = 'nodejs-basic' AND detail LIKE 'preload [%os.path%'"), 1);
    ck_assert_int_eq(ctl("template preload nodejs-basic numpy,"), 1);
    SAYS("not the name of a Python module");
    ck_assert_int_eq(ctl("template preload nodejs-basic a,b,a"), 1);
    ck_assert_int_eq(ctl("template preload nope a"), 1);
    ck_assert_int_eq(ctl("template preload nodejs-basic none"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM templates WHERE id = 'nodejs-basic' AND preload_json = '[]'"), 1);
    ck_assert_int_eq(ctl("template pool python-basic 6 --min 2 --max-idle 90"), 0);
    fixture_node("n1", 8000, 8192, 20);
    fixture_session("s1", "me", SESSION_RUNNING); /* a warm one */
    fixture_session("s2", "me", SESSION_CREATING);
    fixture_container("w1", "n1", "", CONTAINER_WARM);
    fixture_sql("INSERT INTO pool_demand (template_id, wanted, changed_at) VALUES ('python-basic', 9, UTC_TIMESTAMP(3))");
    ck_assert_int_eq(ctl("pool"), 0);
    ck_assert_msg(has_words("python-basic 2 6 90 s 9 1 0 2 50 % short"), "%s", out);
    ck_assert_msg(has_words("nodejs-basic 0 0 "), "%s", out);
    ck_assert_int_eq(ctl("template pool python-basic -1"), 1);
    ck_assert_int_eq(ctl("template pool python-basic 1x"), 1);
    fixture_sql("UPDATE templates SET image = 'sandbox/nodejs:18-basic' WHERE id = 'nodejs-basic'");
    unlink(path);
}
END_TEST

START_TEST(test_sandboxctl__nodes_and_settings)
{
    fixture_node("node-7", 4000, 4096, 10);
    ck_assert_int_eq(ctl("node list"), 0);
    SAYS("node-7");
    SAYS("namespaces");
    SAYS("0/10");
    ck_assert_int_eq(ctl("node drain node-7"), 0);
    ck_assert_int_eq(ctl("node drain node-7"), 0);
    ck_assert_int_eq(ctl("node list"), 0);
    SAYS("draining");
    ck_assert_int_eq(ctl("node ready node-7"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE id = 'node-7' AND status = 'ready'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE object_id = 'node-7' AND actor LIKE 'sandboxctl%'"), 2);
    ck_assert_int_eq(ctl("nodes add far --engine tcp://engine.example:2376 --tls-dir /etc/sandbox/far --cpu-milli 2000"), 0);
    ck_assert_int_eq(ctl("nodes add near --engine unix:///run/one.sock --max-containers 7"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE id = 'near' AND host <> '' AND containers_limit = 7"), 1);
    ck_assert_int_eq(ctl("nodes list"), 0);
    SAYS("engine tcp://engine.example:2376 with /etc/sandbox/far, not served");
    ck_assert_int_eq(ctl("nodes add bad --engine docker.sock"), 1);
    SAYS("unix:///PATH or tcp://HOST:PORT");
    ck_assert_int_eq(ctl("nodes add bad --engine unix:///x --host any"), 1);
    ck_assert_int_eq(ctl("nodes add bad"), 2);
    ck_assert_int_eq(ctl("nodes remove near"), 0);
    ck_assert_int_eq(ctl("nodes remove node-7"), 1);
    SAYS("stop that first");
    ck_assert_int_eq(ctl("node drain nope"), 1);
    SAYS("'nope' does not exist");
    ck_assert_int_eq(ctl("config check"), 0);
    ck_assert_int_eq(ctl("--config /nonexistent config check"), 1);
    SAYS("/nonexistent");
    ck_assert_int_eq(ctl("config sample > /dev/full"), 1);
}
END_TEST

/* --- migrations, in a database of their own */

static char directory[64];
static struct db_settings other;
static struct db *db;

static void migrations_setup(void)
{
    struct err err = ERR_INIT;
    fixture_setup();
    fixture_sql("DROP DATABASE IF EXISTS sandbox_two; CREATE DATABASE sandbox_two");
    other = fixture_settings->database;
    other.name = (char *)"sandbox_two";
    db = db_new(&other);
    OK(db_ping(db, &err));
    strcpy(directory, "/tmp/test_migrations.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void migrations_teardown(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    db_free(db);
    fixture_sql("DROP DATABASE sandbox_two");
    fixture_teardown();
}

static void write_migration(const char *name, const char *sql)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(sql, file);
    fclose(file);
}

static void remove_migration(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    ck_assert_int_eq(unlink(path), 0);
}

static void note(void *arg, const char *name)
{
    strbuf_addf(arg, "%s ", name);
}

static int apply(char applied[256], struct err *err)
{
    cleanup_strbuf struct strbuf names = STRBUF_INIT(255);
    struct migrations_report report = { .on_applied = note, .arg = &names };
    int status = migrations_apply(db, directory, &report, err);
    snprintf(applied, 256, "%s", strbuf_str(&names));
    return status;
}

START_TEST(test_migrations__each_is_applied_once_in_order)
{
    struct err err = ERR_INIT;
    char applied[256];
    write_migration("0001_a.sql", "CREATE TABLE a (x INT); INSERT INTO a VALUES (1);");
    write_migration("0002_b.sql", "-- only a comment and a statement\nUPDATE a SET x = x + 1");
    write_migration("README", "not a migration");
    write_migration("0003.sql", "not one either");
    OK(apply(applied, &err));
    ck_assert_str_eq(applied, "0001_a 0002_b ");
    OK(apply(applied, &err));
    ck_assert_str_eq(applied, "");
    write_migration("0003_c.sql", "UPDATE a SET x = x * 10");
    OK(apply(applied, &err));
    ck_assert_str_eq(applied, "0003_c ");
    ck_assert_int_eq(fixture_number("SELECT x FROM sandbox_two.a"), 20);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sandbox_two.schema_migrations WHERE LENGTH(sha256) = 64"), 3);
}
END_TEST

START_TEST(test_migrations__gaps_changes_and_losses_are_refused)
{
    struct err err = ERR_INIT;
    char applied[256];
    FAILS(apply(applied, &err), ERR_INVALID); /* nothing there */
    write_migration("0002_b.sql", "SELECT 1");
    FAILS(apply(applied, &err), ERR_INVALID);
    write_migration("0001_a.sql", "SELECT 1");
    write_migration("0002_bb.sql", "SELECT 1");
    FAILS(apply(applied, &err), ERR_INVALID);
    remove_migration("0002_bb.sql");
    OK(apply(applied, &err));
    write_migration("0001_a.sql", "SELECT 2");
    FAILS(apply(applied, &err), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.text, "0001_a"));
    write_migration("0001_a.sql", "SELECT 1");
    remove_migration("0002_b.sql");
    FAILS(apply(applied, &err), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.text, "newer"));
}
END_TEST

START_TEST(test_migrations__a_failure_is_named_and_not_recorded)
{
    struct err err = ERR_INIT;
    char applied[256];
    write_migration("0001_a.sql", "CREATE TABLE a (x INT)");
    write_migration("0002_b.sql", "CREATE TABLE b (x INT); CREATE TABLE b (x INT); CREATE TABLE c (x INT)");
    FAILS(apply(applied, &err), ERR_INTERNAL);
    ck_assert_str_eq(applied, "0001_a ");
    ck_assert_ptr_nonnull(strstr(err.text, "0002_b"));
    ck_assert_ptr_nonnull(strstr(err.detail, "statement"));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sandbox_two.schema_migrations"), 1);
    write_migration("0002_b.sql", "CREATE TABLE IF NOT EXISTS b (x INT); CREATE TABLE c (x INT)");
    OK(apply(applied, &err));
    ck_assert_str_eq(applied, "0002_b ");
}
END_TEST

static void apply_at_once(int index)
{
    struct err err = ERR_INIT;
    struct migrations_report report = { 0 };
    (void)index;
    cleanup_db struct db *mine = db_new(&other);
    OK(migrations_apply(mine, directory, &report, &err));
    ck_assert_int_eq(report.version, 2);
}

START_TEST(test_migrations__several_programs_at_once)
{
    write_migration("0001_a.sql", "CREATE TABLE a (x INT); INSERT INTO a VALUES (0)");
    write_migration("0002_b.sql", "UPDATE a SET x = x + 1; SELECT SLEEP(0.2)");
    fixture_threads(4, apply_at_once);
    ck_assert_int_eq(fixture_number("SELECT x FROM sandbox_two.a"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandboxctl");
    TCase *tcase = fixture_case(suite, "commands");
    tcase_add_test(tcase, test_sandboxctl__wrong_usage_is_2_and_says_what_to_do);
    tcase_add_test(tcase, test_sandboxctl__help_is_for_all);
    tcase_add_test(tcase, test_sandboxctl__tokens);
    tcase_add_test(tcase, test_sandboxctl__templates_ring_the_pool);
    tcase_add_test(tcase, test_sandboxctl__nodes_and_settings);
    TCase *migrations = tcase_create("migrations");
    tcase_add_checked_fixture(migrations, migrations_setup, migrations_teardown);
    tcase_set_timeout(migrations, 60);
    suite_add_tcase(suite, migrations);
    tcase_add_test(migrations, test_migrations__each_is_applied_once_in_order);
    tcase_add_test(migrations, test_migrations__gaps_changes_and_losses_are_refused);
    tcase_add_test(migrations, test_migrations__a_failure_is_named_and_not_recorded);
    tcase_add_test(migrations, test_migrations__several_programs_at_once);
    return fixture_run(suite);
}
