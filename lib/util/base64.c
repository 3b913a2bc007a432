/* SPDX-License-Identifier: Apache-2.0 */
/* Three bytes, four letters. */
#include "lib/util/base64.h"

#include <stdint.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static int value_of(char letter)
{
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? (int)(found - letters) : letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t len, struct strbuf *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    while (len > 0 && text[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            strbuf_add_char(out, (char)(bits >> held & 0xff));
        }
    }
    return held < 6 && strbuf_ok(out);
}

void base64url_encode(const void *data, size_t len, struct strbuf *out)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) {
            unsigned value = bits >> (18 - 6 * k) & 63;
            strbuf_add_char(out, k > left ? '=' : value < 62 ? letters[value] : value == 62 ? '-' : '_');
        }
    }
}
