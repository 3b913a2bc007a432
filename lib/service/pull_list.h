/* SPDX-License-Identifier: Apache-2.0 */
/* A container's list of changes, compared with the index of files. */
#ifndef SANDBOX_SERVICE_PULL_LIST_H
#define SANDBOX_SERVICE_PULL_LIST_H

#include "lib/repo/workspace_repo.h"
#include "lib/service/workspace_move.h"

enum pull_state {
    PULL_NEW,     /* the index has another version, or none */
    PULL_KNOWN,   /* it has this one */
    PULL_CLIENTS, /* a client changed it, and the container does not know yet: that stands */
    PULL_STORED,  /* was new, and has been taken over */
    PULL_CHANGED, /* was new, and has changed since it was listed */
};

/* A file of the list. */
struct pull_item {
    char *path;
    enum pull_state state;
    bool mine; /* touched while the execution ran */
    bool ours; /* the index has it from this execution */
    int mode;
    int64_t size, modified_ms;
    char version[FILE_SOURCE_SIZE];
    char sha256[SHA256_HEX_SIZE]; /* of one that is PULL_STORED */
    char *mime_type;
};

struct pull_list {
    struct pull_item *items; /* by path, byte by byte */
    size_t count;
    struct workspace_gone *gone; /* not yet recorded; owns the paths */
    size_t gone_count;
    bool ended, all;
    int64_t skipped, mark;
    int64_t dropped; /* files over WORKSPACE_FILES_MAX: not in `items` */
};
void pull_list_release(struct pull_list *list);

/* Adds a line of the list; files over WORKSPACE_FILES_MAX are only counted. */
int pull_list_add(struct pull_list *list, const struct wire_change *change, struct err *err) must_use;
/* Once all are there. */
void pull_list_sort(struct pull_list *list);
struct pull_item *pull_list_find(struct pull_list *list, const char *path);
/* The container has `path` as `version`, says the index: same or new, or gone if the list is whole and lacks it. */
int pull_list_compare(struct pull_list *list, const char *path, const char *version, bool ours, struct err *err) must_use;

/* Fetches the list; long lists of what is gone are recorded on the way. */
enum move_end pull_list_read(struct workspace_move *move, struct pull_list *list, struct err *err) must_use;
/* Sets each item's state from the index. */
enum move_end pull_list_judge(struct workspace_move *move, struct pull_list *list, struct err *err) must_use;
/* Records what is gone. */
enum move_end pull_list_bury(struct workspace_move *move, struct pull_list *list, struct err *err) must_use;

#endif
