/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of files: listing, downloading, deleting. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/call.h"
#include "fcgi/codec/file_codec.h"
#include "fcgi/conditional.h"

enum { ADDRESS_MAX = 12 * 1024, DISPOSITION_MAX = 2048 };

static int read_prefix(const struct call *call, const char **out, struct err *err)
{
    const char *prefix = request_query(call->request, "prefix");
    *out = prefix ? prefix : "";
    if (strlen(*out) > WORKSPACE_PATH_MAX)
        return err_field(err, "prefix", "prefix must have at most %d bytes.", WORKSPACE_PATH_MAX);
    return 0;
}

int files_list(struct call *call, struct err *err)
{
    cleanup(workspace_list_release) struct workspace_list list = { 0 };
    const char *prefix;
    struct page page;
    if (call_check_session_id(call, err) != 0 || call_page(call, &page, err) != 0 || read_prefix(call, &prefix, err) != 0 ||
        file_service_list(call->context, call->caller.owner, call->id, prefix, &page, &list, err) != 0)
        return -1;
    return call_answer(call, 200, file_list_encode(&list), err);
}

int files_delete(struct call *call, struct err *err)
{
    char path[WORKSPACE_PATH_SIZE];
    if (call_check_session_id(call, err) != 0 || call_file_path(call, path, err) != 0 ||
        file_service_delete(call->context, call->caller.owner, call->id, path, err) != 0)
        return -1;
    response_json(call->response, 204, NULL);
    return 0;
}

/* A file on its way to the client. */
struct download {
    const struct context *context;
    char session_id[SESSION_ID_SIZE];
    struct workspace_file file;
    char etag[FILE_ETAG_SIZE];
    struct byte_range range;
};

static int run_stream(void *arg, response_put_fn put, void *put_arg, struct err *err)
{
    const struct download *download = arg;
    return file_service_read(download->context, download->session_id, &download->file, download->range.first, download->range.length,
                             put, put_arg, err);
}

/* What every answer about the file says. */
static void add_validators(struct response *response, const struct download *download)
{
    char date[HTTP_DATE_SIZE];
    file_http_date(download->file.modified_at, date);
    response->cache_control = "private, no-cache";
    response_header(response, "ETag: %s", download->etag);
    response_header(response, "Last-Modified: %s", date);
}

static void add_description(struct response *response, const struct download *download, const char *disposition)
{
    const char *type = download->file.mime_type;
    add_validators(response, download);
    response_header(response, "Accept-Ranges: bytes");
    response_header(response, "Content-Type: %s", type[0] ? type : "application/octet-stream");
    response_header(response, "Content-Disposition: %s", disposition);
}

static int answer_unsatisfiable(const struct call *call, const struct download *download)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_RANGE, "The file has %lld bytes.", (long long)download->file.size);
    response_error(call->response, &err);
    response_header(call->response, "Content-Range: bytes */%lld", (long long)download->file.size);
    return 0;
}

/* The worker sends it, or only its headers for HEAD. */
static void answer_stream(const struct call *call, const struct download *download, bool part, struct download **streamed)
{
    struct response *response = call->response;
    const struct byte_range *range = &download->range;
    response->status = part ? 206 : 200;
    response_header(response, "Content-Length: %lld", (long long)range->length);
    if (part)
        response_header(response, "Content-Range: bytes %lld-%lld/%lld", (long long)range->first,
                        (long long)(range->first + range->length - 1), (long long)download->file.size);
    response->stream = (struct response_stream){ .run = run_stream, .arg = steal(*streamed) };
}

/* Whether the web server sends it, with its own reading of Range, which is the same as ours. */
static int offer_to_server(const struct call *call, const struct download *download, bool *taken_out, struct err *err)
{
    const char *able = request_param(call->request, "SANDBOX_SENDFILE");
    cleanup_strbuf struct strbuf path = STRBUF_INIT(4096);
    *taken_out = false;
    if (strcmp(call->context->settings->api.sendfile, "x-sendfile") != 0 || !able || strcmp(able, "x-sendfile") != 0 ||
        download->file.size == 0)
        return 0;
    if (file_service_local(call->context, download->session_id, &download->file, &path, err) != 0)
        return -1;
    *taken_out = path.len > 0;
    if (!*taken_out)
        return 0;
    cleanup_strbuf struct strbuf escaped = STRBUF_INIT(3 * 4096);
    file_escape(strbuf_str(&path), "/-._", &escaped);
    call->response->status = 200;
    response_header(call->response, "X-Sendfile: %s", strbuf_str(&escaped));
    return 0;
}

static int redirect(const struct call *call, const struct download *download, const char *disposition, bool *taken_out, struct err *err)
{
    cleanup_strbuf struct strbuf address = STRBUF_INIT(ADDRESS_MAX);
    if (file_service_address(call->context, download->session_id, &download->file, disposition, &address, err) != 0)
        return -1;
    *taken_out = address.len > 0;
    if (*taken_out) {
        response_json(call->response, 307, NULL);
        response_header(call->response, "Location: %s", strbuf_str(&address));
    }
    return 0;
}

static int answer_content(const struct call *call, struct download **download, bool part, struct err *err)
{
    cleanup_strbuf struct strbuf disposition = STRBUF_INIT(DISPOSITION_MAX);
    bool head = strcmp(call->request->method, "HEAD") == 0, taken = false;
    file_disposition((*download)->file.path, &disposition);
    if (!head && redirect(call, *download, strbuf_str(&disposition), &taken, err) != 0)
        return -1;
    if (taken)
        return 0;
    add_description(call->response, *download, strbuf_str(&disposition));
    if (!head && offer_to_server(call, *download, &taken, err) != 0)
        return -1;
    if (!taken)
        answer_stream(call, *download, part, download);
    return 0;
}

/* Conditions count before ranges, and ranges for GET only (RFC 9110, section 13.2.2). */
static int answer_file(const struct call *call, struct download **download, struct err *err)
{
    const struct request *request = call->request;
    struct download *what = *download;
    bool head = strcmp(request->method, "HEAD") == 0;
    file_etag(&what->file, what->etag);
    response_json(call->response, 200, NULL);
    if (conditional_unchanged(request_param(request, "HTTP_IF_NONE_MATCH"), what->etag)) {
        call->response->status = 304;
        add_validators(call->response, what);
        return 0;
    }
    enum range_kind kind = conditional_range(head ? NULL : request_param(request, "HTTP_RANGE"), request_param(request, "HTTP_IF_RANGE"),
                                             what->etag, what->file.size, &what->range);
    if (kind == RANGE_UNSATISFIABLE)
        return answer_unsatisfiable(call, what);
    return answer_content(call, download, kind == RANGE_PART, err);
}

int files_get(struct call *call, struct err *err)
{
    char path[WORKSPACE_PATH_SIZE];
    cleanup_free struct download *download = calloc(1, sizeof(*download));
    if (!download)
        return err_internal(err, 0, "out of memory for a download");
    download->context = call->context;
    if (call_check_session_id(call, err) != 0 || call_file_path(call, path, err) != 0 ||
        file_service_find(call->context, call->caller.owner, call->id, path, &download->file, err) != 0)
        return -1;
    memcpy(download->session_id, call->id, SESSION_ID_SIZE);
    return answer_file(call, &download, err);
}
