/* SPDX-License-Identifier: Apache-2.0 */
/* Where workspaces are kept: objects under keys, in a directory or in S3, behind one table of functions (driver.h).
 *
 * A key is "sessions/SESSION/OBJECT", of [A-Za-z0-9_.-] and "/". An object is written whole under a new key or not at all, and never
 * changed; so whoever reads one is never surprised. Errors: ERR_FILE_NOT_FOUND (no such object), ERR_UNAVAILABLE (does not answer, or
 * not in time: try again), ERR_TOO_LARGE (storage is full), ERR_INTERNAL (wrong keys, no bucket, no right to: for the operator; the
 * detail says which). Nothing is held in memory beyond a buffer. */
#ifndef SANDBOX_STORAGE_STORAGE_H
#define SANDBOX_STORAGE_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/config.h"
#include "lib/util/err.h"
#include "lib/util/cleanup.h"
#include "lib/util/strbuf.h"

struct storage_settings {
    char *driver;    /* "file" or "s3" */
    char *directory; /* of the file driver */
    char *s3_endpoint, *s3_public_endpoint, *s3_region, *s3_bucket, *s3_prefix, *s3_access_key, *s3_secret_key, *s3_style, *s3_ca_file,
        *s3_spool;
    int64_t s3_redirect_mb;  /* objects of at least this size are fetched from S3 by the client itself; 0: none is */
    int64_t s3_presign_s;    /* how long such an address works */
    int64_t s3_timeout_ms;   /* without any byte moving */
};
extern const struct setting storage_setting_table[];
extern const size_t storage_setting_count;
/* What the single ranges do not say: ERR_INVALID. */
int storage_settings_check(const struct storage_settings *settings, struct err *err) must_use;
/* Where objects are, for people: "file:///DIRECTORY", "s3://BUCKET/PREFIX"; "/" and a key follow. malloc()ed; NULL without memory. */
char *storage_root(const struct storage_settings *settings) must_use;

enum { STORAGE_KEY_MAX = 128 };

/* One a thread; settings are borrowed. Opens nothing outside yet. */
struct storage;
int storage_open(const struct storage_settings *settings, struct storage **out, struct err *err) must_use;
void storage_close(struct storage *storage); /* NULL is fine */
void storage_closep(struct storage **storage);
#define cleanup_storage cleanup(storage_closep)

/* Writing: begin, data ..., then commit or abort; one of these two frees it. */
struct storage_write;
int storage_write_begin(struct storage *storage, const char *key, struct storage_write **out, struct err *err) must_use;
int storage_write_data(struct storage_write *write, const void *data, size_t len, struct err *err) must_use;
/* Makes the object be there, durable when this returns 0; with `later`, durable after the next storage_flush(). Frees `write` in either case. */
int storage_write_commit(struct storage_write *write, bool later, struct err *err) must_use;
/* Leaves nothing behind that purging would not find. NULL is fine. */
void storage_write_abort(struct storage_write *write);
void storage_write_abortp(struct storage_write **write);
int storage_flush(struct storage *storage, struct err *err) must_use;

/* Calls on_data for up to `length` bytes (-1: all) from `offset`, in pieces, in order. What on_data returns other than 0 (with err) ends
 * it. Fewer bytes than promised is an error, never a short success. Retries where that is safe: no byte comes twice. */
typedef int (*storage_data_fn)(void *arg, const char *data, size_t len, struct err *err);
int storage_read(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg,
                 struct err *err) must_use;

/* One that is not there is as good as deleted. */
int storage_delete(struct storage *storage, const char *key, struct err *err) must_use;
/* Deletes every object of a session, and what unfinished writes left; `beat` (may be NULL) is called now and then, and ends it with other
 * than 0. Repeated after an interruption it goes on. */
int storage_purge(struct storage *storage, const char *session_id, int (*beat)(void *arg, struct err *err), void *arg,
                  int64_t *deleted_out, struct err *err) must_use;
/* Whether it can be reached and written to: for health; asks it, changes nothing that stays. */
int storage_check(struct storage *storage, struct err *err) must_use;

/* The file that holds the object, for a web server to send; false: this driver has none. */
bool storage_local_path(struct storage *storage, const char *key, struct strbuf *out);
/* An address that a client may GET the object from without credentials, for a while, with these two headers in the answer; false: this
 * driver has none (*out is then untouched). */
bool storage_presign(struct storage *storage, const char *key, const char *content_type, const char *content_disposition,
                     struct strbuf *out, struct err *err);

#endif
