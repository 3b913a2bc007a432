/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte buffer with a ceiling. */
#include "lib/util/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void strbuf_release(struct strbuf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for `extra` more bytes and the NUL. */
static bool reserve(struct strbuf *buf, size_t extra)
{
    if (buf->failed || buf->len > buf->max || extra > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max + 1 : cap * 2;
    if (cap < need)
        cap = need;
    char *data = realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
    if (len == 0 || !reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_add_str(struct strbuf *buf, const char *str)
{
    strbuf_add(buf, str, strlen(str));
}

void strbuf_add_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args, again;
    size_t room = buf->failed || !buf->data ? 0 : buf->cap - buf->len; /* it mostly fits into what is there */
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(room ? buf->data + buf->len : NULL, room, format, args);
    va_end(args);
    if (need < 0)
        buf->failed = true;
    else if ((size_t)need < room && (size_t)need <= buf->max - buf->len)
        buf->len += (size_t)need;
    else if (reserve(buf, (size_t)need)) {
        vsnprintf(buf->data + buf->len, (size_t)need + 1, format, again);
        buf->len += (size_t)need;
    }
    if (buf->failed && room)
        buf->data[buf->len] = '\0';
    va_end(again);
}

void strbuf_drop_front(struct strbuf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
    } else {
        memmove(buf->data, buf->data + count, buf->len - count);
        buf->len -= count;
    }
    if (buf->data)
        buf->data[buf->len] = '\0';
}

const char *strbuf_str(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

bool strbuf_ok(const struct strbuf *buf)
{
    return !buf->failed;
}

char *strbuf_steal(struct strbuf *buf)
{
    if (!buf->data && !reserve(buf, 0))
        return NULL;
    if (buf->failed) {
        strbuf_release(buf);
        return NULL;
    }
    buf->data[buf->len] = '\0';
    char *data = buf->data;
    buf->data = NULL;
    buf->len = buf->cap = 0;
    return data;
}
