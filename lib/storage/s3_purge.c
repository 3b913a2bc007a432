/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of a session out of S3: its objects, a page at a time, and the uploads that nobody ended. */
#include <openssl/evp.h>
#include <string.h>

#include "lib/storage/s3.h"

enum { PAGE = 100, LIST_MAX = 256 * 1024, PREFIX_MAX = 1024 };

struct purging {
    struct s3 *s3;
    struct strbuf prefix;     /* of all names of the session, with "/" at its end */
    struct strbuf list;       /* of objects to delete, as XML */
    int64_t listed, *deleted; /* of this page; of all */
    int (*beat)(void *, struct err *);
    void *arg;
};

static int beat(const struct purging *purging, struct err *err)
{
    return purging->beat ? purging->beat(purging->arg, err) : 0;
}

/* A name that S3 lists must be one of ours before it is deleted. */
static int check_name(const struct purging *purging, const char *name, struct err *err)
{
    if (strncmp(name, strbuf_str(&purging->prefix), purging->prefix.len) == 0 && !strpbrk(name, "<>&"))
        return 0;
    return err_internal(err, 0, "S3 lists \"%.100s\", which is none of %s", name, strbuf_str(&purging->prefix));
}

static int add_object(void *arg, const struct s3_entry *entry, struct err *err)
{
    struct purging *purging = arg;
    if (check_name(purging, entry->key, err) != 0)
        return -1;
    strbuf_addf(&purging->list, "<Object><Key>%s</Key></Object>", entry->key);
    purging->listed++;
    return 0;
}

static int say_undeleted(void *arg, const struct s3_entry *entry, struct err *err)
{
    (void)arg;
    if (strcmp(entry->code, "NoSuchKey") == 0)
        return 0;
    return err_internal(err, 0, "S3 does not delete %.200s: %s", entry->key, entry->code);
}

static int md5_base64(const char *data, size_t len, char out[32], struct err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned got = 0;
    if (EVP_Digest(data, len, digest, &got, EVP_md5(), NULL) != 1 || got != 16)
        return err_internal(err, 0, "libcrypto computed no MD5");
    EVP_EncodeBlock((unsigned char *)out, digest, (int)got);
    return 0;
}

static int delete_listed(struct purging *purging, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(LIST_MAX);
    struct s3_document document;
    char md5[32];
    strbuf_addf(&text, "<Delete><Quiet>true</Quiet>%s</Delete>", strbuf_str(&purging->list));
    if (!strbuf_ok(&text) || !strbuf_ok(&purging->list))
        return err_internal(err, 0, "the list of objects to delete is too long");
    struct s3_body body = { .data = text.data, .len = (int64_t)text.len };
    if (digest_sha256_hex(text.data, text.len, body.sha256, err) != 0 || md5_base64(text.data, text.len, md5, err) != 0)
        return -1;
    const struct s3_pair query = { "delete", "" }, headers[] = { { "content-md5", md5 }, { "content-type", "application/xml" } };
    const struct s3_call call = { .method = "POST", .query = &query, .query_count = 1, .headers = headers, .header_count = 2,
                                  .body = &body };
    if (s3_call(purging->s3, &call, &answer, err) != 0 ||
        s3_xml_read(strbuf_str(&answer.body), answer.body.len, &document, say_undeleted, NULL, err) != 0)
        return -1;
    if (strcmp(document.root, "DeleteResult") != 0)
        return err_internal(err, 0, "S3: deleting objects: %s %s", document.root, document.code);
    *purging->deleted += purging->listed;
    return 0;
}

static int list_page(struct purging *purging, const char *token, struct s3_document *out, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    const struct s3_pair query[] = { { "list-type", "2" }, { "prefix", strbuf_str(&purging->prefix) }, { "max-keys", "100" },
                                     { "continuation-token", token } };
    const struct s3_call call = { .method = "GET", .query = query, .query_count = token[0] ? 4 : 3 };
    strbuf_reset(&purging->list);
    purging->listed = 0;
    if (s3_call(purging->s3, &call, &answer, err) != 0 ||
        s3_xml_read(strbuf_str(&answer.body), answer.body.len, out, add_object, purging, err) != 0)
        return -1;
    if (out->truncated && (!out->next_token[0] || strcmp(out->next_token, token) == 0))
        return err_internal(err, 0, "S3 lists a page that is not the last, and does not say where the next begins");
    return 0;
}

static int delete_objects(struct purging *purging, struct err *err)
{
    struct s3_document page = { .root = "" };
    char token[sizeof(page.next_token)] = "";
    do {
        if (list_page(purging, token, &page, err) != 0 || (purging->listed > 0 && delete_listed(purging, err) != 0) ||
            beat(purging, err) != 0)
            return -1;
        memcpy(token, page.next_token, sizeof(token));
    } while (page.truncated);
    return 0;
}

int s3_abort_upload(struct s3 *s3, const char *key, const char *upload_id, struct err *err)
{
    cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
    const struct s3_pair query = { "uploadId", upload_id };
    const struct s3_call call = { .method = "DELETE", .key = key, .query = &query, .query_count = 1, .tries = 2 };
    if (s3_call(s3, &call, &answer, err) == 0)
        return 0;
    return err->code == ERR_FILE_NOT_FOUND ? 0 : -1;
}

static int end_upload(void *arg, const struct s3_entry *entry, struct err *err)
{
    struct purging *purging = arg;
    const char *prefix = purging->s3->settings->s3_prefix;
    if (check_name(purging, entry->key, err) != 0 || beat(purging, err) != 0)
        return -1;
    return s3_abort_upload(purging->s3, entry->key + (prefix[0] ? strlen(prefix) + 1 : 0), entry->upload_id, err);
}

static int end_uploads(struct purging *purging, struct err *err)
{
    struct s3_document page = { .root = "" };
    char key[sizeof(page.next_key)] = "", upload[sizeof(page.next_upload)] = "";
    do {
        cleanup_s3_answer struct s3_answer answer = S3_ANSWER_INIT;
        const struct s3_pair query[] = { { "uploads", "" }, { "prefix", strbuf_str(&purging->prefix) }, { "max-uploads", "100" },
                                         { "key-marker", key }, { "upload-id-marker", upload } };
        const struct s3_call call = { .method = "GET", .query = query, .query_count = key[0] ? 5 : 3 };
        if (s3_call(purging->s3, &call, &answer, err) != 0 ||
            s3_xml_read(strbuf_str(&answer.body), answer.body.len, &page, end_upload, purging, err) != 0)
            return -1;
        if (page.truncated && (!page.next_key[0] || (strcmp(page.next_key, key) == 0 && strcmp(page.next_upload, upload) == 0)))
            return err_internal(err, 0, "S3 lists uploads, and does not say where the next page begins");
        memcpy(key, page.next_key, sizeof(key));
        memcpy(upload, page.next_upload, sizeof(upload));
    } while (page.truncated);
    return 0;
}

/* Uploads first: one that is put together just now becomes an object, which the list shows then. */
int s3_purge(struct storage *storage, const char *session_id, int (*on_beat)(void *, struct err *), void *arg, int64_t *deleted,
             struct err *err)
{
    struct purging purging = { .s3 = storage->state, .prefix = STRBUF_INIT(PREFIX_MAX), .list = STRBUF_INIT(LIST_MAX),
                               .deleted = deleted, .beat = on_beat, .arg = arg };
    cleanup_strbuf struct strbuf key = STRBUF_INIT(PREFIX_MAX);
    strbuf_addf(&key, "sessions/%s/", session_id);
    s3_name(purging.s3, strbuf_str(&key), &purging.prefix);
    int status = strbuf_ok(&purging.prefix) ? end_uploads(&purging, err) : err_internal(err, 0, "storage.s3_prefix is too long");
    if (status == 0)
        status = delete_objects(&purging, err);
    strbuf_release(&purging.prefix);
    strbuf_release(&purging.list);
    return status;
}
