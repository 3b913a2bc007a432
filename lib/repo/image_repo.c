/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of node_images: two sorted lists, and what is in only one of them. */
#include "lib/repo/image_repo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/repo/rows.h"

enum { LIST, ADD, REMOVE, STATEMENTS };

const struct db_stmt image_repo_statements[] = {
    [LIST] = { "SELECT image FROM node_images WHERE node_id = ?" },
    [ADD] = { "INSERT IGNORE INTO node_images (node_id, image) VALUES (?, ?)" },
    [REMOVE] = { "DELETE FROM node_images WHERE node_id = ? AND image = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = image_repo_statements;

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct string_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof(list->items[0]), compare);
}

static int change(struct db *db, int statement, const char *node_id, const char *image, struct err *err)
{
    return DB_EXEC(db, &sql[statement], NULL, err, db_text(node_id), db_text(image));
}

int image_repo_store(struct db *db, const char *node_id, struct string_list *images, struct err *err)
{
    cleanup(string_list_release) struct string_list known = { 0 };
    size_t i = 0, k = 0;
    int status = 0;
    if (DB_QUERY(db, &sql[LIST], take_string, &known, err, db_text(node_id)) != 0)
        return -1;
    sort(&known); /* here, for the database may order otherwise */
    sort(images);
    while (status == 0 && (i < images->count || k < known.count)) {
        int order = i == images->count ? 1 : k == known.count ? -1 : strcmp(images->items[i], known.items[k]);
        if (order < 0)
            status = change(db, ADD, node_id, images->items[i], err);
        if (order > 0)
            status = change(db, REMOVE, node_id, known.items[k], err);
        i += order <= 0;
        k += order >= 0;
    }
    return status;
}

int image_repo_add(struct db *db, const char *node_id, const char *image, struct err *err)
{
    return change(db, ADD, node_id, image, err);
}
