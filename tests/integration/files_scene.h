/* SPDX-License-Identifier: Apache-2.0 */
/* A stage with provisiond, dispatchd and one running session, with the real executor in it, and its files as a client sees them. Everything
 * aborts the running test when it fails. */
#ifndef SANDBOX_TESTS_INTEGRATION_FILES_SCENE_H
#define SANDBOX_TESTS_INTEGRATION_FILES_SCENE_H

#include "lib/repo/workspace_repo.h"
#include "lib/storage/storage.h"
#include "tests/integration/jobs_stage.h"

extern struct stage stage;
extern struct session session;
extern pid_t provisiond, dispatchd;

void files_set_up(void);
void files_tear_down(void);

/* A client's upload of `len` bytes, and its deletion. */
void files_upload(const char *path, const void *data, size_t len);
void files_upload_text(const char *path, const char *text);
void files_delete(const char *path);
/* Runs code to its end, which has to be `status`; the caller releases it. */
struct execution files_run(const char *code, enum execution_status status);
/* The same, for what comes of it is looked at elsewhere. */
void files_do(const char *code);
/* The row of a stored file, and whether its object is what the row says (size and hash). */
struct workspace_file files_row(const char *path);
/* The file is stored with this content; NULL: it is not stored. */
void files_expect(const char *path, const char *text);
/* Rows, and objects in storage, of the session. */
int64_t files_rows(void);
int64_t files_objects(void);
/* Waits (at most 60 s) until there are so many objects at least. */
void files_await_objects(int64_t count);

#endif
