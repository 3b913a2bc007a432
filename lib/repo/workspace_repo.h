/* SPDX-License-Identifier: Apache-2.0 */
/* The index of files. Every change of it keeps the session's sums, and hands objects that no row names any longer to storage_garbage, in
 * the same transaction; it locks the session's row first, so that changes of one workspace come one after another. */
#ifndef SANDBOX_REPO_WORKSPACE_REPO_H
#define SANDBOX_REPO_WORKSPACE_REPO_H

#include "lib/io/db.h"
#include "lib/model/workspace.h"
#include "lib/repo/list.h"

struct workspace_list { struct workspace_file *items; size_t count; int64_t total; };
void workspace_list_release(struct workspace_list *list);

/* What is known of a session's workspace. */
struct workspace_state {
    enum session_status status;
    char container_id[CONTAINER_ID_SIZE];
    int64_t seq;        /* of clients' changes */
    int64_t synced_seq; /* up to which the container has them; -1: it is new, and has nothing */
    int64_t bytes, files;
    int64_t disk_mb;
    bool purged;
};
/* `owner` NULL: anybody's. ERR_SESSION_NOT_FOUND. */
int workspace_repo_state(struct db *db, const char *owner, const char *session_id, struct workspace_state *out,
                         struct err *err) must_use;

/* Deleted ones are not there: ERR_FILE_NOT_FOUND. */
int workspace_repo_find(struct db *db, const char *session_id, const char *path, struct workspace_file *out, struct err *err) must_use;
/* By path, byte by byte; those that begin with `prefix` ("" for all). */
int workspace_repo_list(struct db *db, const char *session_id, const char *prefix, const struct page *page, struct workspace_list *out,
                        struct err *err) must_use;

/* A client's file (path, object_id, size, sha256, mime_type are looked at): the next change of the session. ERR_SESSION_NOT_FOUND (also:
 * somebody else's, or ended), ERR_TOO_LARGE (over the disk limit, or too many files), ERR_CONFLICT (a file is where the path has a
 * directory, or the other way round). `kept_s`: how long a replaced object is kept. */
int workspace_repo_put(struct db *db, const char *owner, const char *session_id, const struct workspace_file *file, int64_t kept_s,
                       struct err *err) must_use;
/* A client deletes it, in a session that may have ended. ERR_SESSION_NOT_FOUND, ERR_FILE_NOT_FOUND. */
int workspace_repo_delete(struct db *db, const char *owner, const char *session_id, const char *path, int64_t kept_s,
                          struct err *err) must_use;

/* Into the container: what it does not have yet (deleted ones included), oldest change first. */
int workspace_repo_pending(struct db *db, const char *session_id, int64_t limit, struct workspace_list *out, struct err *err) must_use;
/* It has these now (path, change_seq, deleted, source are looked at); what a client changed meanwhile stays pending. ERR_CONFLICT: the
 * session's container is another one. */
int workspace_repo_pushed(struct db *db, const char *session_id, const char *container_id, const struct workspace_file *files,
                          size_t count, struct err *err) must_use;
/* It has all changes up to `seq`. */
int workspace_repo_synced(struct db *db, const char *container_id, int64_t seq, struct err *err) must_use;

/* Something that is no file of the container any more. */
struct workspace_gone {
    const char *path;
    bool below; /* and everything in it */
};
/* Out of the container: all fields of `files` but change_seq, pending and deleted are taken over; `gone` goes first. ERR_CONFLICT: the
 * session's container is another one, or it has ended; ERR_TOO_LARGE: over the disk limit, or too many; nothing has changed then. What
 * a client changed meanwhile stays, unless `files` has it. */
int workspace_repo_take(struct db *db, const char *session_id, const char *container_id, const struct workspace_file *files,
                        size_t count, const struct workspace_gone *gone, size_t gone_count, int64_t kept_s, struct err *err) must_use;
/* Calls on_file for every file that the container has, for comparing with it; other than 0 (with err) ends it. Strings are borrowed. */
typedef int (*workspace_source_fn)(void *arg, const char *path, const char *source, int64_t execution_seq, struct err *err);
int workspace_repo_sources(struct db *db, const char *session_id, workspace_source_fn on_file, void *arg, struct err *err) must_use;

/* In a transaction that gives the session another container: everything is pending, nothing is known of copies. */
int workspace_repo_restart(struct db *db, const char *session_id, const char *container_id, struct err *err) must_use;

#endif
