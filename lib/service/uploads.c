/* SPDX-License-Identifier: Apache-2.0 */
/* The object is durable before the index names it; one that the index then refuses is deleted. */
#include "lib/service/uploads.h"

#include <string.h>

#include "lib/io/content_type.h"
#include "lib/io/digest.h"
#include "lib/repo/workspace_repo.h"
#include "lib/service/metrics.h"
#include "lib/storage/storage.h"

enum { BYTES_IN_MB = 1024 * 1024 };

struct upload {
    const struct context *context;
    const char *owner, *session_id;
    struct workspace_state state;
    int64_t room; /* what the file may have; INT64_MAX: not known yet */
    struct storage_write *write;
    struct digest *digest;
    struct workspace_file file;
    char key[STORAGE_KEY_MAX + 1];
    size_t head_len;
    char head[CONTENT_TYPE_LOOK];
};

int upload_open(const struct context *context, const char *owner, const char *session_id, struct upload **out, struct err *err)
{
    cleanup_free struct upload *upload = calloc(1, sizeof(*upload));
    if (!upload)
        return err_internal(err, 0, "out of memory for an upload");
    upload->context = context;
    upload->owner = owner;
    upload->session_id = session_id;
    upload->room = INT64_MAX;
    if (workspace_repo_state(context->db, owner, session_id, &upload->state, err) != 0)
        return -1;
    if (session_status_final(upload->state.status))
        return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.64s' has ended.", session_id);
    *out = steal(upload);
    return 0;
}

static int no_room(const struct upload *upload, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "The files of the session may have %lld MiB in all; this one does not fit any more.",
                   (long long)upload->state.disk_mb);
}

/* What stands at the path makes room for what replaces it. */
int upload_foresee(struct upload *upload, const char *path, int64_t size, struct err *err)
{
    struct err failure = ERR_INIT;
    struct workspace_file *old = &upload->file;
    int64_t freed = 0;
    if (workspace_repo_find(upload->context->db, upload->session_id, path, old, &failure) == 0) {
        freed = old->size;
    } else if (failure.code != ERR_FILE_NOT_FOUND) {
        *err = failure;
        return -1;
    }
    *old = (struct workspace_file){ 0 };
    upload->room = upload->state.disk_mb * BYTES_IN_MB - upload->state.bytes + freed;
    return size > upload->room ? no_room(upload, err) : 0;
}

int upload_begin(struct upload *upload, struct err *err)
{
    upload->context->random_id(upload->file.object_id, OBJECT_ID_SIZE - 1);
    snprintf(upload->key, sizeof(upload->key), "sessions/%s/%s", upload->session_id, upload->file.object_id);
    upload->digest = digest_new(err);
    return upload->digest ? storage_write_begin(upload->context->storage, upload->key, &upload->write, err) : -1;
}

int upload_data(struct upload *upload, const void *data, size_t len, struct err *err)
{
    upload->file.size += (int64_t)len;
    if (upload->file.size > FILE_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "A file may have at most %d bytes (100 MiB).", FILE_BYTES_MAX);
    if (upload->file.size > upload->room)
        return no_room(upload, err);
    size_t look = sizeof(upload->head) - upload->head_len;
    look = len < look ? len : look;
    memcpy(upload->head + upload->head_len, data, look);
    upload->head_len += look;
    if (digest_add(upload->digest, data, len, err) != 0)
        return -1;
    return storage_write_data(upload->write, data, len, err);
}

/* With an outcome that is not known, the index may name it: then only purging the session can tell. */
static void forget_object(const struct upload *upload, const struct err *err)
{
    struct err ignored = ERR_INIT;
    if (err->code != ERR_UNCERTAIN)
        (void)!storage_delete(upload->context->storage, upload->key, &ignored);
}

int upload_finish(struct upload *upload, const char *path, int64_t *size_out, struct err *err)
{
    const struct context *context = upload->context;
    struct workspace_file *file = &upload->file;
    snprintf(file->path, sizeof(file->path), "%s", path);
    content_type_of(upload->head, upload->head_len, file->mime_type);
    if (digest_end(upload->digest, file->sha256, err) != 0 || storage_write_commit(steal(upload->write), false, err) != 0)
        return -1;
    if (workspace_repo_put(context->db, upload->owner, upload->session_id, file, context->settings->retention.replaced_s, err) != 0) {
        forget_object(upload, err);
        return -1;
    }
    *size_out = file->size;
    return 0;
}

static enum metric_upload outcome(const struct err *err)
{
    switch (err->code) {
    case ERR_NONE:
        return METRIC_UPLOAD_STORED;
    case ERR_UNAVAILABLE:
    case ERR_UNCERTAIN:
    case ERR_TIMEOUT:
    case ERR_INTERNAL:
        return METRIC_UPLOAD_FAILED;
    default:
        return METRIC_UPLOAD_REFUSED;
    }
}

void upload_close(struct upload *upload, const struct err *err)
{
    if (!upload)
        return;
    struct metrics *metrics = upload->context->metrics;
    storage_write_abort(upload->write);
    digest_free(upload->digest);
    metrics_add(metrics, METRIC_UPLOADS, outcome(err), 0, 1);
    if (err->code == ERR_NONE)
        metrics_add(metrics, METRIC_UPLOAD_BYTES, 0, 0, (uint64_t)upload->file.size);
    free(upload);
}
