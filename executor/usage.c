/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over files: a file with several names counts once. */
#include "executor/usage.h"

#include "executor/inodes.h"
#include "executor/reach.h"
#include "executor/walk.h"

enum { LOOKS_MAX = 64, BLOCK = 512, MORE = 1000 };

static int64_t size_of(const struct stat *st)
{
    int64_t on_disk = (int64_t)st->st_blocks * BLOCK;
    return st->st_size > on_disk ? (int64_t)st->st_size : on_disk;
}

void usage_measure(const struct setup *setup, const struct journal *journal, struct usage *usage)
{
    struct walk walk;
    struct inodes seen = { 0 };
    *usage = (struct usage){ .moment = journal_moment(journal) };
    walk_begin(&walk, setup, "");
    walk.limit = setup->files_max * 2 + MORE;
    walk.insist = true;
    walk_enter(&walk);
    while (walk_next(&walk))
        if (S_ISDIR(walk.st.st_mode) || walk.st.st_nlink == 1 || inodes_add(&seen, walk.st.st_ino))
            usage->bytes += size_of(&walk.st);
    usage->opaque = walk.incomplete;
    usage->files = walk.entries; /* directories and pipes too: a million of them is as much to go through */
    usage->capped = walk.entries >= walk.limit;
    walk_leave();
    walk_end(&walk);
    inodes_release(&seen);
}

struct looking {
    const struct setup *setup;
    struct usage *usage;
    int64_t looks;
};

static void look(void *arg, const struct touched *touched)
{
    struct looking *looking = arg;
    struct stat st;
    struct err err = ERR_INIT;
    if (++looking->looks > LOOKS_MAX || reach_stat(looking->setup, touched->path, &st, &err) != 0)
        return;
    looking->usage->bytes += size_of(&st);
    looking->usage->files++;
}

void usage_update(const struct setup *setup, const struct journal *journal, int64_t bytes_limit, struct usage *usage)
{
    struct looking looking = { .setup = setup, .usage = usage };
    if (journal_all_since(journal, usage->moment)) {
        usage_measure(setup, journal, usage);
        return;
    }
    journal_since(journal, usage->moment, look, &looking);
    usage->moment = journal_moment(journal);
    bool over = (bytes_limit > 0 && usage->bytes >= bytes_limit) || usage->files > setup->files_max;
    if (looking.looks > LOOKS_MAX || over)
        usage_measure(setup, journal, usage);
}
