/* SPDX-License-Identifier: Apache-2.0 */
/* Looks files up in the index, and their content in storage. */
#include "lib/service/files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/service/audit.h"

/* Whose session it is, before anything of it is shown. */
static int check_session(const struct context *context, const char *owner, const char *session_id, struct err *err)
{
    struct workspace_state state;
    return workspace_repo_state(context->db, owner, session_id, &state, err);
}

int file_service_list(const struct context *context, const char *owner, const char *session_id, const char *prefix, const struct page *page,
                      struct workspace_list *out, struct err *err)
{
    if (check_session(context, owner, session_id, err) != 0)
        return -1;
    return workspace_repo_list(context->db, session_id, prefix, page, out, err);
}

int file_service_find(const struct context *context, const char *owner, const char *session_id, const char *path, struct workspace_file *out,
                      struct err *err)
{
    if (check_session(context, owner, session_id, err) != 0)
        return -1;
    return workspace_repo_find(context->db, session_id, path, out, err);
}

/* One deletion, handed through its transaction. */
struct deletion {
    const struct context *context;
    const char *owner, *session_id, *path;
};

static int delete_work(struct db *db, void *arg, struct err *err)
{
    const struct deletion *deletion = arg;
    int64_t kept_s = deletion->context->settings->retention.replaced_s;
    if (workspace_repo_delete(db, deletion->owner, deletion->session_id, deletion->path, kept_s, err) != 0)
        return -1;
    return audit_note(deletion->context, "delete_file", "session", deletion->session_id, err, "%s", deletion->path);
}

int file_service_delete(const struct context *context, const char *owner, const char *session_id, const char *path, struct err *err)
{
    struct deletion deletion = { .context = context, .owner = owner, .session_id = session_id, .path = path };
    return db_transaction(context->db, delete_work, &deletion, err);
}

static void make_key(const char *session_id, const struct workspace_file *file, char out[STORAGE_KEY_MAX + 1])
{
    snprintf(out, STORAGE_KEY_MAX + 1, "sessions/%s/%s", session_id, file->object_id);
}

int file_service_read(const struct context *context, const char *session_id, const struct workspace_file *file, int64_t offset,
                      int64_t length, storage_data_fn on_data, void *arg, struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    make_key(session_id, file, key);
    int status = storage_read(context->storage, key, offset, length, on_data, arg, err);
    if (status != 0 && err->code == ERR_FILE_NOT_FOUND)
        return err_internal(err, 0, "storage has lost the object %s", key);
    return status;
}

int file_service_local(const struct context *context, const char *session_id, const struct workspace_file *file, struct strbuf *out,
                       struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    struct stat st;
    make_key(session_id, file, key);
    if (!storage_local_path(context->storage, key, out))
        return 0;
    if (!strbuf_ok(out))
        return err_internal(err, 0, "out of memory for a path");
    if (stat(strbuf_str(out), &st) != 0) {
        int why = errno;
        return storage_check(context->storage, err) != 0 ? -1 : err_internal(err, why, "storage has lost the object %s", key);
    }
    if (st.st_size != file->size)
        return err_internal(err, 0, "the object %s has %lld bytes, not %lld", key, (long long)st.st_size, (long long)file->size);
    return 0;
}

int file_service_address(const struct context *context, const char *session_id, const struct workspace_file *file,
                         const char *content_disposition, struct strbuf *out, struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    int64_t least_mb = context->settings->storage.s3_redirect_mb;
    if (least_mb == 0 || file->size < least_mb * 1024 * 1024)
        return 0;
    make_key(session_id, file, key);
    if (storage_presign(context->storage, key, file->mime_type[0] ? file->mime_type : "application/octet-stream", content_disposition, out, err))
        return strbuf_ok(out) ? 0 : err_internal(err, 0, "an address is too long, or out of memory for it");
    return err->code == ERR_NONE ? 0 : -1;
}
