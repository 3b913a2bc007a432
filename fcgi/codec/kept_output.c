/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the middle out of an output, at the edges of characters. */
#include "fcgi/codec/kept_output.h"

#include "lib/model/limits.h"
#include "lib/util/strbuf.h"

enum { HALF = OUTPUT_BYTES_MAX / 2, MARKER_MAX = 64 };

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

int kept_output(const char *text, size_t len, char **out, size_t *len_out, bool *truncated_out, struct err *err)
{
    struct strbuf kept = STRBUF_INIT(OUTPUT_BYTES_MAX + MARKER_MAX);
    size_t head = len, tail = len; /* where the head ends and the tail begins */
    if (len > OUTPUT_BYTES_MAX) {
        for (head = HALF; head > 0 && is_continuation(text[head]);)
            head--;
        for (tail = len - HALF; tail < len && is_continuation(text[tail]);)
            tail++;
    }
    strbuf_add(&kept, text, head);
    if (tail > head)
        strbuf_addf(&kept, "\n[... %zu bytes left out ...]\n", tail - head);
    strbuf_add(&kept, text + tail, len - tail);
    *truncated_out = tail > head;
    *len_out = kept.len;
    *out = strbuf_steal(&kept);
    return *out ? 0 : err_internal(err, 0, "out of memory for an output");
}
