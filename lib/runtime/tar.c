/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of 512 bytes, numbers in octal, content in blocks of 512. */
#include "lib/runtime/tar.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 512 };

struct head {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2];
    char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a tar header");

static const char zeros[BLOCK];

void tar_add(struct strbuf *out, const char *name, unsigned mode, const char *data, size_t len)
{
    struct head head = { .type = '0', .magic = "ustar", .version = { '0', '0' } };
    unsigned sum = 0;
    snprintf(head.name, sizeof(head.name), "%s", name);
    snprintf(head.mode, sizeof(head.mode), "%07o", mode & 07777);
    snprintf(head.uid, sizeof(head.uid), "%07o", 0);
    snprintf(head.gid, sizeof(head.gid), "%07o", 0);
    snprintf(head.size, sizeof(head.size), "%011zo", len);
    snprintf(head.mtime, sizeof(head.mtime), "%011o", 0);
    memset(head.checksum, ' ', sizeof(head.checksum)); /* as which it counts itself */
    for (size_t i = 0; i < sizeof(head); i++)
        sum += ((const unsigned char *)&head)[i];
    snprintf(head.checksum, sizeof(head.checksum), "%06o", sum & 0777777);
    strbuf_add(out, (const char *)&head, sizeof(head));
    strbuf_add(out, data, len);
    strbuf_add(out, zeros, (BLOCK - len % BLOCK) % BLOCK);
}

void tar_end(struct strbuf *out)
{
    strbuf_add(out, zeros, BLOCK);
    strbuf_add(out, zeros, BLOCK);
}
