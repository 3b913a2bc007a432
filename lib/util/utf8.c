/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 checked by the table of well-formed byte sequences (Unicode 15, table 3-7). */
#include "lib/util/utf8.h"

/* First byte's range, the second byte's range, and the whole length; further bytes are 80..BF. */
static const struct {
    unsigned char low, high, second_low, second_high, len;
} sequences[] = {
    { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
    { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
    { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Length that the character ought to have, with *good_out of its bytes present and right; 0: no such first byte. */
static size_t look(const unsigned char *text, size_t len, size_t *good_out)
{
    *good_out = 0;
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        if (text[0] < sequences[i].low || text[0] > sequences[i].high)
            continue;
        size_t good = 1;
        if (good < sequences[i].len && good < len && text[1] >= sequences[i].second_low &&
            text[1] <= sequences[i].second_high)
            good++;
        while (good >= 2 && good < sequences[i].len && good < len && (text[good] & 0xc0) == 0x80)
            good++;
        *good_out = good;
        return sequences[i].len;
    }
    return 0;
}

size_t utf8_char(const char *text, size_t len)
{
    size_t good;
    if (len == 0)
        return 0;
    size_t want = look((const unsigned char *)text, len, &good);
    return good == want ? want : 0;
}

/* Bytes at the start that are plain ASCII: the common case, taken eight at a time by the compiler. */
static size_t ascii_run(const char *text, size_t len)
{
    size_t run = 0;
    while (run < len && (unsigned char)text[run] < 0x80)
        run++;
    return run;
}

/* Bytes at the start that are well formed. */
static size_t valid_run(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        at += ascii_run(text + at, len - at);
        size_t step = utf8_char(text + at, len - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

bool utf8_valid(const char *text, size_t len)
{
    return valid_run(text, len) == len;
}

void utf8_repair(const char *text, size_t len, struct strbuf *out)
{
    size_t at = 0;
    while (at < len) {
        size_t run = valid_run(text + at, len - at);
        strbuf_add(out, text + at, run);
        at += run;
        if (at < len) {
            size_t good;
            look((const unsigned char *)text + at, len - at, &good);
            strbuf_add_str(out, "\xef\xbf\xbd");
            at += good ? good : 1; /* one mark for the whole broken character, as browsers and Python do */
        }
    }
}

size_t utf8_open_tail(const char *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        const unsigned char *start = (const unsigned char *)text + len - back;
        if ((*start & 0xc0) == 0x80)
            continue;
        size_t good;
        size_t want = look(start, back, &good);
        return good == back && want > back ? back : 0;
    }
    return 0;
}
