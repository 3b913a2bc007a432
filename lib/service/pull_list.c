/* SPDX-License-Identifier: Apache-2.0 */
/* Few changes are looked up one by one, many by reading the whole index once: an execution that touches one file of a large
 * workspace does not pay for the others. */
#include "lib/service/pull_list.h"

#include <errno.h>
#include <string.h>

enum {
    FEW = 64,              /* looked up one by one */
    GONE_BATCH = 1000,     /* recorded in one transaction */
    PENDING_MAX = 10000,   /* of a client's changes that are looked at */
    FIRST_ITEMS = 64,
};

static void drop_gone(struct pull_list *list)
{
    for (size_t i = 0; i < list->gone_count; i++)
        free((char *)list->gone[i].path);
    list->gone_count = 0;
}

void pull_list_release(struct pull_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].mime_type);
    }
    drop_gone(list);
    free(list->items);
    free(list->gone);
    *list = (struct pull_list){ 0 };
}

/* Room for one more; grows when the count is a power of two. */
static int grow(void **items, size_t count, size_t size, struct err *err)
{
    if (count != 0 && (count < FIRST_ITEMS || (count & (count - 1)) != 0))
        return 0;
    void *larger = realloc(*items, (count == 0 ? FIRST_ITEMS : count * 2) * size);
    if (!larger)
        return err_internal(err, ENOMEM, "a list of changed files");
    *items = larger;
    return 0;
}

static int add_gone(struct pull_list *list, const char *path, bool below, struct err *err)
{
    if (grow((void **)&list->gone, list->gone_count, sizeof(*list->gone), err) != 0)
        return -1;
    char *copy = strdup(path);
    if (!copy)
        return err_internal(err, ENOMEM, "a list of removed files");
    list->gone[list->gone_count++] = (struct workspace_gone){ .path = copy, .below = below };
    return 0;
}

static int add_file(struct pull_list *list, const struct wire_change *change, struct err *err)
{
    if (list->count == WORKSPACE_FILES_MAX) {
        list->dropped++;
        return 0;
    }
    if (grow((void **)&list->items, list->count, sizeof(*list->items), err) != 0)
        return -1;
    struct pull_item *item = &list->items[list->count];
    *item = (struct pull_item){ .path = strdup(change->path), .mine = change->mine, .mode = (int)change->mode, .size = change->size,
                                .modified_ms = change->modified_ms };
    if (!item->path)
        return err_internal(err, ENOMEM, "a list of changed files");
    memcpy(item->version, change->version, sizeof(item->version));
    list->count++;
    return 0;
}

int pull_list_add(struct pull_list *list, const struct wire_change *change, struct err *err)
{
    switch (change->type) {
    case WIRE_CHANGE_GONE:
        return add_gone(list, change->path, change->below, err);
    case WIRE_CHANGE_FILE:
        return add_file(list, change, err);
    case WIRE_CHANGE_END:
        list->ended = true;
        list->all = change->all;
        list->skipped = change->skipped;
        list->mark = change->mark;
        return 0;
    }
    return err_internal(err, 0, "a change of an unknown type");
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct pull_item *)a)->path, ((const struct pull_item *)b)->path);
}

void pull_list_sort(struct pull_list *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), by_path);
}

struct pull_item *pull_list_find(struct pull_list *list, const char *path)
{
    const struct pull_item key = { .path = (char *)path };
    return list->count > 0 ? bsearch(&key, list->items, list->count, sizeof(*list->items), by_path) : NULL;
}

int pull_list_compare(struct pull_list *list, const char *path, const char *version, bool ours, struct err *err)
{
    struct pull_item *item = pull_list_find(list, path);
    if (item) {
        item->ours = ours;
        item->state = strcmp(item->version, version) == 0 ? PULL_KNOWN : PULL_NEW;
        return 0;
    }
    /* what was left out of a list that is too long says nothing */
    return list->all && list->dropped == 0 ? add_gone(list, path, false, err) : 0;
}

struct reading {
    struct workspace_move *move;
    struct pull_list *list;
    enum move_end end; /* when the executor was not the one that failed */
};

static int on_change(void *arg, const struct wire_change *change, struct err *err)
{
    struct reading *reading = arg;
    reading->end = MOVE_BROKEN;
    if (pull_list_add(reading->list, change, err) != 0)
        return -1;
    if (reading->list->gone_count >= GONE_BATCH) {
        reading->end = pull_list_bury(reading->move, reading->list, err);
        if (reading->end != MOVE_DONE)
            return -1;
    }
    reading->end = MOVE_DONE;
    return 0;
}

enum move_end pull_list_read(struct workspace_move *move, struct pull_list *list, struct err *err)
{
    struct reading reading = { .move = move, .list = list };
    if (execclient_changes(move->files, move->execution_id, on_change, &reading, err) != 0)
        return reading.end != MOVE_DONE ? reading.end : move_of_executor(move, err);
    pull_list_sort(list);
    return MOVE_DONE;
}

enum move_end pull_list_bury(struct workspace_move *move, struct pull_list *list, struct err *err)
{
    for (size_t done = 0; done < list->gone_count; done += GONE_BATCH) {
        size_t count = list->gone_count - done < GONE_BATCH ? list->gone_count - done : GONE_BATCH;
        if (workspace_repo_take(move->db, move->session_id, move->container_id, NULL, 0, list->gone + done, count, move->kept_s, err) != 0)
            return move_of_database(err);
    }
    drop_gone(list);
    return MOVE_DONE;
}

static int look_up(struct workspace_move *move, struct pull_item *item, struct err *err)
{
    struct workspace_file file;
    struct err problem = ERR_INIT;
    if (workspace_repo_find(move->db, move->session_id, item->path, &file, &problem) == 0) {
        item->ours = file.execution_seq == move->execution_seq;
        if (!file.pending && strcmp(file.source, item->version) == 0)
            item->state = PULL_KNOWN;
        return 0;
    }
    if (problem.code == ERR_FILE_NOT_FOUND)
        return 0;
    *err = problem;
    return -1;
}

static int on_source(void *arg, const char *path, const char *source, int64_t execution_seq, struct err *err)
{
    struct reading *reading = arg;
    return pull_list_compare(reading->list, path, source, execution_seq == reading->move->execution_seq, err);
}

static int compare(struct workspace_move *move, struct pull_list *list, struct err *err)
{
    struct reading reading = { .move = move, .list = list };
    if (list->all || list->count > FEW)
        return workspace_repo_sources(move->db, move->session_id, on_source, &reading, err);
    for (size_t i = 0; i < list->count; i++)
        if (look_up(move, &list->items[i], err) != 0)
            return -1;
    return 0;
}

static bool has_foreign(const struct pull_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].mine && list->items[i].state == PULL_NEW)
            return true;
    return false;
}

/* What is listed though this execution did not touch it may be older than what a client changed, or deleted, since. */
static int spare_clients(struct workspace_move *move, struct pull_list *list, struct err *err)
{
    cleanup(workspace_list_release) struct workspace_list pending = { 0 };
    if (!has_foreign(list))
        return 0;
    if (workspace_repo_pending(move->db, move->session_id, PENDING_MAX, &pending, err) != 0)
        return -1;
    for (size_t i = 0; i < pending.count; i++) {
        struct pull_item *item = pull_list_find(list, pending.items[i].path);
        if (item && !item->mine && item->state == PULL_NEW)
            item->state = PULL_CLIENTS;
    }
    return 0;
}

enum move_end pull_list_judge(struct workspace_move *move, struct pull_list *list, struct err *err)
{
    if (compare(move, list, err) == 0 && spare_clients(move, list, err) == 0)
        return MOVE_DONE;
    return move_of_database(err);
}
