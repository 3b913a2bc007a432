/* SPDX-License-Identifier: Apache-2.0 */
/* Head and tail of a stream of bytes. */
#include "executor/output.h"

#include <string.h>

#include "lib/util/utf8.h"

void output_init(struct output *output, size_t limit)
{
    *output = (struct output){ .half = limit / 2, .pending = STRBUF_INIT(limit) };
}

void output_release(struct output *output)
{
    strbuf_release(&output->pending);
    free(output->ring);
    *output = (struct output){ 0 };
}

static void feed_ring(struct output *output, const char *data, size_t len)
{
    if (len > output->half) {
        output->after += len - output->half;
        data += len - output->half;
        len = output->half;
    }
    if (!output->ring && !(output->ring = calloc(1, output->half))) {
        output->after += len; /* counts as left out */
        return;
    }
    size_t at = (size_t)(output->after % output->half);
    size_t first = len < output->half - at ? len : output->half - at;
    memcpy(output->ring + at, data, first);
    memcpy(output->ring, data + first, len - first);
    output->after += len;
}

void output_feed(struct output *output, const char *data, size_t len)
{
    size_t room = output->half - output->head;
    size_t taken = len < room ? len : room;
    strbuf_add(&output->pending, data, taken);
    output->head += taken;
    if (taken < len)
        feed_ring(output, data + taken, len - taken);
}

size_t output_pending(const struct output *output)
{
    return output->pending.len;
}

static void emit_bytes(enum wire_event_type type, char *data, size_t len, int64_t skipped, output_emit_fn emit,
                       void *arg)
{
    const struct wire_event event = { .type = type, .data = data, .data_len = len, .skipped = skipped };
    if (len > 0 || skipped > 0)
        emit(arg, &event);
}

void output_flush(struct output *output, enum wire_event_type type, output_emit_fn emit, void *arg)
{
    size_t len = output->pending.len - utf8_open_tail(strbuf_str(&output->pending), output->pending.len);
    emit_bytes(type, output->pending.data, len, 0, emit, arg);
    strbuf_drop_front(&output->pending, len);
}

/* The ring's bytes in order, malloc()ed; NULL when there are none. */
static char *unroll(const struct output *output, size_t *len_out)
{
    size_t len = output->after < output->half ? (size_t)output->after : output->half;
    char *tail = output->ring ? malloc(len + 1) : NULL;
    *len_out = tail ? len : 0;
    if (!tail)
        return NULL;
    size_t start = output->after < output->half ? 0 : (size_t)(output->after % output->half);
    size_t first = len < output->half - start ? len : output->half - start;
    memcpy(tail, output->ring + start, first);
    memcpy(tail + first, output->ring, len - first);
    return tail;
}

bool output_finish(struct output *output, enum wire_event_type type, output_emit_fn emit, void *arg)
{
    size_t len;
    cleanup_free char *tail = unroll(output, &len);
    uint64_t skipped = output->after - len;
    size_t start = 0;
    if (skipped == 0) {
        strbuf_add(&output->pending, tail ? tail : "", len);
        emit_bytes(type, output->pending.data, output->pending.len, 0, emit, arg);
        return false;
    }
    /* what was cut in the middle of a character is left out as a whole */
    size_t open = utf8_open_tail(strbuf_str(&output->pending), output->pending.len);
    emit_bytes(type, output->pending.data, output->pending.len - open, 0, emit, arg);
    while (start < len && start < 3 && ((unsigned char)tail[start] & 0xc0) == 0x80)
        start++;
    emit_bytes(type, tail ? tail + start : NULL, len - start, (int64_t)(skipped + open + start), emit, arg);
    return true;
}
