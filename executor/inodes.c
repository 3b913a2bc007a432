/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. */
#include "executor/inodes.h"

#include <stdlib.h>

enum { SIZE_FIRST = 256 };

static size_t place_of(const struct inodes *inodes, uint64_t inode)
{
    size_t at = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (inodes->size - 1);
    while (inodes->slots[at] && inodes->slots[at] != inode)
        at = (at + 1) & (inodes->size - 1);
    return at;
}

static bool grow(struct inodes *inodes)
{
    struct inodes larger = { .size = inodes->size ? inodes->size * 2 : SIZE_FIRST, .count = inodes->count };
    if (!(larger.slots = calloc(larger.size, sizeof(*larger.slots))))
        return false;
    for (size_t i = 0; i < inodes->size; i++)
        if (inodes->slots[i])
            larger.slots[place_of(&larger, inodes->slots[i])] = inodes->slots[i];
    free(inodes->slots);
    *inodes = larger;
    return true;
}

bool inodes_add(struct inodes *inodes, uint64_t inode)
{
    if (inode == 0 || (2 * inodes->count >= inodes->size && !grow(inodes)))
        return true;
    size_t at = place_of(inodes, inode);
    if (inodes->slots[at])
        return false;
    inodes->slots[at] = inode;
    inodes->count++;
    return true;
}

void inodes_release(struct inodes *inodes)
{
    free(inodes->slots);
    *inodes = (struct inodes){ 0 };
}
