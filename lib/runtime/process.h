/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the process driver: its state, and the steps that its files share. */
#ifndef SANDBOX_RUNTIME_PROCESS_H
#define SANDBOX_RUNTIME_PROCESS_H

#include "lib/runtime/cgroup.h"
#include "lib/runtime/executor_env.h"
#include "lib/runtime/room.h"
#include "lib/runtime/runtime.h"
#include "lib/runtime/uid_range.h"

#define PROCESS_REGISTRY "/run/sandbox-uids" /* of the machine, whatever installation; empty after a reboot */
#define PROCESS_RECORD_PID "pid"
#define PROCESS_RECORD_RANGE "range"
#define PROCESS_ETC ".etc"

enum {
    PROCESS_ARGS_MAX = 120,
    PROCESS_ROOM_FD = 4, /* in the child, see spawn.keep */
    PROCESS_EXECUTOR_FD = 5,
};
/* Through the descriptor: the path need not be reachable for sandbox users, nor its file system be executable for them. */
#define PROCESS_EXECUTOR "/proc/self/fd/5"

struct process_runtime {
    const struct runtime_settings *settings;
    const char *directory; /* of the rooms; the probe has its own */
    bool namespaces;       /* else separate user ids and Landlock */
    bool quota;            /* the disk limit is one of the file system */
    struct cgroup cgroup;
    struct uid_plan plan;
    int executor; /* open file */
    char version[64];
    char weaker_because[160];
};

enum { PROCESS_GROUP_SIZE = 9 + CONTAINER_ID_SIZE };
/* Name of the container's cgroup: distinct for each directory, so that nobody kills what is not his. */
void process_group_name(const struct process_runtime *runtime, const char *id, char out[PROCESS_GROUP_SIZE]);

/* What one start needs; made by process_furnish(). */
struct process_launch {
    struct uid_range range;
    char path[ROOM_PATH_SIZE]; /* the room's */
    char group[PROCESS_GROUP_SIZE];
    int room;
    size_t door_count;
    char doors[CGROUP_HIERARCHIES][CGROUP_PATH_SIZE];
    bool namespaces;
};

/* Makes room, uid range, directories, cgroup. What it made remains when it fails: process_clear() removes it. */
int process_furnish(struct process_runtime *runtime, const struct runtime_spec *spec, struct process_launch *out,
                    struct err *err) must_use;
/* Kills and removes everything of a container, whatever state it was left in. */
int process_clear(struct process_runtime *runtime, const char *id, struct err *err) must_use;

/* bwrap's argument vector, ending in `program`. Freed by process_args_release(). */
struct process_args {
    char *items[PROCESS_ARGS_MAX + 1];
    size_t count;
    bool failed;
};
#define cleanup_process_args cleanup(process_args_release)
int process_args_make(const struct process_runtime *runtime, const struct process_launch *launch, const char *program,
                      struct process_args *out, struct err *err) must_use;
void process_args_release(struct process_args *args);
/* The sandboxes' /etc, made anew below the directory. */
int process_make_etc(const struct runtime_settings *settings, struct err *err) must_use;

/* The child between fork and exec (`arg`: struct process_launch): records itself, joins its cgroups, gives up what it
 * must not have. 0 or an errno. */
int process_become(void *arg);

/* Whether the process recorded in `room` lives. */
bool process_alive(int room);
/* Kills every process of the container until none is left. */
int process_kill(const struct process_runtime *runtime, const char *group, const char *path, int room,
                 struct err *err) must_use;
/* The range recorded in `room`; false when there is none. */
bool process_read_range(int room, struct uid_range *out);

/* The driver's functions in process_look.c. */
int process_logs(void *state, const char *id, int64_t tail, int64_t since_ms, struct strbuf *out, struct err *err) must_use;
int process_usage(void *state, const char *id, struct runtime_usage *out, struct err *err) must_use;

/* Tries out what isolation is to be had, by really starting a sandbox; fills namespaces, cgroup, weaker_because. */
int process_probe(struct process_runtime *runtime, struct err *err) must_use;

#endif
