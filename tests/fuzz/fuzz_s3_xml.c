/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read of S3's XML. What comes out has room where it is put, and entries have been counted as they came. */
#include "lib/storage/s3_xml.h"
#include "tests/fuzz/fuzz.h"

static int on_entry(void *arg, const struct s3_entry *entry, struct err *err)
{
    int *left = arg;
    fuzz_require(memchr(entry->key, '\0', sizeof(entry->key)) && memchr(entry->upload_id, '\0', sizeof(entry->upload_id)) &&
                     memchr(entry->code, '\0', sizeof(entry->code)), "a text without an end");
    fuzz_require(*left > 0, "an entry after the last one that was wanted");
    return --*left > 0 ? 0 : err_set(err, ERR_CONFLICT, "enough");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    int left = 3;
    char *text = fuzz_string(data, size);
    int status = s3_xml_read(text, size, &document, on_entry, &left, &err);
    fuzz_require((status == 0) == (err.code == ERR_NONE), "a failure without a reason, or the other way round");
    fuzz_require(left > 0 || err.code == ERR_CONFLICT, "the end that was wanted did not come");
    fuzz_require(memchr(document.root, '\0', sizeof(document.root)) && memchr(document.next_token, '\0', sizeof(document.next_token)) &&
                     memchr(document.message, '\0', sizeof(document.message)), "a text without an end");
    free(text);
    return 0;
}
