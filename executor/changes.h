/* SPDX-License-Identifier: Apache-2.0 */
/* GET /executions/{id}/changes: what an execution, and those before it that are not stored yet, made of the files (lib/wire/changes.h). */
#ifndef SANDBOX_EXECUTOR_CHANGES_H
#define SANDBOX_EXECUTOR_CHANGES_H

#include <sys/stat.h>

#include "executor/engine.h"
#include "lib/model/workspace.h"

struct evhttp_request;

/* Streams the list, as fast as it is read. ERR_CONFLICT while the execution runs. */
int changes_get(struct engine *engine, struct evhttp_request *request, const char *id, struct err *err);

/* Names what a file's content is right now: inode, size, and both times to the nanosecond. Times move in ticks of some milliseconds: what
 * code writes within the tick of our look is not told from it, so while code runs (`moment` > 0), a file as young as that gets the
 * number of the moment as well, and so another name the next time. */
void version_of(const struct stat *st, int64_t moment, char out[FILE_SOURCE_SIZE]);
/* Whether the file is in that version. */
bool version_fits(const char *version, const struct stat *st);

#endif
