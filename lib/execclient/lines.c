/* SPDX-License-Identifier: Apache-2.0 */
/* Line splitting without looking at any byte twice. */
#include "lib/execclient/lines.h"

#include <string.h>

enum { KEEP_CAPACITY = 64 * 1024 }; /* of a buffer that once held a huge line */

void lines_release(struct lines *lines)
{
    strbuf_release(&lines->part);
}

static int hold(struct lines *lines, const char *data, size_t len, struct err *err)
{
    strbuf_add(&lines->part, data, len);
    if (strbuf_ok(&lines->part))
        return 0;
    return err_set(err, ERR_TOO_LARGE, "A line is longer than %zu bytes.", lines->part.max);
}

/* The held part and `len` more bytes make a line. */
static int finish_held(struct lines *lines, const char *data, size_t len, lines_fn on_line, void *arg,
                       struct err *err)
{
    if (hold(lines, data, len, err) != 0)
        return -1;
    int result = on_line(arg, strbuf_str(&lines->part), lines->part.len, err);
    if (lines->part.cap > KEEP_CAPACITY)
        strbuf_release(&lines->part);
    else
        strbuf_reset(&lines->part);
    return result;
}

int lines_feed(struct lines *lines, const char *data, size_t len, lines_fn on_line, void *arg, struct err *err)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        if (!end)
            return hold(lines, data, len, err);
        size_t size = (size_t)(end - data);
        if (lines->part.len == 0 && size > lines->part.max)
            return err_set(err, ERR_TOO_LARGE, "A line is longer than %zu bytes.", lines->part.max);
        int result = lines->part.len > 0 ? finish_held(lines, data, size, on_line, arg, err)
                                         : on_line(arg, data, size, err);
        if (result != 0)
            return result;
        data = end + 1;
        len -= size + 1;
    }
    return 0;
}
