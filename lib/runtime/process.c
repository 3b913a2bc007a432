/* SPDX-License-Identifier: Apache-2.0 */
/* The process driver: sandboxes straight on the host, by bubblewrap in a user namespace of their own, or, where the
 * machine refuses that and the settings allow it, by user ids of their own and Landlock. */
#include "config.h"

#include "lib/runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io/spawn.h"
#include "lib/runtime/driver.h"
#include "lib/runtime/quota.h"

static void process_close(void *state)
{
    struct process_runtime *runtime = state;
    if (runtime->executor >= 0)
        close(runtime->executor);
    free(runtime);
}

static void close_state(struct process_runtime **runtime)
{
    if (*runtime)
        process_close(*runtime);
}

static int open_executor(struct process_runtime *runtime, struct err *err)
{
    const char *path = runtime->settings->executor;
    struct stat found;
    runtime->executor = open(path, O_PATH | O_CLOEXEC);
    if (runtime->executor < 0 || fstat(runtime->executor, &found) != 0)
        return err_set(err, ERR_UNAVAILABLE, "The executor %s cannot be opened: %s.", path, strerror(errno));
    if (!S_ISREG(found.st_mode) || (found.st_mode & 0005) != 0005)
        return err_set(err, ERR_UNAVAILABLE, "The executor %s must be a file that all users may execute (chmod 755).",
                       path);
    return 0;
}

static int process_open(const struct runtime_settings *settings, void **state_out, struct err *err)
{
    if (geteuid() != 0)
        return err_set(err, ERR_UNAVAILABLE, "The process runtime must be run as root.");
    cleanup(close_state) struct process_runtime *runtime = calloc(1, sizeof(*runtime));
    if (!runtime)
        return err_internal(err, 0, "out of memory for the process driver");
    *runtime = (struct process_runtime){ .settings = settings, .directory = settings->directory, .executor = -1 };
    if (open_executor(runtime, err) != 0 || process_make_etc(settings, err) != 0 || process_probe(runtime, err) != 0)
        return -1;
    *state_out = steal(runtime);
    return 0;
}

static int process_info(void *state, struct runtime_info *out, struct err *err)
{
    (void)err;
    const struct process_runtime *runtime = state;
    const char *cgroup = cgroup_name(&runtime->cgroup);
    const char *disk = runtime->quota ? "disk quota" : "disk watched";
    *out = (struct runtime_info){ .weaker = !runtime->namespaces || !cgroup };
    snprintf(out->version, sizeof(out->version), "%s", runtime->version);
    if (!runtime->namespaces)
        snprintf(out->isolation, sizeof(out->isolation),
                 "separate user ids, landlock, seccomp, resource limits, %s (weaker: no namespaces, as %s)", disk,
                 runtime->weaker_because);
    else if (!cgroup)
        snprintf(out->isolation, sizeof(out->isolation),
                 "namespaces, seccomp, resource limits, %s (weaker: no cgroup for memory, processes and CPU)", disk);
    else
        snprintf(out->isolation, sizeof(out->isolation), "namespaces, %s, seccomp, %s", cgroup, disk);
    return 0;
}

void process_group_name(const struct process_runtime *runtime, const char *id, char out[PROCESS_GROUP_SIZE])
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *at = runtime->directory; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    snprintf(out, PROCESS_GROUP_SIZE, "%08x-%s", (unsigned)hash, id);
}

static int take_range(struct process_runtime *runtime, struct process_launch *launch, struct err *err)
{
    char record[96];
    if (uid_range_take(PROCESS_REGISTRY, &runtime->plan, launch->path, &launch->range, err) != 0)
        return -1;
    snprintf(record, sizeof(record), "%u %lld %u\n", (unsigned)launch->range.first, (long long)launch->range.width,
             (unsigned)launch->range.slot);
    return room_write(launch->room, PROCESS_RECORD_RANGE, record, err);
}

static int add_directories(const struct process_launch *launch, const struct runtime_spec *spec, struct err *err)
{
    /* the executor is root: of its namespace, or without one of the host */
    uid_t owner = launch->namespaces ? launch->range.first : 0;
    gid_t users = launch->range.slot;
    if (room_add_run(launch->room, owner, owner, spec->secret, err) != 0 ||
        room_add_directory(launch->room, ROOM_WORKSPACE, owner, users, 02770, err) != 0)
        return -1;
    if (!launch->namespaces && room_add_directory(launch->room, ROOM_TMP, owner, users, 03770, err) != 0)
        return -1;
    /* passed through by whoever sets the sandbox up, or by user code without a namespace; seen by nobody else */
    if (fchown(launch->room, 0, launch->namespaces ? launch->range.first : users) != 0 ||
        fchmod(launch->room, 0710) != 0)
        return err_internal(err, errno, "cannot open the room to its users");
    return 0;
}

/* The project of a container is its first user id: no other container of this machine has it. */
static int limit_disk(const struct process_launch *launch, const struct runtime_spec *spec, struct err *err)
{
    static const char *const written[] = { ROOM_WORKSPACE, ROOM_TMP };
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        cleanup_fd int fd = openat(launch->room, written[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            return err_internal(err, errno, "cannot open %s", written[i]);
        if (quota_assign(fd, launch->range.first, err) != 0)
            return -1;
    }
    return quota_limit(launch->room, launch->range.first, spec->resources.disk_mb, err);
}

int process_furnish(struct process_runtime *runtime, const struct runtime_spec *spec, struct process_launch *out,
                    struct err *err)
{
    const char *id = spec->container_id;
    *out = (struct process_launch){ .room = -1, .namespaces = runtime->namespaces };
    snprintf(out->path, sizeof(out->path), "%s/%s", runtime->directory, id);
    process_group_name(runtime, id, out->group);
    /* what a creation that was cut short has left, with or without a room */
    if (process_clear(runtime, id, err) != 0 || room_create(runtime->directory, id, err) != 0)
        return -1;
    out->room = room_open(runtime->directory, id);
    if (out->room < 0)
        return err_internal(err, errno, "cannot open the room");
    if (take_range(runtime, out, err) != 0 || add_directories(out, spec, err) != 0)
        return -1;
    if (runtime->quota && limit_disk(out, spec, err) != 0)
        return -1;
    out->door_count = cgroup_doors(&runtime->cgroup, out->group, out->doors);
    return cgroup_create(&runtime->cgroup, out->group, &spec->resources, err);
}

static int make_environment(const struct process_runtime *runtime, const struct runtime_spec *spec,
                            const struct process_launch *launch, struct executor_env *out, struct err *err)
{
    char run[ROOM_PATH_SIZE + 16], workspace[ROOM_PATH_SIZE + 16], tmp[ROOM_PATH_SIZE + 16];
    bool limits = !cgroup_name(&runtime->cgroup);
    struct executor_place place = {
        .run = "/run/sandbox", .workspace = "/workspace", .tmp = "/tmp", .confine = "none", .uid = 1000,
        .limits_processes = limits, .limits_memory = limits,
    };
    if (!launch->namespaces) {
        snprintf(run, sizeof(run), "%s/" ROOM_RUN, launch->path);
        snprintf(workspace, sizeof(workspace), "%s/" ROOM_WORKSPACE, launch->path);
        snprintf(tmp, sizeof(tmp), "%s/" ROOM_TMP, launch->path);
        place.run = run;
        place.workspace = workspace;
        place.tmp = tmp;
        place.confine = "landlock";
        place.uid = (unsigned)launch->range.slot;
    }
    return executor_env_make(spec, &place, out, err);
}

static int start(struct process_runtime *runtime, const struct runtime_spec *spec, struct process_launch *launch,
                 struct err *err)
{
    cleanup_process_args struct process_args args = { 0 };
    cleanup_executor_env struct executor_env env = { 0 };
    char log[ROOM_PATH_SIZE + 16];
    const char *const direct[] = { PROCESS_EXECUTOR, NULL };
    const int keep[] = { launch->room, runtime->executor };
    pid_t pid;
    if (make_environment(runtime, spec, launch, &env, err) != 0)
        return -1;
    if (launch->namespaces && process_args_make(runtime, launch, PROCESS_EXECUTOR, &args, err) != 0)
        return -1;
    snprintf(log, sizeof(log), "%s/" ROOM_LOG, launch->path);
    const struct spawn spawn = {
        .argv = launch->namespaces ? (const char *const *)args.items : direct,
        .envp = (const char *const *)env.items, .log_path = log, .detached = 1,
        .keep = keep, .keep_count = 2, .prepare = process_become, .arg = launch,
    };
    return spawn_start(&spawn, &pid, err);
}

static int process_create(void *state, const struct runtime_spec *spec, struct err *err)
{
    struct process_runtime *runtime = state;
    struct process_launch launch;
    /* without a network of its own it would be the host's, loopback and all */
    if (spec->network_enabled)
        return err_set(err, ERR_INVALID, "The process runtime gives sandboxes no network; this template needs docker.");
    int status = process_furnish(runtime, spec, &launch, err);
    if (status == 0)
        status = start(runtime, spec, &launch, err);
    if (launch.room >= 0)
        close(launch.room);
    struct err ignored = ERR_INIT; /* the caller destroys again what could not be removed */
    if (status != 0 && process_clear(runtime, spec->container_id, &ignored) != 0)
        err_wrap(err, "a leftover remains");
    return status;
}

static void release_disk(const struct process_runtime *runtime, uid_t project)
{
    cleanup_fd int fd = runtime->quota ? open(runtime->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0)
        quota_release(fd, project);
}

int process_clear(struct process_runtime *runtime, const char *id, struct err *err)
{
    char path[ROOM_PATH_SIZE], group[PROCESS_GROUP_SIZE];
    struct uid_range range;
    process_group_name(runtime, id, group);
    snprintf(path, sizeof(path), "%s/%s", runtime->directory, id);
    cleanup_fd int room = room_open(runtime->directory, id);
    if (room < 0 && errno != ENOENT)
        return err_internal(err, errno, "cannot open %s", path);
    bool has_range = room >= 0 && process_read_range(room, &range);
    if (process_kill(runtime, group, path, room, err) != 0 || cgroup_remove(&runtime->cgroup, group, err) != 0 ||
        room_remove(runtime->directory, id, err) != 0)
        return -1;
    if (has_range)
        release_disk(runtime, range.first);
    /* last: until then the range must not be another's */
    if (has_range)
        uid_range_release(PROCESS_REGISTRY, range.first, path);
    return 0;
}

static int process_destroy(void *state, const char *container_id, struct err *err)
{
    return process_clear(state, container_id, err);
}

static enum runtime_state state_of(const struct process_runtime *runtime, const char *id)
{
    cleanup_fd int room = room_open(runtime->directory, id);
    if (room < 0)
        return RUNTIME_ABSENT;
    return process_alive(room) ? RUNTIME_RUNNING : RUNTIME_STOPPED;
}

static int process_inspect(void *state, const char *container_id, struct runtime_status *out, struct err *err)
{
    (void)err;
    struct process_runtime *runtime = state;
    out->state = state_of(runtime, container_id);
    char group[PROCESS_GROUP_SIZE];
    process_group_name(runtime, container_id, group);
    out->oom_killed = out->state == RUNTIME_STOPPED && cgroup_oom_killed(&runtime->cgroup, group);
    return 0;
}

static int process_list(void *state, struct runtime_status **out, size_t *count_out, struct err *err)
{
    struct process_runtime *runtime = state;
    cleanup_free room_id *rooms = NULL;
    size_t room_count = 0, count = 0;
    if (rooms_list(runtime->directory, &rooms, &room_count, err) != 0)
        return -1;
    cleanup_free struct runtime_status *rows = calloc(room_count + 1, sizeof(*rows));
    if (!rows)
        return err_internal(err, 0, "out of memory for the list of containers");
    for (size_t i = 0; i < room_count; i++) {
        struct runtime_status *row = &rows[count];
        memcpy(row->container_id, rooms[i], CONTAINER_ID_SIZE);
        row->exit_code = -1;
        process_inspect(runtime, rooms[i], row, err);
        if (row->state != RUNTIME_ABSENT) /* removed meanwhile */
            count++;
    }
    *out = steal(rows);
    *count_out = count;
    return 0;
}

const struct runtime_driver runtime_process_driver = {
    .name = "process",
    .open = process_open,
    .free = process_close,
    .info = process_info,
    .create = process_create,
    .destroy = process_destroy,
    .inspect = process_inspect,
    .list = process_list,
    .logs = process_logs,
    .usage = process_usage,
};
