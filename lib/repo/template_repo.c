/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what sessions are made from. */
#include "lib/repo/template_repo.h"

#include "lib/repo/rows.h"

#define COLUMNS                                                                                    \
    "id, cpu_milli, memory_mb, disk_mb, max_processes, network_enabled, deprecated, pool_target, " \
    "pool_max_idle_s, name, image, base_image, packages_json, languages, oci_runtime, "            \
    SQL_MS("created_at") ", " SQL_MS("updated_at") ", read_only_root, pool_min, preload_json"
#define BY_ID "SELECT " COLUMNS " FROM templates WHERE id = ?"

enum { GET, SHARE, LOCK, LIST, COUNT, INSERT, UPDATE, TOUCH, DELETE, SESSIONS, SET_POOL, SET_IMAGE, SET_PRELOAD, STATEMENTS };

const struct db_stmt template_repo_statements[] = {
    [GET] = { BY_ID },
    [SHARE] = { BY_ID " LOCK IN SHARE MODE" },
    [LOCK] = { BY_ID " FOR UPDATE" },
    [LIST] = { "SELECT " COLUMNS " FROM templates ORDER BY id LIMIT ? OFFSET ?" },
    [COUNT] = { "SELECT COUNT(*) FROM templates" },
    [INSERT] = { "INSERT INTO templates (id, name, image, base_image, packages_json, languages, preload_json, oci_runtime,"
                 " cpu_milli, memory_mb, disk_mb, max_processes, network_enabled, read_only_root, deprecated,"
                 " pool_min, pool_target, pool_max_idle_s, created_at, updated_at)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW ", " SQL_NOW ")" },
    /* Without updated_at, so that the number of changed rows says whether anything is new. */
    [UPDATE] = { "UPDATE templates SET name = ?, image = ?, base_image = ?, packages_json = ?, languages = ?,"
                 " preload_json = ?, oci_runtime = ?, cpu_milli = ?, memory_mb = ?, disk_mb = ?, max_processes = ?, network_enabled = ?,"
                 " read_only_root = ?, deprecated = ?, pool_min = ?, pool_target = ?, pool_max_idle_s = ? WHERE id = ?" },
    [TOUCH] = { "UPDATE templates SET updated_at = " SQL_NOW " WHERE id = ?" },
    [DELETE] = { "DELETE FROM templates WHERE id = ?" },
    [SESSIONS] = { "SELECT COUNT(*) FROM sessions FORCE INDEX (template)"
                   " WHERE template_id = ? AND status IN ('creating', 'running')" },
    /* Assignments go from left to right: the minimum is held against the new target. */
    [SET_POOL] = { "UPDATE templates SET pool_target = ?, pool_min = LEAST(IF(? < 0, pool_min, ?), pool_target),"
                   " pool_max_idle_s = IF(? < 0, pool_max_idle_s, ?), updated_at = " SQL_NOW " WHERE id = ?" },
    [SET_IMAGE] = { "UPDATE templates SET image = ?, updated_at = " SQL_NOW " WHERE id = ?" },
    [SET_PRELOAD] = { "UPDATE templates SET preload_json = ?, updated_at = " SQL_NOW " WHERE id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = template_repo_statements;

static int read_template(struct template *out, const struct db_row *row, struct err *err)
{
    bool failed = false;
    row_resources(row, 1, &out->resources);
    out->network_enabled = db_row_int(row, 5);
    out->deprecated = db_row_int(row, 6);
    out->pool_target = db_row_int(row, 7);
    out->pool_max_idle_s = db_row_int(row, 8);
    out->name = db_row_dup(row, 9, &failed);
    out->image = db_row_dup(row, 10, &failed);
    out->base_image = db_row_dup(row, 11, &failed);
    out->packages_json = db_row_dup(row, 12, &failed);
    out->languages = db_row_dup(row, 13, &failed);
    out->oci_runtime = db_row_dup(row, 14, &failed);
    out->created_at = db_row_int(row, 15);
    out->updated_at = db_row_int(row, 16);
    out->read_only_root = db_row_int(row, 17);
    out->pool_min = db_row_int(row, 18);
    out->preload_json = db_row_dup(row, 19, &failed);
    return failed ? row_no_memory(err) : row_text(row, 0, out->id, sizeof(out->id), err);
}

static int take_template(void *arg, const struct db_row *row, struct err *err)
{
    struct template_list *list = arg;
    struct template *item = list_add(&list->items, &list->count, sizeof(*item), err);
    return item ? read_template(item, row, err) : -1;
}

static int not_found(const char *id, struct err *err)
{
    return err_set(err, ERR_TEMPLATE_NOT_FOUND, "Template '%.64s' does not exist.", id);
}

static int get(struct db *db, const struct db_stmt *stmt, const char *id, struct template *out, struct err *err)
{
    cleanup(template_list_release) struct template_list found = { 0 };
    if (DB_QUERY(db, stmt, take_template, &found, err, db_text(id)) != 0)
        return -1;
    if (found.count == 0)
        return not_found(id, err);
    *out = found.items[0];
    found.items[0] = (struct template){ 0 };
    return 0;
}

int template_repo_get(struct db *db, const char *id, struct template *out, struct err *err)
{
    return get(db, &sql[GET], id, out, err);
}

int template_repo_share(struct db *db, const char *id, struct template *out, struct err *err)
{
    return get(db, &sql[SHARE], id, out, err);
}

int template_repo_lock(struct db *db, const char *id, struct template *out, struct err *err)
{
    return get(db, &sql[LOCK], id, out, err);
}

int template_repo_list(struct db *db, const struct page *page, struct template_list *out, struct err *err)
{
    cleanup(template_list_release) struct template_list found = { 0 };
    if (DB_QUERY(db, &sql[LIST], take_template, &found, err, db_int(page->limit),
                 db_int(page->offset)) != 0 ||
        DB_QUERY(db, &sql[COUNT], take_int, &found.total, err) != 0)
        return -1;
    *out = found;
    found = (struct template_list){ 0 };
    return 0;
}

int template_repo_insert(struct db *db, const struct template *t, struct err *err)
{
    int status = DB_EXEC(db, &sql[INSERT], NULL, err, db_text(t->id), db_text(t->name), db_text(t->image),
                         db_text(t->base_image), db_text(t->packages_json), db_text(t->languages),
                         db_text(t->preload_json), db_text(t->oci_runtime), db_int(t->resources.cpu_milli), db_int(t->resources.memory_mb),
                         db_int(t->resources.disk_mb), db_int(t->resources.max_processes), db_int(t->network_enabled),
                         db_int(t->read_only_root), db_int(t->deprecated), db_int(t->pool_min),
                         db_int(t->pool_target), db_int(t->pool_max_idle_s));
    if (status != 0 && err->code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "There is a template '%.64s' already.", t->id);
    return status;
}

int template_repo_update(struct db *db, const struct template *t, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[UPDATE], &changed, err, db_text(t->name), db_text(t->image), db_text(t->base_image),
                db_text(t->packages_json), db_text(t->languages), db_text(t->preload_json), db_text(t->oci_runtime),
                db_int(t->resources.cpu_milli), db_int(t->resources.memory_mb), db_int(t->resources.disk_mb),
                db_int(t->resources.max_processes), db_int(t->network_enabled), db_int(t->read_only_root),
                db_int(t->deprecated), db_int(t->pool_min), db_int(t->pool_target), db_int(t->pool_max_idle_s),
                db_text(t->id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return changed ? DB_EXEC(db, &sql[TOUCH], NULL, err, db_text(t->id)) : 0;
}

int template_repo_delete(struct db *db, const char *id, struct err *err)
{
    uint64_t deleted = 0;
    if (DB_EXEC(db, &sql[DELETE], &deleted, err, db_text(id)) != 0)
        return -1;
    return deleted ? 0 : not_found(id, err);
}

int template_repo_open_sessions(struct db *db, const char *id, int64_t *count_out, struct err *err)
{
    return DB_QUERY(db, &sql[SESSIONS], take_int, count_out, err, db_text(id));
}

/* The number of changed rows cannot tell a missing row from one that holds the value already. */
static int find(struct db *db, const char *id, struct err *err)
{
    cleanup(template_release) struct template known = { 0 };
    return template_repo_get(db, id, &known, err);
}

int template_repo_set_pool(struct db *db, const char *id, int64_t target, int64_t min, int64_t max_idle_s, struct err *err)
{
    if (find(db, id, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[SET_POOL], NULL, err, db_int(target), db_int(min), db_int(min), db_int(max_idle_s), db_int(max_idle_s),
                   db_text(id));
}

int template_repo_set_image(struct db *db, const char *id, const char *image, struct err *err)
{
    if (find(db, id, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[SET_IMAGE], NULL, err, db_text(image), db_text(id));
}

int template_repo_set_preload(struct db *db, const char *id, const char *preload_json, struct err *err)
{
    if (find(db, id, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[SET_PRELOAD], NULL, err, db_text(preload_json), db_text(id));
}
