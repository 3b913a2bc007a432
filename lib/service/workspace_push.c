/* SPDX-License-Identifier: Apache-2.0 */
/* Storage to container, in pieces. */
#include "lib/service/workspace_push.h"

#include <string.h>

#include "lib/util/failpoint.h"
#include "lib/util/id.h"

enum {
    BATCH_FILES = 64,
    BATCH_BYTES = 32 * 1024 * 1024,
    TRANSFER_RANDOM = 16, /* characters of a name for one file's pieces */
};

/* One file on its way. */
struct sending {
    struct workspace_move *move;
    struct workspace_file *file;
    char transfer[TRANSFER_RANDOM + 1];
    int64_t offset;    /* of the piece that is being filled */
    enum move_end end; /* set when the executor was the one that failed */
};

/* The sandbox says no, and will say so again. */
static enum move_end judge(const struct workspace_move *move, const struct workspace_file *file, struct err *err)
{
    switch (err->code) {
    case ERR_INVALID:
    case ERR_CONFLICT:
    case ERR_TOO_LARGE:
    case ERR_FORBIDDEN:
    case ERR_FILE_NOT_FOUND: {
        const struct err why = *err;
        err_set(err, ERR_CONFLICT, "The file '%.80s' could not be put into the sandbox: %.100s Delete it, or what is in its way, and try again.",
                file->path, why.text);
        err_wrap(err, "%s", why.detail);
        return MOVE_REFUSED;
    }
    default:
        return move_of_executor(move, err);
    }
}

static int send_piece(struct sending *sending, bool final, struct err *err)
{
    struct workspace_move *move = sending->move;
    struct wire_stored stored = { 0 };
    const struct exec_piece piece = {
        .path = sending->file->path, .transfer = sending->transfer, .offset = sending->offset, .data = move->piece.data,
        .len = move->piece.len, .final = final, .mode = sending->file->mode,
    };
    if (move_is_stopped(move, err)) {
        sending->end = MOVE_STOPPED;
        return -1;
    }
    if (execclient_put(move->files, &piece, &stored, err) != 0) {
        sending->end = judge(move, sending->file, err);
        return -1;
    }
    sending->offset += (int64_t)move->piece.len;
    strbuf_reset(&move->piece);
    snprintf(sending->file->source, sizeof(sending->file->source), "%s", stored.version);
    return 0;
}

/* A piece goes when it is full and more comes: the last one has to be known as such. */
static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
    struct sending *sending = arg;
    struct strbuf *piece = &sending->move->piece;
    while (len > 0) {
        if (piece->len == EXEC_PIECE_MAX && send_piece(sending, false, err) != 0)
            return -1;
        size_t room = EXEC_PIECE_MAX - piece->len;
        size_t part = len < room ? len : room;
        strbuf_add(piece, data, part);
        if (!strbuf_ok(piece)) {
            sending->end = MOVE_BROKEN;
            return err_internal(err, 0, "out of memory for a piece of a file");
        }
        data += part;
        len -= part;
    }
    return 0;
}

static enum move_end delete_file(struct workspace_move *move, const struct workspace_file *file, struct err *err)
{
    if (move_is_stopped(move, err))
        return MOVE_STOPPED;
    if (execclient_delete(move->files, file->path, err) == 0)
        return MOVE_DONE;
    /* no regular file of that name: that is what was wanted */
    return err->code == ERR_INVALID || err->code == ERR_CONFLICT ? MOVE_DONE : judge(move, file, err);
}

enum move_end push_file(struct workspace_move *move, struct workspace_file *file, struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    struct sending sending = { .move = move, .file = file, .end = MOVE_DONE };
    if (file->deleted)
        return delete_file(move, file, err);
    move_key(move, file->object_id, key);
    id_random(sending.transfer, TRANSFER_RANDOM);
    strbuf_reset(&move->piece);
    if (storage_read(move->storage, key, 0, -1, on_data, &sending, err) != 0)
        return sending.end != MOVE_DONE ? sending.end : move_of_storage(move, err);
    if (sending.offset + (int64_t)move->piece.len != file->size) {
        err_internal(err, 0, "object %s has another size than its row says", key);
        return MOVE_STORAGE;
    }
    if (send_piece(&sending, true, err) != 0)
        return sending.end;
    move->moved++;
    move->bytes += file->size;
    return MOVE_DONE;
}

static enum move_end record(struct workspace_move *move, const struct workspace_file *files, size_t count, struct err *err)
{
    if (count == 0 || workspace_repo_pushed(move->db, move->session_id, move->container_id, files, count, err) == 0)
        return MOVE_DONE;
    return move_of_database(err);
}

enum move_end push_batch(struct workspace_move *move, bool *left_out, struct err *err)
{
    cleanup(workspace_list_release) struct workspace_list list = { 0 };
    size_t count = 0;
    int64_t bytes = 0;
    *left_out = true;
    if (workspace_repo_pending(move->db, move->session_id, BATCH_FILES, &list, err) != 0)
        return move_of_database(err);
    *left_out = list.count > 0;
    enum move_end end = MOVE_DONE;
    while (count < list.count && bytes < BATCH_BYTES) {
        end = push_file(move, &list.items[count], err);
        if (end != MOVE_DONE)
            break;
        bytes += list.items[count++].size;
    }
    struct err later = ERR_INIT;
    if (count > 0)
        FAILPOINT("push.sent");
    enum move_end recorded = record(move, list.items, count, &later);
    if (count > 0)
        FAILPOINT("push.recorded");
    if (recorded == MOVE_DONE)
        return end;
    *err = later;
    return recorded;
}

enum move_end workspace_push(struct workspace_move *move, struct err *err)
{
    struct workspace_state state;
    bool left = true;
    enum move_end end = MOVE_DONE;
    if (workspace_repo_state(move->db, NULL, move->session_id, &state, err) != 0)
        return move_of_database(err);
    if (state.status != SESSION_RUNNING || strcmp(state.container_id, move->container_id) != 0) {
        err_set(err, ERR_CONFLICT, "The session has ended, or has another sandbox now.");
        return MOVE_FOREIGN;
    }
    if (state.seq == state.synced_seq)
        return MOVE_DONE;
    while (end == MOVE_DONE && left)
        end = push_batch(move, &left, err);
    if (end == MOVE_DONE && workspace_repo_synced(move->db, move->container_id, state.seq, err) != 0)
        end = move_of_database(err);
    FAILPOINT("push.synced");
    return end;
}
