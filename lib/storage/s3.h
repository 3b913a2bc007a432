/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to S3, signed and repeated: what the parts of the s3 driver share. */
#ifndef SANDBOX_STORAGE_S3_H
#define SANDBOX_STORAGE_S3_H

#include "lib/io/digest.h"
#include "lib/io/web.h"
#include "lib/storage/driver.h"
#include "lib/storage/s3_sign.h"
#include "lib/storage/s3_xml.h"

enum { S3_TRIES = 6, S3_ETAG_MAX = 128 };

/* The driver's own. */
struct s3 {
    const struct storage_settings *settings;
    struct web *web;
    struct s3_credentials credentials;
    struct strbuf address, public_address; /* "https://host[:port]" that requests go to, ours and clients' */
    struct strbuf base;                    /* encoded path of the bucket: "/BUCKET", or "" with virtual-host style */
};

/* What is sent: bytes of memory, or of a file from its begin. */
struct s3_body {
    const char *data;
    int fd; /* used if `data` is NULL */
    int64_t len;
    char sha256[DIGEST_HEX_SIZE];
};

struct s3_call {
    const char *method;
    const char *key; /* as in storage.h; NULL: the bucket itself */
    const struct s3_pair *query;
    size_t query_count;
    const struct s3_pair *headers; /* more of them, signed as well; names in lower case */
    size_t header_count;
    const struct s3_body *body; /* NULL: none */
    int tries;                  /* 0: S3_TRIES */
    /* The body of an answer with 2xx as it comes, instead of into `body` of the answer; another result than 0 (with err) ends the call. */
    int (*on_data)(void *arg, const char *data, size_t len, struct err *err);
    void *arg;
    struct web_wanted *wanted;
    size_t wanted_count;
};

struct s3_answer {
    int status;            /* 2xx, or that of the refusal */
    int attempts;          /* how many it took */
    bool stopped;          /* by on_data, whose error it is */
    struct strbuf body;    /* of the answer; for XML */
    struct s3_document error; /* what a refusal said */
};
void s3_answer_release(struct s3_answer *answer);
#define cleanup_s3_answer cleanup(s3_answer_release)
#define S3_ANSWER_INIT ((struct s3_answer){ .body = STRBUF_INIT(S3_XML_MAX) })

/* 0: an answer with 2xx. -1 with err as in storage.h; answer->status and ->error say more if there was one. */
int s3_call(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer, struct err *err) must_use;
/* The encoded path of a key; NULL: of the bucket. */
void s3_path(const struct s3 *s3, const char *key, struct strbuf *out);
/* How the object of a key is named in lists: with the prefix of the settings, not encoded. */
void s3_name(const struct s3 *s3, const char *key, struct strbuf *out);

/* When to try again: waits longer each time, somewhat at random; not for ever. */
struct s3_retry {
    int tries, done;
    int64_t limit_ms, since_ms; /* no try begins later than this after the first failure */
};
/* Waits, or false: enough. */
bool s3_retry_wait(struct s3_retry *retry);

/* The driver's functions that have a file of their own. */
int s3_write_begin(struct storage *storage, const char *key, struct storage_write **out, struct err *err);
int s3_write_data(struct storage_write *write, const void *data, size_t len, struct err *err);
int s3_write_commit(struct storage_write *write, bool later, struct err *err);
void s3_write_abort(struct storage_write *write);
int s3_read(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg, struct err *err);
int s3_purge(struct storage *storage, const char *session_id, int (*beat)(void *, struct err *), void *arg, int64_t *deleted,
             struct err *err);
int s3_abort_upload(struct s3 *s3, const char *key, const char *upload_id, struct err *err) must_use;

#endif
