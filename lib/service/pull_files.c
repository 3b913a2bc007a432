/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching files in pieces into new objects, and recording them in batches that share one flush of the storage. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/io/content_type.h"
#include "lib/io/digest.h"
#include "lib/service/workspace_pull.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"
#include "lib/util/id.h"

enum { BATCH_FILES = 128, BATCH_BYTES = 64 * 1024 * 1024, BATCH_MS = 1000 };

/* Objects that are written and not yet recorded. */
struct batch {
    struct workspace_file *files;
    struct pull_item **items;
    size_t count;
    int64_t bytes, begun_ms;
};

static void batch_release(struct batch *batch)
{
    free(batch->files);
    free(batch->items);
}

static enum move_end fetch_piece(struct workspace_move *move, const struct pull_item *item, int64_t offset, struct err *err)
{
    int64_t left = item->size - offset;
    size_t len = left < EXEC_PIECE_MAX ? (size_t)left : EXEC_PIECE_MAX;
    strbuf_reset(&move->piece);
    if (move_is_stopped(move, err))
        return MOVE_STOPPED;
    if (execclient_get(move->files, item->path, item->version, offset, len, &move->piece, err) == 0)
        return MOVE_DONE;
    /* whatever it is now - gone, a link, locked: the next list says it */
    bool changed = err->code == ERR_CONFLICT || err->code == ERR_FILE_NOT_FOUND || err->code == ERR_INVALID;
    return changed ? MOVE_BUSY : move_of_executor(move, err);
}

/* Every piece to the object and to the digest; even an empty file is asked for, to see that it is still that. */
static enum move_end fetch_content(struct workspace_move *move, const struct pull_item *item, struct storage_write *write,
                                   struct workspace_file *out, struct err *err)
{
    cleanup_digest struct digest *digest = digest_new(err);
    int64_t offset = 0;
    if (!digest)
        return MOVE_BROKEN;
    do {
        enum move_end end = fetch_piece(move, item, offset, err);
        if (end != MOVE_DONE)
            return end;
        const char *data = strbuf_str(&move->piece);
        size_t len = move->piece.len;
        if (offset == 0)
            content_type_of(data, len < CONTENT_TYPE_LOOK ? len : CONTENT_TYPE_LOOK, out->mime_type);
        if (digest_add(digest, data, len, err) != 0)
            return MOVE_BROKEN;
        if (storage_write_data(write, data, len, err) != 0)
            return move_of_storage(move, err);
        offset += (int64_t)len;
    } while (offset < item->size);
    return digest_end(digest, out->sha256, err) == 0 ? MOVE_DONE : MOVE_BROKEN;
}

enum move_end pull_file(struct workspace_move *move, const struct pull_item *item, struct workspace_file *out, struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    cleanup(storage_write_abortp) struct storage_write *write = NULL;
    *out = (struct workspace_file){ .size = item->size, .mode = item->mode, .execution_seq = move->execution_seq,
                                    .modified_at = item->modified_ms };
    snprintf(out->path, sizeof(out->path), "%s", item->path);
    memcpy(out->source, item->version, sizeof(out->source));
    id_random(out->object_id, OBJECT_ID_SIZE - 1);
    move_key(move, out->object_id, key);
    if (storage_write_begin(move->storage, key, &write, err) != 0)
        return move_of_storage(move, err);
    enum move_end end = fetch_content(move, item, write, out, err);
    if (end != MOVE_DONE)
        return end;
    if (storage_write_commit(steal(write), true, err) != 0)
        return move_of_storage(move, err);
    FAILPOINT("pull.written");
    return MOVE_DONE;
}

static void discard(struct workspace_move *move, const struct workspace_file *file)
{
    char key[STORAGE_KEY_MAX + 1];
    struct err ignored = ERR_INIT; /* purging finds it */
    move_key(move, file->object_id, key);
    (void)!storage_delete(move->storage, key, &ignored);
}

/* Records files[from, to). What is certain not to be recorded is not kept either. */
static enum move_end record(struct workspace_move *move, struct batch *batch, size_t from, size_t to, struct err *err)
{
    int status = workspace_repo_take(move->db, move->session_id, move->container_id, batch->files + from, to - from, NULL, 0,
                                     move->kept_s, err);
    enum move_end end = status == 0 ? MOVE_DONE : move_of_database(err);
    for (size_t i = from; i < to; i++) {
        struct pull_item *item = batch->items[i];
        if (end == MOVE_DONE) {
            item->state = PULL_STORED;
            memcpy(item->sha256, batch->files[i].sha256, sizeof(item->sha256));
            item->mime_type = strdup(batch->files[i].mime_type);
            move->moved++;
            move->bytes += batch->files[i].size;
        } else if (end != MOVE_DATABASE && (end != MOVE_FULL || to - from == 1)) {
            discard(move, &batch->files[i]);
        }
    }
    return end;
}

/* All at once; if they do not fit, those that do. */
static enum move_end close_batch(struct workspace_move *move, struct batch *batch, struct err *err)
{
    size_t count = batch->count;
    batch->count = 0;
    batch->bytes = 0;
    if (count == 0)
        return MOVE_DONE;
    if (storage_flush(move->storage, err) != 0)
        return move_of_storage(move, err);
    FAILPOINT("pull.flushed");
    enum move_end end = record(move, batch, 0, count, err);
    FAILPOINT("pull.recorded");
    if (end != MOVE_FULL || count == 1)
        return end;
    for (size_t i = 0; i < count; i++) {
        struct err problem = ERR_INIT;
        enum move_end one = record(move, batch, i, i + 1, &problem);
        if (one == MOVE_DONE)
            continue;
        *err = problem;
        if (one != MOVE_FULL)
            return one;
    }
    return MOVE_FULL;
}

static enum move_end add_file(struct workspace_move *move, struct batch *batch, struct pull_item *item, struct err *err)
{
    enum move_end end = pull_file(move, item, &batch->files[batch->count], err);
    if (end == MOVE_BUSY)
        item->state = PULL_CHANGED;
    if (end != MOVE_DONE)
        return end;
    if (batch->count == 0)
        batch->begun_ms = clock_mono_ms();
    batch->items[batch->count++] = item;
    batch->bytes += item->size;
    bool full = batch->count == BATCH_FILES || batch->bytes >= BATCH_BYTES || clock_mono_ms() - batch->begun_ms >= BATCH_MS;
    return full ? close_batch(move, batch, err) : MOVE_DONE;
}

static enum move_end too_large(const struct pull_item *item, struct err *err)
{
    err_set(err, ERR_TOO_LARGE, "The file '%.160s' is larger than all files of the session may be.", item->path);
    return MOVE_FULL;
}

enum move_end pull_files(struct workspace_move *move, struct pull_list *list, int64_t bytes_max, struct err *err)
{
    cleanup(batch_release) struct batch batch = { .files = calloc(BATCH_FILES, sizeof(*batch.files)),
                                                  .items = calloc(BATCH_FILES, sizeof(*batch.items)) };
    enum move_end end = MOVE_DONE;
    bool changed = false;
    if (!batch.files || !batch.items) {
        err_internal(err, ENOMEM, "a batch of files");
        return MOVE_BROKEN;
    }
    for (size_t i = 0; end == MOVE_DONE && i < list->count; i++) {
        struct pull_item *item = &list->items[i];
        if (item->state != PULL_NEW)
            continue;
        end = item->size > bytes_max ? too_large(item, err) : add_file(move, &batch, item, err);
        changed |= end == MOVE_BUSY;
        if (end == MOVE_BUSY)
            end = MOVE_DONE;
    }
    struct err problem = ERR_INIT;
    enum move_end rest = close_batch(move, &batch, &problem);
    if (end == MOVE_DONE && rest != MOVE_DONE) {
        *err = problem;
        end = rest;
    }
    return end == MOVE_DONE && changed ? MOVE_BUSY : end;
}
