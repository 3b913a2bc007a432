/* SPDX-License-Identifier: Apache-2.0 */
/* What every repository needs to turn rows into entities. */
#include "lib/repo/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strbuf.h"

int row_text(const struct db_row *row, unsigned column, char *out, size_t size, struct err *err)
{
    size_t len = 0;
    const char *text = db_row_text(row, column, &len);
    if (len >= size)
        return err_internal(err, 0, "column %u is longer than %zu bytes", column, size - 1);
    memcpy(out, text ? text : "", len + 1);
    return 0;
}

int row_enum(const struct db_row *row, unsigned column, int (*parse)(const char *), int *out,
             struct err *err)
{
    const char *text = db_row_text(row, column, NULL);
    int value = text ? parse(text) : -1;
    if (value < 0)
        return err_internal(err, 0, "column %u holds an unknown word: %.40s", column, text ? text : "NULL");
    *out = value;
    return 0;
}

void row_resources(const struct db_row *row, unsigned column, struct resources *out)
{
    out->cpu_milli = db_row_int(row, column);
    out->memory_mb = db_row_int(row, column + 1);
    out->disk_mb = db_row_int(row, column + 2);
    out->max_processes = db_row_int(row, column + 3);
}

int row_no_memory(struct err *err)
{
    return err_internal(err, 0, "out of memory for a row");
}

void *list_add(void *items_ptr, size_t *count, size_t item_size, struct err *err)
{
    void **items = items_ptr;
    /* grows when the count reaches a power of two, so that no capacity need be kept */
    if ((*count & (*count - 1)) == 0) {
        size_t capacity = *count ? *count * 2 : 1;
        void *grown = reallocarray(*items, capacity, item_size);
        if (!grown) {
            row_no_memory(err);
            return NULL;
        }
        *items = grown;
    }
    char *item = (char *)*items + *count * item_size;
    memset(item, 0, item_size);
    ++*count;
    return item;
}

int take_int(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(int64_t *)arg = db_row_int(row, 0);
    return 0;
}

int take_string(void *arg, const struct db_row *row, struct err *err)
{
    struct string_list *list = arg;
    bool failed = false;
    char **item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    *item = db_row_dup(row, 0, &failed);
    return failed ? row_no_memory(err) : 0;
}

int take_seq(void *arg, const struct db_row *row, struct err *err)
{
    struct seq_list *list = arg;
    int64_t *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    *item = db_row_int(row, 0);
    return 0;
}

char *seqs_to_json(const int64_t *seqs, size_t count)
{
    cleanup_strbuf struct strbuf json = STRBUF_INIT(count * 21 + 2);
    strbuf_add_char(&json, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&json, "%s%" PRId64, i ? "," : "", seqs[i]);
    strbuf_add_char(&json, ']');
    return strbuf_steal(&json);
}

size_t params_add(struct db_param *params, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(params[i].text, text) == 0)
            return count;
    params[count] = db_text(text);
    return count + 1;
}

size_t params_fill(struct db_param *params, size_t count)
{
    size_t room = count <= 1 ? 1 : count <= 4 ? 4 : 16;
    for (size_t i = count; i < room; i++)
        params[i] = params[count - 1];
    return room;
}
