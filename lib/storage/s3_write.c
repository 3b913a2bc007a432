/* SPDX-License-Identifier: Apache-2.0 */
/* Objects on their way to S3: spooled in a file without a name, 16 MiB at a time, so that whatever fails can be sent again. */
#include "config.h" /* O_TMPFILE */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/storage/s3.h"

enum { PART_SIZE = 16 * 1024 * 1024, PARTS_MAX = 10000, LIST_MAX = 4 * 1024 * 1024 };

struct s3_write {
    struct storage_write base;
    int fd;
    int64_t spooled; /* bytes in the spool, from its begin */
    struct digest *digest;
    int parts;             /* that S3 has */
    char *upload_id;       /* NULL: all fits into the spool so far */
    struct strbuf list;    /* of the parts, as XML */
};

static struct s3 *s3_of(const struct s3_write *write)
{
    return write->base.storage->state;
}

static int open_spool(const char *directory, struct err *err)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/sandbox-spool.XXXXXX", directory);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    return fd >= 0 ? fd : err_internal(err, errno, "storage.s3_spool %s", directory);
}

static void write_free(struct s3_write *write)
{
    if (write->fd >= 0)
        close(write->fd);
    digest_free(write->digest);
    free(write->upload_id);
    strbuf_release(&write->list);
    free(write);
}

int s3_write_begin(struct storage *storage, const char *key, struct storage_write **out, struct err *err)
{
    struct s3_write *write = calloc(1, sizeof(*write));
    if (!write)
        return err_internal(err, errno, "out of memory for a write");
    write->list = STRBUF_INIT(LIST_MAX);
    write->base.storage = storage;
    snprintf(write->base.key, sizeof(write->base.key), "%s", key);
    write->fd = open_spool(storage->settings->s3_spool, err);
    if (write->fd >= 0)
        write->digest = digest_new(err);
    if (!write->digest) {
        write_free(write);
        return -1;
    }
    *out = &write->base;
    return 0;
}

static int spool(struct s3_write *write, const char *data, size_t len, struct err *err)
{
    if (digest_add(write->digest, data, len, err) != 0)
        return -1;
    while (len > 0) {
        ssize_t put = pwrite(write->fd, data, len, write->spooled);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            err_set(err, ERR_UNAVAILABLE, "The storage is full.");
            return err_wrap(err, "storage.s3_spool: %s", strerror(errno));
        }
        data += put;
        len -= (size_t)put;
        write->spooled += put;
    }
    return 0;
}

/* "No such upload" is no answer for who writes: it was given up meanwhile (by a purge, or a rule of the bucket). */
static int write_failed(struct err *err)
{
    if (err->code == ERR_FILE_NOT_FOUND) {
        const struct err why = *err;
        err_set(err, ERR_UNAVAILABLE, "The storage gave the upload up.");
        err_wrap(err, "%s", why.detail);
    }
    return -1;
}

/* Sends what is spooled, with `query`; its ETag in `etag`. */
static int send_spool(struct s3_write *write, const struct s3_pair *query, size_t query_count, char etag[S3_ETAG_MAX], struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    struct web_wanted wanted = { "ETag", etag, S3_ETAG_MAX };
    struct s3_body body = { .fd = write->fd, .len = write->spooled };
    const struct s3_call call = { .method = "PUT", .key = write->base.key, .query = query, .query_count = query_count, .body = &body,
                                  .wanted = &wanted, .wanted_count = 1 };
    if (digest_end(write->digest, body.sha256, err) != 0)
        return -1;
    return s3_call(s3_of(write), &call, &answer, err) == 0 ? 0 : write_failed(err);
}

static int begin_upload(struct s3_write *write, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    struct s3_document document;
    const struct s3_pair query = { "uploads", "" };
    const struct s3_call call = { .method = "POST", .key = write->base.key, .query = &query, .query_count = 1 };
    if (s3_call(s3_of(write), &call, &answer, err) != 0 ||
        s3_xml_read(strbuf_str(&answer.body), answer.body.len, &document, NULL, NULL, err) != 0)
        return -1;
    if (!document.upload_id[0])
        return err_internal(err, 0, "S3 began an upload without an id");
    write->upload_id = strdup(document.upload_id);
    return write->upload_id ? 0 : err_internal(err, errno, "out of memory for an upload");
}

static void add_part(struct s3_write *write, const char *etag)
{
    strbuf_addf(&write->list, "<Part><PartNumber>%d</PartNumber><ETag>", write->parts);
    for (; *etag; etag++) {
        if (strchr("<>&\"", *etag))
            strbuf_addf(&write->list, "&#%d;", *etag);
        else
            strbuf_add_char(&write->list, *etag);
    }
    strbuf_add_str(&write->list, "</ETag></Part>");
}

static int send_part(struct s3_write *write, struct err *err)
{
    char etag[S3_ETAG_MAX], number[16];
    if (!write->upload_id && begin_upload(write, err) != 0)
        return -1;
    if (write->parts == PARTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "The file is too large for the storage.");
    snprintf(number, sizeof(number), "%d", ++write->parts);
    const struct s3_pair query[] = { { "partNumber", number }, { "uploadId", write->upload_id } };
    if (send_spool(write, query, 2, etag, err) != 0)
        return -1;
    if (!etag[0])
        return err_internal(err, 0, "S3 took a part without saying its ETag");
    add_part(write, etag);
    write->spooled = 0;
    digest_free(write->digest);
    write->digest = digest_new(err);
    return write->digest ? 0 : -1;
}

int s3_write_data(struct storage_write *base, const void *data, size_t len, struct err *err)
{
    struct s3_write *write = (struct s3_write *)base;
    const char *at = data;
    while (len > 0) {
        if (write->spooled == PART_SIZE && send_part(write, err) != 0)
            return -1;
        size_t room = (size_t)(PART_SIZE - write->spooled), taken = len < room ? len : room;
        if (spool(write, at, taken, err) != 0)
            return -1;
        at += taken;
        len -= taken;
    }
    return 0;
}

static int is_there(struct s3 *s3, const char *key, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    const struct s3_call call = { .method = "HEAD", .key = key };
    return s3_call(s3, &call, &answer, err);
}

/* One attempt to put the parts together: S3 may say 200 and then, in the body, that it failed. An upload that is gone on a later attempt
 * was put together by an earlier one whose answer was lost: the object is there then. */
static int complete_once(struct s3_write *write, const struct s3_body *body, int attempt, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    struct s3_document document;
    const struct s3_pair query = { "uploadId", write->upload_id }, header = { "content-type", "application/xml" };
    const struct s3_call call = { .method = "POST", .key = write->base.key, .query = &query, .query_count = 1, .headers = &header,
                                  .header_count = 1, .body = body, .tries = 1 };
    if (s3_call(s3_of(write), &call, &answer, err) != 0)
        return err->code == ERR_FILE_NOT_FOUND && attempt > 0 ? is_there(s3_of(write), write->base.key, err) : -1;
    if (s3_xml_read(strbuf_str(&answer.body), answer.body.len, &document, NULL, NULL, err) != 0)
        return -1;
    if (strcmp(document.root, "CompleteMultipartUploadResult") == 0)
        return 0;
    err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
    return err_wrap(err, "S3: completing an upload: %s %s: %s", document.root, document.code, document.message);
}

static int complete(struct s3_write *write, struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(LIST_MAX);
    struct s3_retry retry = { .tries = S3_TRIES, .limit_ms = s3_of(write)->settings->s3_timeout_ms };
    strbuf_addf(&text, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s</CompleteMultipartUpload>",
                strbuf_str(&write->list));
    if (!strbuf_ok(&text) || !strbuf_ok(&write->list))
        return err_internal(err, 0, "the list of parts is too long");
    struct s3_body body = { .data = text.data, .len = (int64_t)text.len };
    if (digest_sha256_hex(text.data, text.len, body.sha256, err) != 0)
        return -1;
    do {
        if (complete_once(write, &body, retry.done, err) == 0)
            return 0;
    } while (err->code == ERR_UNAVAILABLE && s3_retry_wait(&retry));
    return write_failed(err);
}

static int finish(struct s3_write *write, struct err *err)
{
    char etag[S3_ETAG_MAX];
    if (!write->upload_id)
        return send_spool(write, NULL, 0, etag, err);
    return send_part(write, err) == 0 ? complete(write, err) : -1;
}

int s3_write_commit(struct storage_write *base, bool later, struct err *err)
{
    struct s3_write *write = (struct s3_write *)base;
    (void)later; /* S3 has it for good when it says so */
    if (finish(write, err) != 0) {
        s3_write_abort(base);
        return -1;
    }
    write_free(write);
    return 0;
}

/* An upload that cannot be ended now is ended when its session is purged. */
void s3_write_abort(struct storage_write *base)
{
    struct s3_write *write = (struct s3_write *)base;
    struct err ignored = ERR_INIT;
    if (write->upload_id)
        (void)!s3_abort_upload(s3_of(write), write->base.key, write->upload_id, &ignored);
    write_free(write);
}
