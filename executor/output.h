/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of stdout or stderr: the first half of the limit is passed on as it comes, of the rest the last half is kept
 * until the end. Memory stays bounded however much is written. */
#ifndef SANDBOX_EXECUTOR_OUTPUT_H
#define SANDBOX_EXECUTOR_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/strbuf.h"
#include "lib/wire/execute.h"

struct output {
    size_t half;            /* bytes of head, and of tail */
    size_t head;            /* bytes of head taken so far */
    struct strbuf pending;  /* head bytes not passed on yet */
    char *ring;             /* the tail: the last `half` bytes after the head */
    uint64_t after;         /* bytes after the head, in all */
};

/* Passes one event on. */
typedef void (*output_emit_fn)(void *arg, const struct wire_event *event);

void output_init(struct output *output, size_t limit);
void output_release(struct output *output);
void output_feed(struct output *output, const char *data, size_t len);
/* Bytes that wait to be passed on. */
size_t output_pending(const struct output *output);
/* Passes on what is pending, but for a character that is not complete yet. */
void output_flush(struct output *output, enum wire_event_type type, output_emit_fn emit, void *arg);
/* Passes on all the rest. True when something was left out. */
bool output_finish(struct output *output, enum wire_event_type type, output_emit_fn emit, void *arg);

#endif
