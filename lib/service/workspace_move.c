/* SPDX-License-Identifier: Apache-2.0 */
/* What pushing and pulling share. */
#include "lib/service/workspace_move.h"

const char *move_end_name(enum move_end end)
{
    static const char *const names[MOVE_ENDS] = {
        [MOVE_DONE] = "done",         [MOVE_STOPPED] = "stopped",   [MOVE_FOREIGN] = "ended",  [MOVE_DATABASE] = "database",
        [MOVE_STORAGE] = "storage",   [MOVE_EXECUTOR] = "executor", [MOVE_BUSY] = "changing",  [MOVE_REFUSED] = "refused",
        [MOVE_FULL] = "disk_full",    [MOVE_BROKEN] = "internal",
    };
    return end < MOVE_ENDS ? names[end] : "internal";
}

void workspace_move_release(struct workspace_move *move)
{
    strbuf_release(&move->piece);
}

bool move_is_stopped(const struct workspace_move *move, struct err *err)
{
    if (!move->stopped || !move->stopped(move->stop_arg))
        return false;
    err_set(err, ERR_UNCERTAIN, "The movement of files was stopped.");
    return true;
}

/* A call that was stopped looks like one that broke. */
static enum move_end unless_stopped(const struct workspace_move *move, enum move_end end)
{
    return move->stopped && move->stopped(move->stop_arg) ? MOVE_STOPPED : end;
}

enum move_end move_of_database(const struct err *err)
{
    switch (err->code) {
    case ERR_CONFLICT:
    case ERR_SESSION_NOT_FOUND:
        return MOVE_FOREIGN;
    case ERR_TOO_LARGE:
        return MOVE_FULL;
    case ERR_UNAVAILABLE:
    case ERR_UNCERTAIN:
    case ERR_TIMEOUT:
        return MOVE_DATABASE;
    default:
        return MOVE_BROKEN;
    }
}

/* Whatever it says, an operator may mend it meanwhile: a missing bucket, a wrong key, a disk that is full. */
enum move_end move_of_storage(const struct workspace_move *move, const struct err *err)
{
    (void)err;
    return unless_stopped(move, MOVE_STORAGE);
}

enum move_end move_of_executor(const struct workspace_move *move, const struct err *err)
{
    (void)err;
    return unless_stopped(move, MOVE_EXECUTOR);
}

void move_key(const struct workspace_move *move, const char *object_id, char out[STORAGE_KEY_MAX + 1])
{
    snprintf(out, STORAGE_KEY_MAX + 1, "sessions/%s/%s", move->session_id, object_id);
}
