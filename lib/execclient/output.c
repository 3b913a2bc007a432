/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers an output stream under its ceiling. */
#include "lib/execclient/output.h"

#include <inttypes.h>

/* The most of `data` that fits into `room` bytes and ends with a whole UTF-8 character. */
static size_t whole_characters(const char *data, size_t len, size_t room)
{
    if (len <= room)
        return len;
    while (room > 0 && ((unsigned char)data[room] & 0xc0) == 0x80)
        room--;
    return room;
}

void exec_output_add(struct exec_output *output, const char *data, size_t len, int64_t skipped)
{
    struct strbuf *text = &output->text;
    if (skipped > 0) {
        char marker[64];
        int size = snprintf(marker, sizeof(marker), "\n[... %" PRId64 " bytes left out ...]\n", skipped);
        output->truncated = true;
        if ((size_t)size <= text->max - text->len)
            strbuf_add(text, marker, (size_t)size);
    }
    size_t fits = whole_characters(data, len, text->max - text->len);
    strbuf_add(text, data, fits);
    if (fits < len || !strbuf_ok(text))
        output->truncated = true;
}
