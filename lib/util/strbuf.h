/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a mandatory ceiling and a sticky failure that is checked once, at the end. */
#ifndef SANDBOX_UTIL_STRBUF_H
#define SANDBOX_UTIL_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/cleanup.h"

struct strbuf {
    char *data;  /* NUL-terminated whenever not NULL; use strbuf_str() for reading */
    size_t len;  /* bytes, without the NUL */
    size_t cap;  /* allocated bytes */
    size_t max;  /* ceiling for len */
    bool failed; /* an append went over the ceiling or memory ran out; nothing is appended afterwards */
};

/* An empty buffer that will hold at most `max` bytes. Allocates nothing yet. */
#define STRBUF_INIT(limit) ((struct strbuf){ .max = (limit) })
#define cleanup_strbuf cleanup(strbuf_release)

void strbuf_release(struct strbuf *buf);
/* Empties the buffer, keeps its memory and ceiling, clears the failure. */
void strbuf_reset(struct strbuf *buf);
void strbuf_add(struct strbuf *buf, const void *data, size_t len);
void strbuf_add_str(struct strbuf *buf, const char *str);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `count` bytes (all, if there are fewer). */
void strbuf_drop_front(struct strbuf *buf, size_t count);
/* The content as a string; "" when empty. Valid until the next change. */
const char *strbuf_str(const struct strbuf *buf);
/* Whether every append so far succeeded. */
bool strbuf_ok(const struct strbuf *buf) must_use;
/* Hands the malloc()ed content over (never NULL unless the buffer has failed) and leaves the buffer empty. */
char *strbuf_steal(struct strbuf *buf) must_use;

#endif
