/* SPDX-License-Identifier: Apache-2.0 */
/* Reading from S3: a connection that breaks is followed by another that goes on where it broke, of the same content (If-Match). */
#include <stdio.h>
#include <string.h>

#include "lib/storage/s3.h"

struct reading {
    struct s3 *s3;
    const char *key;
    int64_t next;  /* first byte that was not delivered */
    int64_t left;  /* bytes still wanted; -1: all there are, not known yet how many */
    int64_t size;  /* of the object; -1: not known yet */
    char etag[S3_ETAG_MAX];
    bool moved;    /* this attempt delivered something */
    bool started;  /* this attempt's headers were looked at */
    bool ranged;   /* and a part was asked for */
    char length[24], range[64], new_etag[S3_ETAG_MAX]; /* of the answer */
    storage_data_fn on_data;
    void *arg;
};

/* "bytes 0-9/100", "bytes 0-9/" and "*": where it begins and how long the whole is. */
static bool read_range(const char *text, int64_t *from_out, int64_t *size_out)
{
    long long from, to, size;
    if (sscanf(text, "bytes %lld-%lld/%lld", &from, &to, &size) != 3 || from < 0 || to < from || size <= to)
        return false;
    *from_out = from;
    *size_out = size;
    return true;
}

/* Is it what was asked for? Else the bytes would be put in the wrong place. */
static int look_at_headers(struct reading *reading, struct err *err)
{
    int64_t from = 0, size = -1;
    if (reading->ranged ? !read_range(reading->range, &from, &size) : sscanf(reading->length, "%ld", &size) != 1)
        return err_internal(err, 0, "S3: %s: Content-Range \"%s\", Content-Length \"%s\"", reading->key, reading->range, reading->length);
    if (from != reading->next || (reading->size >= 0 && size != reading->size))
        return err_internal(err, 0, "S3: %s: from byte %lld of %lld came %s", reading->key, (long long)reading->next,
                            (long long)reading->size, reading->range);
    reading->size = size;
    if (reading->left < 0)
        reading->left = size - reading->next;
    if (reading->next + reading->left > size)
        return err_internal(err, 0, "S3: %s has %lld bytes only", reading->key, (long long)size);
    if (!reading->etag[0])
        snprintf(reading->etag, sizeof(reading->etag), "%s", reading->new_etag);
    reading->started = true;
    return 0;
}

static int take(void *arg, const char *data, size_t len, struct err *err)
{
    struct reading *reading = arg;
    if (!reading->started && look_at_headers(reading, err) != 0)
        return -1;
    if ((int64_t)len > reading->left)
        return err_internal(err, 0, "S3: %s: more bytes than were asked for", reading->key);
    if (reading->on_data(reading->arg, data, len, err) != 0)
        return -1;
    reading->next += (int64_t)len;
    reading->left -= (int64_t)len;
    reading->moved = true;
    return 0;
}

/* No bytes: but that there is such an object is part of the answer. */
static int look(struct s3 *s3, const char *key, int64_t offset, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    char length[24];
    struct web_wanted wanted = { "Content-Length", length, sizeof(length) };
    const struct s3_call call = { .method = "HEAD", .key = key, .wanted = &wanted, .wanted_count = 1 };
    if (s3_call(s3, &call, &answer, err) != 0)
        return -1;
    return offset <= strtoll(length, NULL, 10) ? 0 : err_internal(err, 0, "S3: %s: read from %lld of %s", key, (long long)offset, length);
}

/* 0: all is there. -1 with err. *again_out: another attempt may help. */
static int attempt(struct reading *reading, bool *again_out, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    struct web_wanted wanted[] = { { "Content-Length", reading->length, sizeof(reading->length) },
                                   { "Content-Range", reading->range, sizeof(reading->range) },
                                   { "ETag", reading->new_etag, sizeof(reading->new_etag) } };
    struct s3_pair headers[2];
    char range[64];
    struct s3_call call = { .method = "GET", .key = reading->key, .headers = headers, .on_data = take, .arg = reading, .tries = 1,
                            .wanted = wanted, .wanted_count = 3 };
    reading->ranged = reading->next > 0 || reading->left >= 0;
    reading->moved = reading->started = false;
    snprintf(range, sizeof(range), "bytes=%lld-", (long long)reading->next);
    if (reading->left > 0)
        snprintf(range + strlen(range), sizeof(range) - strlen(range), "%lld", (long long)(reading->next + reading->left - 1));
    if (reading->ranged)
        headers[call.header_count++] = (struct s3_pair){ "range", range };
    if (reading->etag[0])
        headers[call.header_count++] = (struct s3_pair){ "if-match", reading->etag };
    int status = s3_call(reading->s3, &call, &answer, err);
    if (status != 0 && answer.status == 416 && reading->left < 0) /* from the very end on there is nothing, which is fine */
        return look(reading->s3, reading->key, reading->next, err);
    if (status == 0 && !reading->started)
        status = look_at_headers(reading, err);
    if (status == 0 && reading->left > 0) {
        err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
        status = err_wrap(err, "S3: %s ended %lld bytes too early", reading->key, (long long)reading->left);
    }
    *again_out = status != 0 && err->code == ERR_UNAVAILABLE && !answer.stopped;
    return status;
}

int s3_read(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg, struct err *err)
{
    struct s3 *s3 = storage->state;
    if (offset < 0)
        return err_internal(err, 0, "S3: %s: read from %lld", key, (long long)offset);
    if (length == 0)
        return look(s3, key, offset, err);
    struct reading reading = { .s3 = s3, .key = key, .next = offset, .left = length < 0 ? -1 : length, .size = -1, .on_data = on_data,
                               .arg = arg };
    struct s3_retry retry = { .tries = S3_TRIES, .limit_ms = s3->settings->s3_timeout_ms };
    bool again = false;
    do {
        if (attempt(&reading, &again, err) == 0)
            return 0;
        if (reading.moved)
            retry.done = 0; /* what moves is not given up */
    } while (again && s3_retry_wait(&retry));
    return -1;
}
