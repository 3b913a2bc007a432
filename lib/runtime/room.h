/* SPDX-License-Identifier: Apache-2.0 */
/* A container's directory on the node: <runtime.directory>/<container_id>/ with run/ (socket, secret), for the process
 * runtime also workspace/, and small records that only the node reads. */
#ifndef SANDBOX_RUNTIME_ROOM_H
#define SANDBOX_RUNTIME_ROOM_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/model/limits.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

#define ROOM_RUN "run"
#define ROOM_WORKSPACE "workspace"
#define ROOM_TMP "tmp"
#define ROOM_RELAY "relay" /* beside the rooms, root's alone: holds the way to the executors of an engine on another host */
#define ROOM_RELAY_SOCKET ROOM_RELAY "/relay.sock"
#define ROOM_SOCKET "executor.sock"
#define ROOM_SECRET "secret"
#define ROOM_LOG "executor.log"

enum { ROOM_PATH_SIZE = 128 };

/* Makes runtime.directory where it is missing. ERR_INVALID when it is not absolute or too long for a socket below it;
 * ERR_UNAVAILABLE when it cannot be made. */
int rooms_prepare(const char *directory, struct err *err) must_use;

/* Makes the room, empty and for root only; one that is there already is ERR_CONFLICT. */
int room_create(const char *directory, const char *container_id, struct err *err) must_use;
/* A descriptor of the room; -1 with errno (ENOENT: there is none). */
int room_open(const char *directory, const char *container_id);
/* Makes a directory in the room with exactly this owner and mode. */
int room_add_directory(int room, const char *name, uid_t uid, gid_t gid, mode_t mode, struct err *err) must_use;
/* Makes run/ for its owner only, and the secret in it. */
int room_add_run(int room, uid_t uid, gid_t gid, const char *secret, struct err *err) must_use;
/* Writes a small new file; reads one into `out`, NUL-terminated: its length, or -1 with errno. */
int room_write(int room, const char *name, const char *text, struct err *err) must_use;
ssize_t room_read(int room, const char *name, char *out, size_t size);
/* Removes the room and all that is in it; a missing one is success. */
int room_remove(const char *directory, const char *container_id, struct err *err) must_use;

typedef char room_id[CONTAINER_ID_SIZE];
/* The ids of all rooms; *out is malloc()ed. */
int rooms_list(const char *directory, room_id **out, size_t *count_out, struct err *err) must_use;

#endif
