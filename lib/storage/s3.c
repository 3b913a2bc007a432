/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in S3, or in what speaks as it does. */
#include "lib/storage/s3.h"

#include <errno.h>
#include <string.h>

#include "lib/util/clock.h"

enum { ADDRESS_MAX = 1024, URL_MAX = 16 * 1024 };

/* "https://HOST[:PORT]" of an endpoint, with the bucket in front of the host where it belongs there. */
static void write_address(const struct storage_settings *settings, const char *endpoint, struct strbuf *out)
{
    const char *host = strstr(endpoint, "://");
    if (!host) {
        strbuf_add_str(out, "https://");
        if (strcmp(settings->s3_style, "virtual-host") == 0)
            strbuf_addf(out, "%s.", settings->s3_bucket);
        strbuf_addf(out, "s3.%s.amazonaws.com", settings->s3_region);
        return;
    }
    host += 3;
    strbuf_add(out, endpoint, (size_t)(host - endpoint));
    if (strcmp(settings->s3_style, "virtual-host") == 0)
        strbuf_addf(out, "%s.", settings->s3_bucket);
    strbuf_add(out, host, strcspn(host, "/"));
}

static void close_storage(struct storage *storage)
{
    struct s3 *s3 = storage->state;
    if (!s3)
        return;
    web_free(s3->web);
    strbuf_release(&s3->address);
    strbuf_release(&s3->public_address);
    strbuf_release(&s3->base);
    free(s3);
    storage->state = NULL;
}

static int open_storage(struct storage *storage, struct err *err)
{
    const struct storage_settings *settings = storage->settings;
    struct s3 *s3 = calloc(1, sizeof(*s3));
    storage->state = s3;
    if (!s3)
        return err_internal(err, errno, "out of memory for S3");
    *s3 = (struct s3){ .settings = settings, .address = STRBUF_INIT(ADDRESS_MAX), .public_address = STRBUF_INIT(ADDRESS_MAX),
                       .base = STRBUF_INIT(ADDRESS_MAX),
                       .credentials = { settings->s3_access_key, settings->s3_secret_key, settings->s3_region } };
    write_address(settings, settings->s3_endpoint, &s3->address);
    write_address(settings, settings->s3_public_endpoint[0] ? settings->s3_public_endpoint : settings->s3_endpoint, &s3->public_address);
    if (strcmp(settings->s3_style, "path") == 0) {
        strbuf_add_char(&s3->base, '/');
        s3_encode(&s3->base, settings->s3_bucket, false);
    }
    bool fits = strbuf_ok(&s3->address) && strbuf_ok(&s3->public_address) && strbuf_ok(&s3->base);
    if (!fits)
        err_internal(err, 0, "the settings of S3 are too long");
    s3->web = fits ? web_new(err) : NULL;
    if (!s3->web)
        close_storage(storage);
    return s3->web ? 0 : -1;
}

static int flush(struct storage *storage, struct err *err)
{
    (void)storage;
    (void)err;
    return 0;
}

static int delete_object(struct storage *storage, const char *key, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    const struct s3_call call = { .method = "DELETE", .key = key };
    if (s3_call(storage->state, &call, &answer, err) == 0)
        return 0;
    return err->code == ERR_FILE_NOT_FOUND ? 0 : -1;
}

/* By a list, not by HEAD, whose refusals do not say why. */
static int check(struct storage *storage, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    cleanup_strbuf struct strbuf name = STRBUF_INIT(ADDRESS_MAX);
    s3_name(storage->state, "sessions/", &name);
    const struct s3_pair query[] = { { "list-type", "2" }, { "max-keys", "1" }, { "prefix", strbuf_str(&name) } };
    const struct s3_call call = { .method = "GET", .query = query, .query_count = 3, .tries = 2 };
    return s3_call(storage->state, &call, &answer, err);
}

static bool presign(struct storage *storage, const char *key, const char *content_type, const char *content_disposition,
                    struct strbuf *out, struct err *err)
{
    struct s3 *s3 = storage->state;
    cleanup_strbuf struct strbuf path = STRBUF_INIT(URL_MAX), query = STRBUF_INIT(URL_MAX);
    const struct s3_pair host = { "host", strstr(strbuf_str(&s3->public_address), "://") + 3 };
    const struct s3_pair wanted[] = { { "response-content-disposition", content_disposition },
                                      { "response-content-type", content_type } };
    s3_path(s3, key, &path);
    const struct s3_to_sign request = { .method = "GET", .path = strbuf_str(&path), .query = wanted, .query_count = 2, .headers = &host,
                                        .header_count = 1, .payload = S3_UNSIGNED_PAYLOAD, .now_s = clock_wall_ms() / 1000 };
    if (s3_sign_query(&request, &s3->credentials, storage->settings->s3_presign_s, &query, err) != 0)
        return false;
    strbuf_addf(out, "%s%s?%s", strbuf_str(&s3->public_address), strbuf_str(&path), strbuf_str(&query));
    return true;
}

const struct storage_driver storage_s3_driver = {
    .name = "s3",
    .open = open_storage,
    .close = close_storage,
    .write_begin = s3_write_begin,
    .write_data = s3_write_data,
    .write_commit = s3_write_commit,
    .write_abort = s3_write_abort,
    .flush = flush,
    .read = s3_read,
    .delete = delete_object,
    .purge = s3_purge,
    .check = check,
    .presign = presign,
};
