/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers. */
#include "lib/util/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static void random_bytes(void *out, size_t len)
{
    unsigned char *next = out;
    while (len > 0) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* no kernel random source: nothing we make would be safe */
        }
        next += got;
        len -= (size_t)got;
    }
}

void id_random(char *out, size_t count)
{
    enum { LETTERS = sizeof(alphabet) - 1, USABLE = 256 / LETTERS * LETTERS };
    size_t made = 0;
    while (made < count) {
        unsigned char bytes[32];
        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes) && made < count; i++)
            if (bytes[i] < USABLE) /* a plain modulo would favour the first letters */
                out[made++] = alphabet[bytes[i] % LETTERS];
    }
    out[count] = '\0';
}

void id_prefixed(char *out, const char *prefix, size_t count)
{
    size_t len = strlen(prefix);
    memcpy(out, prefix, len);
    id_random(out + len, count);
}

bool id_valid(const char *text, const char *prefix, size_t count)
{
    size_t len = strlen(prefix);
    if (strncmp(text, prefix, len) != 0)
        return false;
    return strspn(text + len, alphabet) == count && text[len + count] == '\0';
}

void id_hex(char *out, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        unsigned char byte;
        random_bytes(&byte, 1);
        out[i] = digits[byte & 15];
    }
    out[count] = '\0';
}
