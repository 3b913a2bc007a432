/* SPDX-License-Identifier: Apache-2.0 */
/* A scene for tests of sandbox-purge: two sessions, "old" (ended 2 h ago, kept 1 h: due) and "other" (ended a minute ago), their objects and
 * rows. Object NUMBER of a session is named by the number. */
#ifndef SANDBOX_TESTS_PURGE_SCENE_H
#define SANDBOX_TESTS_PURGE_SCENE_H

#include "lib/service/purge.h"
#include "lib/storage/storage.h"
#include "tests/integration/db_fixture.h"

#define PURGE_ENDED(id, ago_s) \
    "UPDATE sessions SET status = 'terminated', ended_at = UTC_TIMESTAMP(3) - INTERVAL " #ago_s " SECOND WHERE id = '" id "'"
/* Leases are over, and what was to be tried later is tried now. */
#define PURGE_ALL_DUE "UPDATE storage_garbage SET due_at = UTC_TIMESTAMP(3); UPDATE sessions SET purge_due_at = NULL"
#define PURGED_SESSIONS "SELECT COUNT(*) FROM sessions WHERE purged_at IS NOT NULL"

extern struct context purge_context;
extern struct purge_done purge_done;
extern int purge_reports;
extern int purge_beats;
extern int purge_beats_left; /* the next one after so many fails, as if killed; < 0: none */

void purge_scene_open(void);
void purge_scene_open_s3(void); /* the same on S3, see tests/with-swift.sh */
void purge_scene_close(void);
/* A context with a storage of its own, on the fixture's connection. */
void purge_open_context(struct context *out);
int purge_beat(void *arg, struct err *err);
void purge_count_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id);
int purge_once(struct err *err); /* one pass */

void purge_add_objects(const char *session, int first, int count);
/* Objects 1 to `count`, each a file of 7 bytes. */
void purge_add_files(const char *session, int count);
void purge_add_garbage(const char *session, int number, int due_in_s);
bool purge_exists(const char *session, int number);
int64_t purge_rows(const char *session); /* of the index, and of garbage */

void purge_check_old_is_gone(void);
/* With files 1 to `files` and nothing else. */
void purge_check_other_is_whole(int files);

#endif
