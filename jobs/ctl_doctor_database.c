/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at the database: whether it answers, and is set up as docs/database.md asks for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/ctl_doctor.h"
#include "lib/repo/statements.h"
#include "lib/repo/status_repo.h"
#include "lib/util/clock.h"

static const char part[] = "database";
enum {
    PROCESSES = 2,       /* of sandbox-api, as the web servers' samples start */
    OTHERS = 16,         /* the jobs' main threads and measuring, and an operator */
    MINOR = 6,           /* of MariaDB 10 */
    PACKET_MIN = 16 * 1024 * 1024, /* a result with both outputs, return value and artifacts */
    CLOCK_LATE_MS = 2000,
};

static const char *place(const struct db_settings *settings)
{
    return settings->socket[0] ? settings->socket : settings->host;
}

void doctor_database(struct doctor *doctor)
{
    const struct db_settings *settings = &doctor->ctl->settings->database;
    struct status_server server;
    struct err err = ERR_INIT;
    int64_t begun = clock_mono_us();
    if (db_ping(doctor->ctl->context.db, &err) != 0 || status_repo_server(doctor->ctl->context.db, &server, &err) != 0) {
        doctor_say(doctor, DOCTOR_FAIL, part, "start MariaDB, or mend the group `database` of the settings (socket or host, name, user, password)",
                   "%s does not answer: %s", place(settings), err.detail[0] ? err.detail : err.text);
        return;
    }
    doctor->database = true;
    bool old = strtol(server.version, NULL, 10) < 10 || (strncmp(server.version, "10.", 3) == 0 && atoi(server.version + 3) < MINOR);
    bool other = !strstr(server.version, "MariaDB");
    doctor_say(doctor, old || other ? DOCTOR_FAIL : DOCTOR_OK, part, old || other ? "use MariaDB 10.6 or later" : NULL,
               "%s at %s answered in %.1f ms", server.version, place(settings), (double)(clock_mono_us() - begun) / 1000);
}

static void say_connections(struct doctor *doctor, const struct status_server *server)
{
    const struct settings *settings = doctor->ctl->settings;
    int64_t need = PROCESSES * settings->api.threads + settings->node.workers + settings->node.transfers + OTHERS;
    bool few = server->max_connections < need;
    doctor_say(doctor, few ? DOCTOR_WARN : DOCTOR_OK, part, few ? "raise max_connections, or lower api.threads" : NULL,
               "max_connections is %" PRId64 " (%" PRId64 " open now); this host's programs may open %" PRId64, server->max_connections,
               server->connections, need);
}

void doctor_server(struct doctor *doctor)
{
    struct status_server server;
    struct err err = ERR_INIT;
    if (status_repo_server(doctor->ctl->context.db, &server, &err) != 0) {
        doctor_say(doctor, DOCTOR_FAIL, part, "see the server's log", "its variables cannot be read: %s", err.detail);
        return;
    }
    say_connections(doctor, &server);
    bool lazy = server.flush_at_commit != 1;
    doctor_say(doctor, lazy ? DOCTOR_FAIL : DOCTOR_OK, part,
               lazy ? "set innodb_flush_log_at_trx_commit = 1: what was accepted must survive a crash of its host" : NULL,
               "innodb_flush_log_at_trx_commit is %" PRId64, server.flush_at_commit);
    bool small = server.max_allowed_packet < PACKET_MIN;
    doctor_say(doctor, small ? DOCTOR_FAIL : DOCTOR_OK, part, small ? "set max_allowed_packet = 16M or more: large results cannot be stored" : NULL,
               "max_allowed_packet is %" PRId64 " MiB", server.max_allowed_packet / 1024 / 1024);
}

static bool has(const struct string_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

void doctor_privileges(struct doctor *doctor)
{
    /* to work, then to migrate */
    static const char *const wanted[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX", "DROP" };
    enum { TO_WORK = 4, ALL = sizeof(wanted) / sizeof(wanted[0]) };
    cleanup(string_list_release) struct string_list list = { 0 };
    struct err err = ERR_INIT;
    if (status_repo_privileges(doctor->ctl->context.db, &list, &err) != 0) {
        doctor_say(doctor, DOCTOR_WARN, part, NULL, "its grants cannot be read: %s", err.detail);
        return;
    }
    for (int i = 0; i < ALL; i++)
        if (!has(&list, wanted[i])) {
            doctor_say(doctor, i < TO_WORK ? DOCTOR_FAIL : DOCTOR_WARN, part,
                       i < TO_WORK ? "GRANT SELECT, INSERT, UPDATE, DELETE on the database" : "only 'sandboxctl migrate' needs it: fine if another user migrates",
                       "user %s has no %s privilege by a grant of its own", doctor->ctl->settings->database.user, wanted[i]);
            return;
        }
    doctor_say(doctor, DOCTOR_OK, part, NULL, "user %s may read, write and migrate", doctor->ctl->settings->database.user);
}

/* Every statement of this release is prepared: a column or table that is missing shows here. */
static const char *unfit(struct db *db, struct err *err)
{
    for (size_t i = 0; i < repo_statement_table_count; i++)
        for (const struct db_stmt *stmt = repo_statement_tables[i].statements; stmt->sql; stmt++)
            if (db_prepare_only(db, stmt, err) != 0)
                return repo_statement_tables[i].repo;
    return NULL;
}

void doctor_schema(struct doctor *doctor)
{
    struct db *db = doctor->ctl->context.db;
    struct err err = ERR_INIT;
    int64_t version = 0;
    const char *where = status_repo_schema(db, &version, &err) == 0 ? unfit(db, &err) : "schema_migrations";
    if (where)
        doctor_say(doctor, DOCTOR_FAIL, "schema", "run 'sandboxctl migrate' of this release", "version %" PRId64 " does not fit this release: %s: %s", version,
                   where, err.detail);
    else
        doctor_say(doctor, DOCTOR_OK, "schema", NULL, "version %" PRId64 " fits this release", version);
}

void doctor_clock(struct doctor *doctor)
{
    struct status_server server;
    struct err err = ERR_INIT;
    int64_t before = clock_wall_ms();
    if (status_repo_server(doctor->ctl->context.db, &server, &err) != 0)
        return;
    int64_t late = (before + clock_wall_ms()) / 2 - server.now_ms;
    bool off = late > CLOCK_LATE_MS || late < -CLOCK_LATE_MS;
    doctor_say(doctor, off ? DOCTOR_WARN : DOCTOR_OK, "clock", off ? "let both hosts keep time by NTP; nothing but logs and tokens' days depends on it" : NULL,
               "this host's clock is %.3f s %s the database's", (double)(late < 0 ? -late : late) / 1000, late < 0 ? "behind" : "ahead of");
}
