/* SPDX-License-Identifier: Apache-2.0 */
/* What a storage driver has to do: storage.h says what each means. Keys were checked. */
#ifndef SANDBOX_STORAGE_DRIVER_H
#define SANDBOX_STORAGE_DRIVER_H

#include "lib/storage/storage.h"

struct storage {
    const struct storage_driver *driver;
    const struct storage_settings *settings;
    void *state; /* the driver's own */
};

/* First member of a driver's own. */
struct storage_write {
    struct storage *storage;
    char key[STORAGE_KEY_MAX + 1];
};

struct storage_driver {
    const char *name;
    int (*open)(struct storage *storage, struct err *err);
    void (*close)(struct storage *storage);
    int (*write_begin)(struct storage *storage, const char *key, struct storage_write **out, struct err *err);
    int (*write_data)(struct storage_write *write, const void *data, size_t len, struct err *err);
    int (*write_commit)(struct storage_write *write, bool later, struct err *err);
    void (*write_abort)(struct storage_write *write);
    int (*flush)(struct storage *storage, struct err *err);
    int (*read)(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg,
                struct err *err);
    int (*delete)(struct storage *storage, const char *key, struct err *err);
    int (*purge)(struct storage *storage, const char *session_id, int (*beat)(void *, struct err *), void *arg, int64_t *deleted,
                 struct err *err);
    int (*check)(struct storage *storage, struct err *err);
    bool (*local_path)(struct storage *storage, const char *key, struct strbuf *out); /* NULL: never */
    bool (*presign)(struct storage *storage, const char *key, const char *content_type, const char *content_disposition,
                    struct strbuf *out, struct err *err); /* NULL: never */
};

extern const struct storage_driver storage_file_driver, storage_s3_driver;

#endif
