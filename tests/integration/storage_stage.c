/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of storage share. */
#include "tests/integration/storage_stage.h"

#include <check.h>
#include <string.h>

#include "lib/util/id.h"

enum { PIECE = 100 * 1000, MIB = 1024 * 1024 };

const char *const stage_drivers[2] = { "file", "s3" };
char stage_session[32];
static char directory[64];
static struct storage_settings settings;
static struct storage *storage;

size_t stage_driver_count(void)
{
    return getenv("SANDBOX_TEST_S3_URL") ? 2 : 1;
}

static char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return (char *)(value ? value : otherwise);
}

struct storage_settings *stage_begin(const char *driver)
{
    id_prefixed(stage_session, "sess_", 16);
    snprintf(directory, sizeof(directory), "/tmp/sandbox-storage.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    settings = (struct storage_settings){
        .driver = (char *)driver, .directory = directory,
        .s3_endpoint = environment("SANDBOX_TEST_S3_URL", ""), .s3_public_endpoint = "",
        .s3_region = environment("SANDBOX_TEST_S3_REGION", "us-east-1"), .s3_bucket = environment("SANDBOX_TEST_S3_BUCKET", ""),
        .s3_prefix = "test/prefix", .s3_access_key = environment("SANDBOX_TEST_S3_ACCESS_KEY", ""),
        .s3_secret_key = environment("SANDBOX_TEST_S3_SECRET_KEY", ""), .s3_style = environment("SANDBOX_TEST_S3_STYLE", "path"),
        .s3_ca_file = "", .s3_spool = "/var/tmp", .s3_redirect_mb = 8, .s3_presign_s = 300, .s3_timeout_ms = 10000,
    };
    return &settings;
}

struct storage *stage_storage(void)
{
    struct err err = ERR_INIT;
    if (!storage)
        ck_assert_msg(storage_open(&settings, &storage, &err) == 0, "%s", err.detail);
    return storage;
}

void stage_end(void)
{
    struct err err = ERR_INIT;
    int64_t deleted;
    char command[128];
    if (storage)
        (void)!storage_purge(storage, stage_session, NULL, NULL, &deleted, &err);
    storage_close(steal(storage));
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

const char *stage_key(const char *object)
{
    static char key[STORAGE_KEY_MAX];
    snprintf(key, sizeof(key), "sessions/%s/%s", stage_session, object);
    return key;
}

char stage_byte(unsigned seed, int64_t at)
{
    uint64_t mixed = ((uint64_t)at / 8 + seed) * 0x9e3779b97f4a7c15u;
    return (char)(mixed >> (8 + at % 7 * 8));
}

int stage_fill(struct storage_write *write, unsigned seed, int64_t size, struct err *err)
{
    static char piece[PIECE];
    for (int64_t at = 0; at < size;) {
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
        for (size_t i = 0; i < len; i++)
            piece[i] = stage_byte(seed, at + (int64_t)i);
        if (storage_write_data(write, piece, len, err) != 0)
            return -1;
        at += (int64_t)len;
    }
    return 0;
}

int stage_write(const char *object, unsigned seed, int64_t size, struct err *err)
{
    struct storage_write *write = NULL;
    if (storage_write_begin(stage_storage(), stage_key(object), &write, err) != 0)
        return -1;
    if (stage_fill(write, seed, size, err) != 0) {
        storage_write_abort(write);
        return -1;
    }
    return storage_write_commit(write, false, err);
}

static int take(void *arg, const char *data, size_t len, struct err *err)
{
    struct stage_read *read = arg;
    for (size_t i = 0; i < len; i++)
        read->wrong = read->wrong || data[i] != stage_byte(read->seed, read->offset + read->got + (int64_t)i);
    read->got += (int64_t)len;
    if (read->stop_after && read->got >= read->stop_after)
        return err_set(err, ERR_UNAVAILABLE, "enough");
    return 0;
}

int stage_read(struct stage_read *read, const char *object, int64_t offset, int64_t length, struct err *err)
{
    read->offset = offset;
    return storage_read(stage_storage(), stage_key(object), offset, length, take, read, err);
}

bool stage_holds(const char *object, unsigned seed, int64_t size)
{
    struct err err = ERR_INIT;
    struct stage_read read = { .seed = seed };
    return stage_read(&read, object, 0, -1, &err) == 0 && read.got == size && !read.wrong;
}
