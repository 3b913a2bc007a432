/* SPDX-License-Identifier: Apache-2.0 */
/* Moving the files of one sandbox: what both directions need, and why one ended. */
#ifndef SANDBOX_SERVICE_WORKSPACE_MOVE_H
#define SANDBOX_SERVICE_WORKSPACE_MOVE_H

#include "lib/execclient/files.h"
#include "lib/io/db.h"
#include "lib/storage/storage.h"

enum move_end {
    MOVE_DONE,
    MOVE_STOPPED,  /* told to: it goes on another time */
    MOVE_FOREIGN,  /* the session has ended, or has another container: there is nothing to move any more */
    MOVE_DATABASE, /* does not answer: try again for as long as it takes */
    MOVE_STORAGE,  /* does not answer, or lacks what it should have: worth another try */
    MOVE_EXECUTOR, /* likewise */
    MOVE_BUSY,     /* files changed while they were read, each time; all others are stored */
    MOVE_REFUSED,  /* the sandbox does not take a file; the error's text says which and why */
    MOVE_FULL,     /* more than the session may store; the text says so. What fitted is stored */
    MOVE_BROKEN,   /* our own fault; the detail is for the log */
    MOVE_ENDS
};
/* "done", "stopped", ...: labels of a metric. */
const char *move_end_name(enum move_end end);

/* One movement. Everything is borrowed; a thread has its own db, storage and files. */
struct workspace_move {
    struct db *db;
    struct storage *storage;
    const struct exec_files *files;
    const char *session_id, *container_id, *execution_id;
    int64_t execution_seq;
    int64_t kept_s; /* how long replaced objects are kept */
    bool (*stopped)(void *arg); /* asked between pieces */
    void *stop_arg;
    struct strbuf piece; /* of a file, at most EXEC_PIECE_MAX */
    /* What was done: */
    int64_t moved, bytes;
};
void workspace_move_release(struct workspace_move *move);

/* Whether to stop; then `err` says so. */
bool move_is_stopped(const struct workspace_move *move, struct err *err);
/* What an error of the database, of the storage, of the executor means. */
enum move_end move_of_database(const struct err *err);
enum move_end move_of_storage(const struct workspace_move *move, const struct err *err);
enum move_end move_of_executor(const struct workspace_move *move, const struct err *err);
/* The key of an object of the session. */
void move_key(const struct workspace_move *move, const char *object_id, char out[STORAGE_KEY_MAX + 1]);

#endif
