/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as clients look at them: their own sessions', or everybody's. */
#include "lib/repo/container_repo.h"

#include "lib/repo/container_rows.h"

#define FILTER                                                                                     \
    " AND (? IS NULL OR c.runtime_type = ?) AND (? IS NULL OR c.template_id = ?)"
/* Those that are not deleted are few: no more than the nodes hold. */
#define LIVE                                                                                       \
    " FROM containers c FORCE INDEX (work) LEFT JOIN sessions s FORCE INDEX (id) ON s.id = c.session_id" \
    " WHERE c.status IN ('creating', 'warm', 'running', 'deleting') AND (? IS NULL OR c.status = ?)" \
    " AND (? IS NULL OR s.owner = ?)" FILTER
/* Those that are, are many; an owner's are found by its sessions. */
#define GONE_OF_OWNER                                                                              \
    " FROM sessions s FORCE INDEX (owner) STRAIGHT_JOIN containers c FORCE INDEX (session) ON c.session_id = s.id" \
    " WHERE s.owner = ? AND c.status = 'deleted'" FILTER
#define GONE_OF_ALL(key) " FROM containers c FORCE INDEX (" key ") WHERE c.status = 'deleted'" FILTER
#define PAGE " ORDER BY c.seq DESC LIMIT ? OFFSET ?"

enum { FIND, LIVE_LIST, LIVE_COUNT, OWNER_LIST, OWNER_COUNT, ALL_LIST, ALL_COUNT, STATEMENTS };

const struct db_stmt container_list_statements[] = {
    [FIND] = { "SELECT " CONTAINER_COLUMNS " FROM containers c FORCE INDEX (id)"
               " LEFT JOIN sessions s FORCE INDEX (id) ON s.id = c.session_id"
               " WHERE c.id = ? AND (? IS NULL OR s.owner = ?)" },
    [LIVE_LIST] = { "SELECT " CONTAINER_COLUMNS LIVE PAGE },
    [LIVE_COUNT] = { "SELECT COUNT(*)" LIVE },
    [OWNER_LIST] = { "SELECT " CONTAINER_COLUMNS GONE_OF_OWNER PAGE },
    [OWNER_COUNT] = { "SELECT COUNT(*)" GONE_OF_OWNER },
    [ALL_LIST] = { "SELECT " CONTAINER_COLUMNS GONE_OF_ALL("PRIMARY") PAGE },
    [ALL_COUNT] = { "SELECT COUNT(*)" GONE_OF_ALL("work") },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = container_list_statements;

int container_repo_find(struct db *db, const char *owner, const char *id, struct container *out, struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    if (DB_QUERY(db, &sql[FIND], take_container, &found, err, db_text(id), db_text(owner), db_text(owner)) != 0)
        return -1;
    if (found.count == 0)
        return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%.64s' does not exist.", id);
    container_list_steal_first(&found, out);
    return 0;
}

/* The page and how many there are in all: `params` end with the page's two. */
static int list(struct db *db, int page, const struct db_param *params, size_t count, struct container_list *out,
                struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    if (db_query(db, &sql[page], params, count, take_container, &found, err) != 0 ||
        db_query(db, &sql[page + 1], params, count - 2, take_int, &found.total, err) != 0)
        return -1;
    *out = found;
    found = (struct container_list){ 0 };
    return 0;
}

int container_repo_list(struct db *db, const struct container_filter *filter, const struct page *page,
                        struct container_list *out, struct err *err)
{
    struct db_param owner = db_text(filter->owner), template_id = db_text(filter->template_id);
    struct db_param status = filter->status < 0
                                 ? db_null()
                                 : db_text(container_status_name((enum container_status)filter->status));
    struct db_param type = filter->runtime_type < 0
                               ? db_null()
                               : db_text(runtime_type_name((enum runtime_type)filter->runtime_type));
    const struct db_param params[] = { status, status, owner, owner, type, type, template_id, template_id,
                                       db_int(page->limit), db_int(page->offset) };
    enum { ALL = sizeof(params) / sizeof(params[0]), BEFORE_OWNER = 3, BEFORE_TYPE = 4 };
    if (filter->status != CONTAINER_DELETED)
        return list(db, LIVE_LIST, params, ALL, out, err);
    if (filter->owner)
        return list(db, OWNER_LIST, params + BEFORE_OWNER, ALL - BEFORE_OWNER, out, err);
    return list(db, ALL_LIST, params + BEFORE_TYPE, ALL - BEFORE_TYPE, out, err);
}
