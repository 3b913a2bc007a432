/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl config ... and migrate. */
#include <inttypes.h>

#include "jobs/ctl.h"
#include "lib/service/migrations.h"

/* A change of a large table may take this long. */
enum { MIGRATION_TIMEOUT_MS = 3600 * 1000 };

static void say_applied(void *arg, const char *name)
{
    *(int *)arg += 1;
    printf("applied %s\n", name);
    fflush(stdout);
}

int ctl_migrate(struct ctl *ctl, struct err *err)
{
    struct db_settings patient = ctl->settings->database;
    patient.timeout_ms = MIGRATION_TIMEOUT_MS;
    cleanup_db struct db *db = db_new(&patient);
    if (!db)
        return err_internal(err, 0, "out of memory");
    int applied = 0;
    struct migrations_report report = { .on_applied = say_applied, .arg = &applied };
    const char *directory = ctl->options[0] ? ctl->options[0] : SANDBOX_DATADIR "/sql";
    if (migrations_apply(db, directory, &report, err) != 0)
        return -1;
    printf("%s version %" PRId64 "\n", applied ? "now at" : "already at", report.version);
    return 0;
}

int ctl_config_sample(struct ctl *ctl, struct err *err)
{
    (void)ctl;
    (void)err;
    settings_sample(stdout);
    return 0;
}

int ctl_config_check(struct ctl *ctl, struct err *err)
{
    (void)ctl;
    (void)err;
    puts("The settings are complete and valid.");
    return 0;
}
