/* SPDX-License-Identifier: Apache-2.0 */
/* S3's XML: a table says which element's text goes where. */
#include "lib/storage/s3_xml.h"

#include <expat.h>
#include <stdint.h>
#include <string.h>

enum { PATH_MAX_LEN = 160, DEPTH_MAX = 16 };

struct reader {
    XML_Parser parser;
    struct s3_document *out;
    struct s3_entry entry;
    int (*on_entry)(void *arg, const struct s3_entry *entry, struct err *err);
    void *arg;
    struct err *err;
    bool failed;
    char path[PATH_MAX_LEN]; /* names of the open elements, "/" before each */
    unsigned depth;
    char text[S3_TEXT_MAX + 1]; /* of the innermost one */
    size_t text_len;
};

#define IN_DOCUMENT(member) false, offsetof(struct s3_document, member), sizeof(((struct s3_document *)0)->member)
#define IN_ENTRY(member) true, offsetof(struct s3_entry, member), sizeof(((struct s3_entry *)0)->member)

static const struct place {
    const char *path;
    bool of_entry;
    size_t offset, size;
} places[] = {
    { "/Error/Code", IN_DOCUMENT(code) },
    { "/Error/Message", IN_DOCUMENT(message) },
    { "/InitiateMultipartUploadResult/UploadId", IN_DOCUMENT(upload_id) },
    { "/ListBucketResult/NextContinuationToken", IN_DOCUMENT(next_token) },
    { "/ListBucketResult/Contents/Key", IN_ENTRY(key) },
    { "/ListMultipartUploadsResult/NextKeyMarker", IN_DOCUMENT(next_key) },
    { "/ListMultipartUploadsResult/NextUploadIdMarker", IN_DOCUMENT(next_upload) },
    { "/ListMultipartUploadsResult/Upload/Key", IN_ENTRY(key) },
    { "/ListMultipartUploadsResult/Upload/UploadId", IN_ENTRY(upload_id) },
    { "/DeleteResult/Error/Key", IN_ENTRY(key) },
    { "/DeleteResult/Error/Code", IN_ENTRY(code) },
};
static const char *const truncation_paths[] = { "/ListBucketResult/IsTruncated", "/ListMultipartUploadsResult/IsTruncated" };
static const char *const entry_paths[] = { "/ListBucketResult/Contents", "/ListMultipartUploadsResult/Upload", "/DeleteResult/Error" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_one_of(const char *path, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

static void fail(struct reader *reader, const char *why)
{
    if (!reader->failed)
        err_internal(reader->err, 0, "an answer of S3: %s", why);
    reader->failed = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void XMLCALL begin_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = arg;
    (void)attributes;
    if (reader->failed)
        return;
    size_t len = strlen(reader->path);
    if (++reader->depth > DEPTH_MAX || len + 1 + strlen(name) >= sizeof(reader->path)) {
        fail(reader, "elements too deep");
        return;
    }
    snprintf(reader->path + len, sizeof(reader->path) - len, "/%s", name);
    if (reader->depth == 1)
        snprintf(reader->out->root, sizeof(reader->out->root), "%s", name);
    if (is_one_of(reader->path, entry_paths, COUNT(entry_paths)))
        reader->entry = (struct s3_entry){ .key = "" };
    reader->text_len = 0;
}

static void XMLCALL add_text(void *arg, const XML_Char *text, int len)
{
    struct reader *reader = arg;
    size_t room = S3_TEXT_MAX + 1 - reader->text_len; /* one more than fits is remembered as such */
    size_t taken = (size_t)len < room ? (size_t)len : room;
    if (reader->text_len <= S3_TEXT_MAX) {
        memcpy(reader->text + reader->text_len, text, reader->text_len + taken <= S3_TEXT_MAX ? taken : taken - 1);
        reader->text_len += taken;
    }
}

/* A message may be cut, for it is only read by people. */
static void put_text(struct reader *reader, const struct place *place)
{
    char *target = (place->of_entry ? (char *)&reader->entry : (char *)reader->out) + place->offset;
    if (reader->text_len >= place->size && strcmp(place->path, "/Error/Message") != 0)
        fail(reader, "a text is too long");
    else
        snprintf(target, place->size, "%s", reader->text);
}

static void XMLCALL end_element(void *arg, const XML_Char *name)
{
    struct reader *reader = arg;
    (void)name;
    if (reader->failed)
        return;
    reader->text[reader->text_len <= S3_TEXT_MAX ? reader->text_len : S3_TEXT_MAX] = '\0';
    for (size_t i = 0; i < COUNT(places); i++)
        if (strcmp(reader->path, places[i].path) == 0)
            put_text(reader, &places[i]);
    if (is_one_of(reader->path, truncation_paths, COUNT(truncation_paths)))
        reader->out->truncated = strcmp(reader->text, "true") == 0;
    if (!reader->failed && reader->on_entry && is_one_of(reader->path, entry_paths, COUNT(entry_paths)) &&
        reader->on_entry(reader->arg, &reader->entry, reader->err) != 0) {
        reader->failed = true;
        XML_StopParser(reader->parser, XML_FALSE);
    }
    *strrchr(reader->path, '/') = '\0';
    reader->depth--;
    reader->text_len = 0;
}

static void XMLCALL refuse_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    fail(arg, "it has a document type");
}

int s3_xml_read(const char *text, size_t len, struct s3_document *out,
                int (*on_entry)(void *arg, const struct s3_entry *entry, struct err *err), void *arg, struct err *err)
{
    *out = (struct s3_document){ .root = "" };
    if (len > S3_XML_MAX)
        return err_internal(err, 0, "an answer of S3 of %zu bytes", len);
    while (len > 0 && memchr(" \r\n\t", *text, 4)) /* sent while the answer was being thought about */
        text++, len--;
    cleanup_free struct reader *reader = calloc(1, sizeof(*reader));
    XML_Parser parser = reader ? XML_ParserCreate("UTF-8") : NULL;
    if (!parser)
        return err_internal(err, 0, "out of memory for XML");
    *reader = (struct reader){ .parser = parser, .out = out, .on_entry = on_entry, .arg = arg, .err = err };
    XML_SetUserData(parser, reader);
    XML_SetElementHandler(parser, begin_element, end_element);
    XML_SetCharacterDataHandler(parser, add_text);
    XML_SetStartDoctypeDeclHandler(parser, refuse_doctype);
    enum XML_Status status = XML_Parse(parser, text, (int)len, XML_TRUE);
    if (status != XML_STATUS_OK && !reader->failed)
        fail(reader, XML_ErrorString(XML_GetErrorCode(parser)));
    XML_ParserFree(parser);
    return reader->failed ? -1 : 0;
}
