/* SPDX-License-Identifier: Apache-2.0 */
/* Templates. */
#include "lib/repo/template_repo.h"

#include "lib/repo/rows.h"

#define COLUMNS                                                                                    \
    "id, cpu_milli, memory_mb, disk_mb, max_processes, network_enabled, deprecated, pool_target, " \
    "pool_max_idle_s, name, image, base_image, packages_json, languages, oci_runtime, "            \
    SQL_MS("created_at") ", " SQL_MS("updated_at")

enum { GET, LIST, COUNT, SET_POOL, SET_IMAGE, STATEMENTS };

const struct db_stmt template_repo_statements[] = {
    [GET] = { "SELECT " COLUMNS " FROM templates WHERE id = ?" },
    [LIST] = { "SELECT " COLUMNS " FROM templates ORDER BY id LIMIT ? OFFSET ?" },
    [COUNT] = { "SELECT COUNT(*) FROM templates" },
    [SET_POOL] = { "UPDATE templates SET pool_target = ?, updated_at = " SQL_NOW " WHERE id = ?" },
    [SET_IMAGE] = { "UPDATE templates SET image = ?, updated_at = " SQL_NOW " WHERE id = ?" },
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

int template_repo_get(struct db *db, const char *id, struct template *out, struct err *err)
{
    cleanup(template_list_release) struct template_list found = { 0 };
    if (DB_QUERY(db, &sql[GET], take_template, &found, err, db_text(id)) != 0)
        return -1;
    if (found.count == 0)
        return not_found(id, err);
    *out = found.items[0];
    found.items[0] = (struct template){ 0 };
    return 0;
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

/* The number of changed rows cannot tell a missing row from one that holds the value already. */
static int update(struct db *db, const struct db_stmt *stmt, const char *id, struct db_param value,
                  struct err *err)
{
    cleanup(template_release) struct template known = { 0 };
    if (template_repo_get(db, id, &known, err) != 0)
        return -1;
    return DB_EXEC(db, stmt, NULL, err, value, db_text(id));
}

int template_repo_set_pool(struct db *db, const char *id, int64_t target, struct err *err)
{
    return update(db, &sql[SET_POOL], id, db_int(target), err);
}

int template_repo_set_image(struct db *db, const char *id, const char *image, struct err *err)
{
    return update(db, &sql[SET_IMAGE], id, db_text(image), err);
}
