/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of files, out and in. */
#include "executor/files.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "executor/changes.h"
#include "executor/reach.h"
#include "executor/server.h"
#include "executor/transfers.h"

enum { ANSWER_MAX = 1024, TRANSFER_ID_SIZE = 80 };

static int check_version(const char *version, const struct stat *st, struct err *err)
{
    if (version[0] == '\0' || version_fits(version, st))
        return 0;
    return err_set(err, ERR_CONFLICT, "The file has changed.");
}

/* Looked at before (`opened`) and after: what was read in between is of that version, or of none. */
static ssize_t read_piece(int fd, const struct stat *opened, const char *version, char *data, size_t wanted, int64_t offset, struct err *err)
{
    struct stat st;
    if (check_version(version, opened, err) != 0)
        return -1;
    ssize_t got = pread(fd, data, wanted, offset);
    if (got < 0 || fstat(fd, &st) != 0)
        return reach_error(err, errno);
    return check_version(version, &st, err) == 0 ? got : -1;
}

int files_get(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    int64_t offset, length;
    struct stat st;
    char size[32], version[FILE_SOURCE_SIZE];
    if (server_query_number(request, "offset", 0, &offset, err) != 0 ||
        server_query_number(request, "length", FILES_PIECE_MAX, &length, err) != 0 ||
        server_query_text(request, "version", version, sizeof(version), err) != 0)
        return -1;
    cleanup_fd int fd = reach_file(&engine->setup, path, &st, err);
    if (fd < 0)
        return -1;
    size_t wanted = length < FILES_PIECE_MAX ? (size_t)length : FILES_PIECE_MAX;
    cleanup_free char *data = malloc(wanted + 1);
    if (!data)
        return err_internal(err, errno, "out of memory for a piece of a file");
    ssize_t got = read_piece(fd, &st, version, data, wanted, offset, err);
    if (got < 0)
        return -1;
    snprintf(size, sizeof(size), "%" PRId64, (int64_t)st.st_size);
    evhttp_add_header(evhttp_request_get_output_headers(request), "X-File-Size", size);
    server_reply(request, HTTP_OK, "application/octet-stream", data, (size_t)got);
    return 0;
}

int files_put(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    char id[TRANSFER_ID_SIZE];
    int64_t offset, final, mode;
    struct wire_stored stored;
    cleanup_strbuf struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    if (server_query_number(request, "offset", 0, &offset, err) != 0 || server_query_number(request, "final", 1, &final, err) != 0 ||
        server_query_number(request, "mode", FILE_MODE_DEFAULT, &mode, err) != 0 ||
        server_query_text(request, "transfer", id, sizeof(id), err) != 0)
        return -1;
    const struct piece piece = { .id = id, .path = path, .data = evbuffer_pullup(body, -1), .len = evbuffer_get_length(body),
                                 .offset = offset, .final = final != 0, .mode = (int)(mode & 0777) };
    if (transfers_put(engine->transfers, &piece, &stored, err) != 0 || wire_stored_encode(&stored, &answer, err) != 0)
        return -1;
    server_reply_json(request, answer.data, answer.len);
    return 0;
}

int files_delete(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    if (transfers_delete(engine->transfers, path, err) != 0)
        return -1;
    evhttp_send_reply(request, HTTP_NOCONTENT, NULL, NULL);
    return 0;
}
