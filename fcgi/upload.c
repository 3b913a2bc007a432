/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of uploads: a form with a file, and perhaps where it goes to, read as it comes. */
#include <string.h>

#include "fcgi/call.h"
#include "fcgi/multipart.h"
#include "lib/service/uploads.h"

enum {
    PIECE = 64 * 1024,
    PATIENCE_S = 60,      /* a web server that hands bodies on as they come makes a slow client hold this thread: */
    PACE_MIN = 32 * 1024, /* after that time it must have sent so many bytes a second */
};

enum field { FIELD_NONE, FIELD_FILE, FIELD_PATH };

struct form {
    const struct call *call;
    struct upload *upload;
    enum field field; /* that is being read */
    bool has_file, has_path;
    size_t path_len;
    char path[WORKSPACE_PATH_SIZE];
    char filename[WORKSPACE_PATH_SIZE]; /* last component */
    size_t filename_len;
    struct multipart multipart;
    char piece[PIECE];
};

static int begin_path(struct form *form, struct err *err)
{
    if (form->has_path)
        return err_field(err, "path", "The form has two fields \"path\".");
    form->has_path = true;
    form->field = FIELD_PATH;
    return 0;
}

/* So much of the file is certain: the rest of the body can only be what is around it. */
static int64_t least_size(const struct form *form)
{
    int64_t promised = form->call->body.promised;
    return promised > FORM_BYTES_MAX ? promised - FORM_BYTES_MAX : 0;
}

static int begin_file(struct form *form, const struct multipart_part *part, struct err *err)
{
    const char *name = part->filename ? part->filename : "", *slash = strrchr(name, '/');
    if (form->has_file)
        return err_field(err, "file", "The form has two fields \"file\": one request uploads one file.");
    name = slash ? slash + 1 : name;
    form->has_file = true;
    form->field = FIELD_FILE;
    form->filename_len = strlen(name);
    snprintf(form->filename, sizeof(form->filename), "%s", name);
    if (form->has_path && upload_foresee(form->upload, form->path, least_size(form), err) != 0)
        return -1;
    return upload_begin(form->upload, err);
}

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    struct form *form = arg;
    if (strcmp(part->name, "file") == 0)
        return begin_file(form, part, err);
    if (strcmp(part->name, "path") == 0)
        return begin_path(form, err);
    return err_field(err, part->name, "Unknown field \"%.64s\": the form takes \"file\" and \"path\".", part->name);
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
    struct form *form = arg;
    if (form->field == FIELD_FILE)
        return upload_data(form->upload, data, len, err);
    if (len > WORKSPACE_PATH_MAX - form->path_len)
        return err_field(err, "path", "The path of a file is longer than %d bytes.", WORKSPACE_PATH_MAX);
    memcpy(form->path + form->path_len, data, len);
    form->path_len += len;
    return 0;
}

static int on_end(void *arg, struct err *err)
{
    struct form *form = arg;
    enum field field = form->field;
    form->field = FIELD_NONE;
    return field == FIELD_PATH ? workspace_path_check(form->path, form->path_len, "path", err) : 0;
}

static const struct multipart_events events = { .begin = on_begin, .data = on_data, .end = on_end };

static int check_pace(const struct call *call, int64_t began_ms, struct err *err)
{
    int64_t s = (call->context->now_ms() - began_ms) / 1000;
    if (s <= PATIENCE_S || call->body.got / s >= PACE_MIN)
        return 0;
    return err_set(err, ERR_INVALID, "The body comes too slowly: it must be at least %d KiB a second.", PACE_MIN / 1024);
}

static int read_form(struct call *call, struct form *form, struct err *err)
{
    int64_t began_ms = call->context->now_ms();
    size_t got = 0;
    do {
        if (body_reader_read(&call->body, form->piece, sizeof(form->piece), &got, err) != 0 || check_pace(call, began_ms, err) != 0 ||
            multipart_feed(&form->multipart, form->piece, got, err) != 0)
            return -1;
    } while (got > 0);
    if (multipart_finish(&form->multipart, err) != 0)
        return -1;
    return form->has_file ? 0 : err_field(err, "file", "The form has no field \"file\".");
}

/* Without a path of its own, the file goes to its name. */
static int take_filename(struct form *form, struct err *err)
{
    if (form->has_path)
        return 0;
    if (form->filename_len == 0)
        return err_field(err, "path", "The file has no name, so the form needs a field \"path\".");
    if (workspace_path_check(form->filename, form->filename_len, "path", err) != 0)
        return -1;
    memcpy(form->path, form->filename, form->filename_len + 1);
    return 0;
}

static int answer(const struct call *call, const struct form *form, int64_t size, struct err *err)
{
    struct json_object *body = json_object_new_object();
    if (body) {
        json_object_object_add(body, "path", json_object_new_string(form->path));
        json_object_object_add(body, "size", json_object_new_int64(size));
    }
    return call_answer(call, 200, body, err);
}

static int take(struct call *call, struct form *form, struct err *err)
{
    const char *type = request_param(call->request, "CONTENT_TYPE");
    int64_t size = 0;
    if (call_check_session_id(call, err) != 0 || upload_open(call->context, call->caller.owner, call->id, &form->upload, err) != 0 ||
        multipart_init(&form->multipart, type, &events, form, err) != 0)
        return -1;
    if (read_form(call, form, err) != 0 || take_filename(form, err) != 0 || upload_finish(form->upload, form->path, &size, err) != 0)
        return -1;
    return answer(call, form, size, err);
}

int files_upload(struct call *call, struct err *err)
{
    cleanup_free struct form *form = calloc(1, sizeof(*form));
    if (!form)
        return err_internal(err, 0, "out of memory for a form");
    form->call = call;
    int status = take(call, form, err);
    upload_close(form->upload, err);
    return status;
}
