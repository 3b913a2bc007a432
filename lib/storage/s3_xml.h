/* SPDX-License-Identifier: Apache-2.0 */
/* What S3 answers in XML, read by libexpat; documents that define entities are refused. */
#ifndef SANDBOX_STORAGE_S3_XML_H
#define SANDBOX_STORAGE_S3_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { S3_XML_MAX = 2 * 1024 * 1024, S3_TEXT_MAX = 1024 };

/* One of a list: <Contents>, <Upload>, or <Error> of a <DeleteResult>. */
struct s3_entry {
    char key[S3_TEXT_MAX + 1];
    char upload_id[S3_TEXT_MAX + 1];
    char code[64]; /* of an <Error> */
};

struct s3_document {
    char root[64];                      /* name of the outermost element: "Error", "ListBucketResult", ... */
    char code[64], message[256];        /* of an Error */
    char upload_id[S3_TEXT_MAX + 1];    /* of an InitiateMultipartUploadResult */
    char next_token[S3_TEXT_MAX + 1];   /* of a list: where the next page begins; "" if there is none */
    char next_key[S3_TEXT_MAX + 1], next_upload[S3_TEXT_MAX + 1]; /* the same of a list of uploads */
    bool truncated;                     /* there is a next page */
};

/* Calls on_entry (may be NULL) for each entry, in order; what it returns other than 0 (with err) ends it. ERR_INTERNAL: no well-formed XML,
 * a text that is longer than there is room for, or more than S3_XML_MAX bytes. */
int s3_xml_read(const char *text, size_t len, struct s3_document *out,
                int (*on_entry)(void *arg, const struct s3_entry *entry, struct err *err), void *arg, struct err *err) must_use;

#endif
