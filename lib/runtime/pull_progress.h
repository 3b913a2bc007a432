/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what POST /images/create of the Docker Engine says while it pulls: a JSON object a line,
 *   {"status":"Downloading","progressDetail":{"current":524288,"total":3401967},"id":"31e352740f53"}
 *   {"status":"Pull complete","progressDetail":{},"id":"31e352740f53"}
 *   {"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}
 * An error may come after any of them, and with status 200. An answer that is an error from the start has {"message":"..."}. */
#ifndef SANDBOX_RUNTIME_PULL_PROGRESS_H
#define SANDBOX_RUNTIME_PULL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/strbuf.h"

enum { PULL_LAYERS_MAX = 128, PULL_LINE_MAX = 16 * 1024, PULL_TEXT_SIZE = 128, PULL_ERROR_SIZE = 256 };

struct pull_layer {
    char id[16];
    int64_t current, total; /* bytes */
    bool done;
};

struct pull_progress {
    struct strbuf line;
    bool skipping; /* a line that is too long is not read */
    struct pull_layer layers[PULL_LAYERS_MAX]; /* more of them are not counted */
    size_t count;
    char error[PULL_ERROR_SIZE]; /* the last one said; "": none */
};

void pull_progress_init(struct pull_progress *progress);
void pull_progress_release(struct pull_progress *progress);
/* Takes bytes as they come; what is no line of such a stream is passed over. */
void pull_progress_feed(struct pull_progress *progress, const char *data, size_t len);
/* The stream is over: its last line may have no end. */
void pull_progress_end(struct pull_progress *progress);
/* "2 of 5 layers, 31 of 77 MiB". */
void pull_progress_text(const struct pull_progress *progress, char out[PULL_TEXT_SIZE]);

#endif
