/* SPDX-License-Identifier: Apache-2.0 */
/* Chained buckets, doubled as it grows. */
#include "executor/touched.h"

#include <stdlib.h>
#include <string.h>

#include "executor/journal.h"

enum { BUCKETS_FIRST = 64 };

struct touched_node {
    struct touched_node *next;
    uint64_t hash;
    int64_t moment, before; /* the last touch, and the one before it; 0: none */
    bool below;
    char path[];
};

/* FNV-1a: paths of one sandbox, whose code can only slow down its own. */
static uint64_t hash_of(const char *path)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static struct touched_node **find(const struct touched_table *table, const char *path, uint64_t hash)
{
    struct touched_node **at = &table->buckets[hash & table->mask];
    while (*at && ((*at)->hash != hash || strcmp((*at)->path, path) != 0))
        at = &(*at)->next;
    return at;
}

static bool grow(struct touched_table *table)
{
    size_t size = table->buckets ? (table->mask + 1) * 2 : BUCKETS_FIRST;
    struct touched_node **buckets = calloc(size, sizeof(struct touched_node *));
    if (!buckets)
        return false;
    for (size_t i = 0; table->buckets && i <= table->mask; i++)
        for (struct touched_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & (size - 1)];
            buckets[node->hash & (size - 1)] = node;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->mask = size - 1;
    return true;
}

static size_t size_of(const char *path)
{
    return sizeof(struct touched_node) + strlen(path) + 1;
}

static bool add_new(struct touched_table *table, const char *path, uint64_t hash, int64_t moment, bool below)
{
    size_t size = size_of(path);
    if (table->count >= JOURNAL_PATHS_MAX || table->bytes + size > JOURNAL_BYTES_MAX)
        return false;
    struct touched_node *node = malloc(size);
    if (!node)
        return false;
    *node = (struct touched_node){ .next = table->buckets[hash & table->mask], .hash = hash, .moment = moment, .below = below };
    strcpy(node->path, path);
    table->buckets[hash & table->mask] = node;
    table->count++;
    table->bytes += size;
    return true;
}

bool touched_add(struct touched_table *table, const char *path, int64_t moment, bool below)
{
    uint64_t hash = hash_of(path);
    table->newest = moment;
    if ((!table->buckets || table->count > table->mask) && !grow(table))
        return false;
    struct touched_node *node = *find(table, path, hash);
    if (!node)
        return add_new(table, path, hash, moment, below);
    if (node->moment != moment)
        node->before = node->moment;
    node->moment = moment;
    node->below |= below;
    return true;
}

static void drop(struct touched_table *table, struct touched_node **at)
{
    struct touched_node *node = *at;
    *at = node->next;
    table->count--;
    table->bytes -= size_of(node->path);
    free(node);
}

void touched_release(struct touched_table *table)
{
    for (size_t i = 0; table->buckets && i <= table->mask; i++)
        while (table->buckets[i])
            drop(table, &table->buckets[i]);
    free(table->buckets);
    *table = (struct touched_table){ 0 };
}

void touched_restore(struct touched_table *table, const char *path, int64_t moment, int64_t stored)
{
    if (!table->buckets)
        return;
    struct touched_node **at = find(table, path, hash_of(path));
    if (!*at || (*at)->moment <= moment)
        return;
    (*at)->moment = (*at)->before;
    if ((*at)->moment <= stored)
        drop(table, at);
    if (table->count == 0)
        touched_release(table);
}

void touched_each(const struct touched_table *table, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg)
{
    for (size_t i = 0; table->buckets && i <= table->mask; i++)
        for (const struct touched_node *node = table->buckets[i]; node; node = node->next) {
            const struct touched touched = { .path = node->path, .moment = node->moment, .below = node->below };
            if (node->moment > moment)
                on_path(arg, &touched);
        }
}

void touched_drop(struct touched_table *table, int64_t moment)
{
    for (size_t i = 0; table->buckets && i <= table->mask; i++)
        for (struct touched_node **at = &table->buckets[i]; *at;)
            if ((*at)->moment <= moment)
                drop(table, at);
            else
                at = &(*at)->next;
    if (table->count == 0)
        touched_release(table);
}
