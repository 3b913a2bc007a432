/* SPDX-License-Identifier: Apache-2.0 */
/* One row a node. */
#include "lib/repo/dispatcher_repo.h"

#include "lib/model/limits.h"
#include "lib/repo/rows.h"

enum { OFFER, WITHDRAW, STATEMENTS };

const struct db_stmt dispatcher_repo_statements[] = {
    [OFFER] = { "INSERT INTO dispatchers (node_id, instance, doorbell, host, takes_until) VALUES (?, ?, ?, ?, " SQL_IN_MS ")"
                " ON DUPLICATE KEY UPDATE instance = VALUES(instance), doorbell = VALUES(doorbell), host = VALUES(host),"
                " takes_until = VALUES(takes_until)" },
    [WITHDRAW] = { "DELETE FROM dispatchers WHERE instance = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = dispatcher_repo_statements;

int dispatcher_repo_offer(struct db *db, const char *instance, const char *doorbell, const char *host, const struct string_list *nodes,
                          struct err *err)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (DB_EXEC(db, &sql[OFFER], NULL, err, db_text(nodes->items[i]), db_text(instance), db_text(doorbell), db_text(host),
                    db_int(DISPATCHER_OFFER_MS)) != 0)
            return -1;
    return 0;
}

int dispatcher_repo_withdraw(struct db *db, const char *instance, struct err *err)
{
    return DB_EXEC(db, &sql[WITHDRAW], NULL, err, db_text(instance));
}
