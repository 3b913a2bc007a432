/* SPDX-License-Identifier: Apache-2.0 */
/* Opens things of the workspace without ever leading outside: each component relative to the one before it, no link followed, and with
 * the rights of one of the sandbox's users: the component's owner, if it is one of them, else the first. */
#ifndef SANDBOX_EXECUTOR_REACH_H
#define SANDBOX_EXECUTOR_REACH_H

#include <sys/stat.h>

#include "executor/setup.h"
#include "lib/model/workspace.h"

/* Who may look at what `owner` owns. */
uid_t reach_uid(const struct setup *setup, uid_t owner);

/* The error that an errno stands for. */
int reach_error(struct err *err, int errnum);

/* The directory `path` ("": the workspace), opened for reading; *uid_out is as whom. -1 with err. */
int reach_directory(const struct setup *setup, const char *path, uid_t *uid_out, struct err *err) must_use;

/* The last component of a path, and the directory it is in. */
struct reach {
    int dir; /* O_PATH; -1: none */
    uid_t uid; /* whose rights the directory was reached with */
    char name[WORKSPACE_NAME_MAX + 1];
};
void reach_close(struct reach *reach);
/* With `make`, directories that are missing are made. */
int reach_parent(const struct setup *setup, const char *path, bool make, struct reach *out, struct err *err) must_use;
/* What stands at the path; links are not followed. ERR_FILE_NOT_FOUND. */
int reach_stat(const struct setup *setup, const char *path, struct stat *out, struct err *err) must_use;
/* The regular file, opened for reading; what follows on the descriptor needs no rights. */
int reach_file(const struct setup *setup, const char *path, struct stat *st_out, struct err *err) must_use;

#endif
