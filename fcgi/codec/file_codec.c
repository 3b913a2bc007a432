/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of files; names, times and digests in headers. */
#include "fcgi/codec/file_codec.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fcgi/codec/fields.h"

static struct json_object *file_encode(const struct workspace_file *file)
{
    char etag[FILE_ETAG_SIZE];
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    file_etag(file, etag);
    fields_add_text(object, "path", file->path);
    fields_add_int(object, "size", file->size);
    fields_add_time(object, "modified_at", file->modified_at);
    fields_add_text(object, "etag", etag);
    return object;
}

struct json_object *file_list_encode(const struct workspace_list *list)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, file_encode(&list->items[i]));
    return items ? fields_listing("files", items, list->total) : NULL;
}

void file_etag(const struct workspace_file *file, char out[FILE_ETAG_SIZE])
{
    snprintf(out, FILE_ETAG_SIZE, "\"%s\"", file->sha256);
}

void file_http_date(int64_t wall_ms, char out[HTTP_DATE_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        snprintf(out, HTTP_DATE_SIZE, "Thu, 01 Jan 1970 00:00:00 GMT");
}

void file_escape(const char *text, const char *fine, struct strbuf *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (plain || strchr(fine, c))
            strbuf_add_char(out, (char)c);
        else
            strbuf_addf(out, "%%%02X", c);
    }
}

/* One "_" for each character that not every client reads alike. */
static void add_plain(const char *name, struct strbuf *out)
{
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if ((c & 0xc0) == 0x80) /* goes on with a character */
            continue;
        strbuf_add_char(out, c < ' ' || c >= 0x7f || strchr("\"\\%/", c) ? '_' : (char)c);
    }
}

void file_disposition(const char *path, struct strbuf *out)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    strbuf_add_str(out, "attachment; filename=\"");
    add_plain(name, out);
    strbuf_add_str(out, "\"; filename*=UTF-8''");
    file_escape(name, "!#$&+-.^_`|~", out);
}
