/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for monitoring. Read every few seconds for ever: none may look at rows that ended long ago. */
#include "lib/repo/gauge_repo.h"

#include "lib/repo/rows.h"

#define SECONDS_SINCE(time) "TIMESTAMPDIFF(MICROSECOND, " time ", " SQL_NOW ") / 1000000"
#define COUNT_STATUS(table, key, status)                                                           \
    "SELECT '" status "', COUNT(*) FROM " table " FORCE INDEX (" key ") WHERE status = '" status "'"

const struct db_stmt gauge_repo_statements[] = {
    [GAUGE_SESSIONS] = { COUNT_STATUS("sessions", "expiry", "creating") " UNION ALL "
                         COUNT_STATUS("sessions", "expiry", "running") },
    [GAUGE_PENDING] = { "SELECT '', COUNT(*) FROM executions FORCE INDEX (queue) WHERE status = 'pending'" },
    [GAUGE_RUNNING] = { "SELECT '', COUNT(*) FROM executions FORCE INDEX (queue) WHERE status = 'running'" },
    /* the key has the seqs: only the one row is read */
    [GAUGE_OLDEST_PENDING] = { "SELECT '', IFNULL((SELECT " SECONDS_SINCE("e.created_at") " FROM executions e"
                               " FORCE INDEX (PRIMARY) WHERE e.seq = (SELECT MIN(w.seq) FROM executions w"
                               " FORCE INDEX (queue) WHERE w.status = 'pending')), 0)" },
    [GAUGE_CONTAINERS] = { COUNT_STATUS("containers", "work", "creating") " UNION ALL "
                           COUNT_STATUS("containers", "work", "warm") " UNION ALL "
                           COUNT_STATUS("containers", "work", "running") " UNION ALL "
                           COUNT_STATUS("containers", "work", "deleting") },
    [GAUGE_POOL_WANTED] = { "SELECT template_id, wanted FROM pool_demand ORDER BY template_id" },
    [GAUGE_POOL_WARM] = { "SELECT t.id, (SELECT COUNT(*) FROM containers c FORCE INDEX (pool)"
                          " WHERE c.template_id = t.id AND c.status = 'warm') FROM templates t ORDER BY t.id" },
    [GAUGE_WEBHOOKS_WAITING] = { "SELECT '', COUNT(*) FROM webhooks FORCE INDEX (age) WHERE status = 'waiting'" },
    [GAUGE_JOB_BEATS] = { "SELECT name, " SECONDS_SINCE("MAX(beat_at)") " FROM jobs GROUP BY name ORDER BY name" },
    [GAUGES] = { NULL },
};
static const struct db_stmt *const sql = gauge_repo_statements;

struct taking {
    gauge_fn take;
    void *arg;
};

static int take_gauge(void *arg, const struct db_row *row, struct err *err)
{
    const struct taking *taking = arg;
    const char *label = db_row_text(row, 0, NULL);
    (void)err;
    taking->take(taking->arg, label ? label : "", db_row_double(row, 1));
    return 0;
}

int gauge_repo_read(struct db *db, enum gauge gauge, gauge_fn take, void *arg, struct err *err)
{
    struct taking taking = { take, arg };
    return db_query(db, &sql[gauge], NULL, 0, take_gauge, &taking, err);
}
