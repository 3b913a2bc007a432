/* SPDX-License-Identifier: Apache-2.0 */
/* Each call runs its own little loop on the engine, so that it can be told to stop. */
#include "lib/execclient/files.h"

#include <inttypes.h>
#include <string.h>

#include "lib/execclient/lines.h"
#include "lib/util/json.h"

enum {
    URL_MAX = 8 * 1024,
    HEAD_MAX = 4096,      /* kept of an answer that may turn out to be an error */
    STORED_MAX = 4096,    /* of the answer to a piece */
    TURN_MS = 1000,
    SILENCE_MS = 15000,   /* a call without any byte for so long is lost */
};

/* One call under way. */
struct call {
    const char *method;
    struct strbuf url;
    const void *body;
    size_t body_len;
    int (*take)(void *arg, const char *data, size_t len, struct err *err); /* what a good answer's bytes go to; NULL: nowhere */
    void *arg;
    struct strbuf head; /* the answer's beginning */
    struct err fault;   /* what `take` did not like */
    bool done;
    int status;
    struct err err;
};

static void call_release(struct call *call)
{
    strbuf_release(&call->url);
    strbuf_release(&call->head);
}
#define CALL_INIT(how) { .method = (how), .url = STRBUF_INIT(URL_MAX), .head = STRBUF_INIT(HEAD_MAX) }

/* Everything but what RFC 3986 leaves unreserved, and the slashes between components. */
static void add_path(struct strbuf *url, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    for (; *path; path++) {
        if (strchr(plain, *path))
            strbuf_add_char(url, *path);
        else
            strbuf_addf(url, "%%%02X", (unsigned)(unsigned char)*path);
    }
}

static void aim(struct call *call, const struct exec_files *files, const char *room, const char *path)
{
    strbuf_addf(&call->url, "%s%s", files->target->url, room);
    add_path(&call->url, path);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct call *call = arg;
    size_t room = HEAD_MAX - call->head.len;
    strbuf_add(&call->head, data, len < room ? len : room);
    /* after a fault the rest may still be the explanation of an error, and is short then */
    if (call->fault.code != ERR_NONE)
        return len <= room ? 0 : -1;
    if (call->take && call->take(call->arg, data, len, &call->fault) != 0)
        return len <= room ? 0 : -1;
    return 0;
}

static void on_done(void *arg, int status, const struct err *err)
{
    struct call *call = arg;
    call->done = true;
    call->status = status;
    if (err)
        call->err = *err;
}

static const char *reason_of(const struct call *call, struct json_object **body)
{
    static const char *const names[] = { "error_detail", "message", "error", "description" };
    struct err ignored = ERR_INIT;
    struct json_object *found = NULL;
    if (json_parse(strbuf_str(&call->head), call->head.len, body, &ignored) != 0 || !json_object_is_type(*body, json_type_object))
        return NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (json_object_object_get_ex(*body, names[i], &found) && json_object_is_type(found, json_type_string))
            return json_object_get_string(found);
    return NULL;
}

static int refuse(const struct call *call, struct err *err)
{
    static const struct { int status; enum err_code code; } codes[] = {
        { 401, ERR_UNAUTHORIZED }, { 404, ERR_FILE_NOT_FOUND }, { 409, ERR_CONFLICT },   { 413, ERR_TOO_LARGE },
        { 429, ERR_UNAVAILABLE },  { 507, ERR_TOO_LARGE },
    };
    enum err_code code = call->status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    cleanup_json struct json_object *body = NULL;
    const char *reason = reason_of(call, &body);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].status == call->status)
            code = codes[i].code;
    if (reason)
        err_set(err, code, "%.240s", reason);
    else
        err_set(err, code, "The sandbox's executor answers HTTP %d.", call->status);
    return err_wrap(err, "%s %.160s: HTTP %d", call->method, strbuf_str(&call->url), call->status);
}

static int judge(const struct call *call, struct err *err)
{
    if (call->status >= 300)
        return refuse(call, err);
    if (call->fault.code != ERR_NONE)
        *err = call->fault;
    else if (call->status == 0)
        *err = call->err;
    else
        return 0;
    return err_wrap(err, "%s %.160s", call->method, strbuf_str(&call->url));
}

static int run(struct call *call, const struct exec_files *files, struct err *err)
{
    struct http_call *handle = NULL;
    const struct http_request request = {
        .method = call->method,
        .unix_path = files->target->unix_path && files->target->unix_path[0] ? files->target->unix_path : NULL,
        .url = strbuf_str(&call->url),
        .bearer = files->target->secret,
        .body = call->body,
        .body_len = call->body_len,
        .content_type = "application/octet-stream",
        .silence_ms = files->target->silence_ms ? files->target->silence_ms : SILENCE_MS,
        .on_data = on_data,
        .on_done = on_done,
        .arg = call,
    };
    if (!strbuf_ok(&call->url))
        return err_internal(err, 0, "an address at an executor is too long");
    if (http_start(files->http, &request, &handle, err) != 0)
        return -1;
    struct pollfd stop = { .fd = files->stop, .events = POLLIN };
    while (!call->done) {
        stop.revents = 0;
        int status = http_run(files->http, &stop, files->stop >= 0, TURN_MS, err);
        if ((status != 0 || stop.revents) && !call->done)
            http_cancel(files->http, handle);
        if (status != 0)
            return -1;
    }
    return judge(call, err);
}

int execclient_put(const struct exec_files *files, const struct exec_piece *piece, struct wire_stored *out, struct err *err)
{
    cleanup(call_release) struct call call = CALL_INIT("PUT");
    call.body = piece->data ? piece->data : "";
    call.body_len = piece->len;
    aim(&call, files, "/files/", piece->path);
    strbuf_addf(&call.url, "?transfer=%s&offset=%" PRId64 "&final=%d&mode=%d", piece->transfer, piece->offset, piece->final,
                piece->mode);
    if (run(&call, files, err) != 0 || wire_stored_decode(strbuf_str(&call.head), call.head.len, out, err) != 0)
        return -1;
    if (out->size != piece->offset + (int64_t)piece->len || (piece->final && !out->version[0]))
        return err_set(err, ERR_INVALID, "The sandbox's executor stored something else than it was sent.");
    return 0;
}

int execclient_delete(const struct exec_files *files, const char *path, struct err *err)
{
    cleanup(call_release) struct call call = CALL_INIT("DELETE");
    aim(&call, files, "/files/", path);
    if (run(&call, files, err) == 0 || err->code == ERR_FILE_NOT_FOUND)
        return 0;
    return -1;
}

struct getting {
    struct strbuf *out;
    size_t left;
};

static int take_piece(void *arg, const char *data, size_t len, struct err *err)
{
    struct getting *getting = arg;
    if (len > getting->left)
        return err_set(err, ERR_INVALID, "The sandbox's executor sent more of a file than was asked for.");
    getting->left -= len;
    strbuf_add(getting->out, data, len);
    return strbuf_ok(getting->out) ? 0 : err_internal(err, 0, "no room for a piece of a file");
}

int execclient_get(const struct exec_files *files, const char *path, const char *version, int64_t offset, size_t len,
                   struct strbuf *out, struct err *err)
{
    cleanup(call_release) struct call call = CALL_INIT("GET");
    struct getting getting = { .out = out, .left = len };
    call.take = take_piece;
    call.arg = &getting;
    aim(&call, files, "/files/", path);
    strbuf_addf(&call.url, "?offset=%" PRId64 "&length=%zu&version=", offset, len);
    add_path(&call.url, version);
    if (run(&call, files, err) != 0)
        return -1;
    return getting.left == 0 ? 0 : err_set(err, ERR_CONFLICT, "The file became shorter while it was read.");
}

struct listing {
    exec_change_fn on_change;
    void *arg;
    struct lines lines;
    bool ended;
};

static int take_line(void *arg, const char *line, size_t len, struct err *err)
{
    struct listing *listing = arg;
    struct wire_change change;
    if (listing->ended)
        return err_set(err, ERR_INVALID, "The sandbox's executor sent more than it should.");
    if (wire_change_decode(line, len, &change, err) != 0)
        return -1;
    listing->ended = change.type == WIRE_CHANGE_END;
    return listing->on_change(listing->arg, &change, err);
}

static int take_lines(void *arg, const char *data, size_t len, struct err *err)
{
    struct listing *listing = arg;
    return lines_feed(&listing->lines, data, len, take_line, listing, err);
}

int execclient_changes(const struct exec_files *files, const char *execution_id, exec_change_fn on_change, void *arg, struct err *err)
{
    cleanup(call_release) struct call call = CALL_INIT("GET");
    struct listing listing = { .on_change = on_change, .arg = arg, .lines = LINES_INIT(WIRE_CHANGE_MAX) };
    call.take = take_lines;
    call.arg = &listing;
    aim(&call, files, "/executions/", execution_id);
    strbuf_add_str(&call.url, "/changes");
    int status = run(&call, files, err);
    lines_release(&listing.lines);
    if (status == 0 && !listing.ended)
        return err_set(err, ERR_UNCERTAIN, "The list of changed files broke off.");
    return status;
}
