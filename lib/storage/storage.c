/* SPDX-License-Identifier: Apache-2.0 */
/* The table of drivers, and what is the same for all. */
#include "lib/storage/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/storage/driver.h"

static const struct storage_driver *const drivers[] = { &storage_file_driver, &storage_s3_driver };

int storage_open(const struct storage_settings *settings, struct storage **out, struct err *err)
{
    cleanup_free struct storage *storage = calloc(1, sizeof(*storage));
    if (!storage)
        return err_internal(err, errno, "out of memory for storage");
    storage->settings = settings;
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (strcmp(drivers[i]->name, settings->driver) == 0)
            storage->driver = drivers[i];
    if (!storage->driver)
        return err_internal(err, 0, "there is no storage driver %s", settings->driver);
    if (storage->driver->open(storage, err) != 0)
        return -1;
    *out = steal(storage);
    return 0;
}

void storage_close(struct storage *storage)
{
    if (!storage)
        return;
    storage->driver->close(storage);
    free(storage);
}

void storage_closep(struct storage **storage)
{
    storage_close(*storage);
}

/* Keys are ours, ids and nothing else; that one leads elsewhere must not depend on it. */
static int check_key(const char *key, struct err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./";
    size_t len = strlen(key);
    if (len == 0 || len > STORAGE_KEY_MAX || key[0] == '/' || strspn(key, allowed) != len || strstr(key, "//") || strstr(key, ".."))
        return err_internal(err, 0, "\"%.*s\" is no key of storage", STORAGE_KEY_MAX, key);
    return 0;
}

int storage_write_begin(struct storage *storage, const char *key, struct storage_write **out, struct err *err)
{
    return check_key(key, err) == 0 ? storage->driver->write_begin(storage, key, out, err) : -1;
}

int storage_write_data(struct storage_write *write, const void *data, size_t len, struct err *err)
{
    return write->storage->driver->write_data(write, data, len, err);
}

int storage_write_commit(struct storage_write *write, bool later, struct err *err)
{
    return write->storage->driver->write_commit(write, later, err);
}

void storage_write_abort(struct storage_write *write)
{
    if (write)
        write->storage->driver->write_abort(write);
}

void storage_write_abortp(struct storage_write **write)
{
    storage_write_abort(*write);
}

int storage_flush(struct storage *storage, struct err *err)
{
    return storage->driver->flush(storage, err);
}

int storage_read(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg,
                 struct err *err)
{
    return check_key(key, err) == 0 ? storage->driver->read(storage, key, offset, length, on_data, arg, err) : -1;
}

int storage_delete(struct storage *storage, const char *key, struct err *err)
{
    return check_key(key, err) == 0 ? storage->driver->delete(storage, key, err) : -1;
}

int storage_purge(struct storage *storage, const char *session_id, int (*beat)(void *arg, struct err *err), void *arg,
                  int64_t *deleted_out, struct err *err)
{
    *deleted_out = 0;
    if (check_key(session_id, err) != 0 || strchr(session_id, '/'))
        return err_internal(err, 0, "\"%.64s\" is no session", session_id);
    return storage->driver->purge(storage, session_id, beat, arg, deleted_out, err);
}

int storage_check(struct storage *storage, struct err *err)
{
    return storage->driver->check(storage, err);
}

bool storage_local_path(struct storage *storage, const char *key, struct strbuf *out)
{
    struct err ignored = ERR_INIT;
    return storage->driver->local_path && check_key(key, &ignored) == 0 && storage->driver->local_path(storage, key, out);
}

bool storage_presign(struct storage *storage, const char *key, const char *content_type, const char *content_disposition,
                     struct strbuf *out, struct err *err)
{
    return storage->driver->presign && check_key(key, err) == 0 &&
           storage->driver->presign(storage, key, content_type, content_disposition, out, err);
}
