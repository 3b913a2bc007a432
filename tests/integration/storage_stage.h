/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of storage share: each driver with settings that work, and content that can be told apart at every byte. */
#ifndef SANDBOX_TESTS_STORAGE_STAGE_H
#define SANDBOX_TESTS_STORAGE_STAGE_H

#include "lib/storage/storage.h"

/* The drivers that can be tested here: "file", and "s3" when SANDBOX_TEST_S3_URL is set. */
extern const char *const stage_drivers[2];
size_t stage_driver_count(void);

/* Settings of one, for the caller to change before the first stage_storage(). One test at a time. */
struct storage_settings *stage_begin(const char *driver);
struct storage *stage_storage(void);
/* Purges what was written, closes, removes the directory. */
void stage_end(void);
/* A key of the test's own session. */
const char *stage_key(const char *object);
extern char stage_session[32];

/* Byte `at` of content number `seed`. */
char stage_byte(unsigned seed, int64_t at);
/* Writes `size` bytes of content `seed` in pieces; commits unless `keep_open_out`. */
int stage_write(const char *object, unsigned seed, int64_t size, struct err *err);
/* Writes them into a write that has begun. */
int stage_fill(struct storage_write *write, unsigned seed, int64_t size, struct err *err);
/* What was read: how many bytes, and whether each was the right one. */
struct stage_read {
    unsigned seed;
    int64_t offset, got, stop_after; /* stop_after: on_data ends it once so many came; 0: never */
    bool wrong;
};
int stage_read(struct stage_read *read, const char *object, int64_t offset, int64_t length, struct err *err);
/* Whether the whole object is content `seed` of `size` bytes. */
bool stage_holds(const char *object, unsigned seed, int64_t size);

#endif
