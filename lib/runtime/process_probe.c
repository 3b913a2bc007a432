/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what isolation this machine allows, by starting a sandbox that does nothing. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/io/spawn.h"
#include "lib/runtime/process.h"
#include "lib/runtime/quota.h"
#include "lib/util/id.h"

enum { PROBE_LIMIT_MS = 5000, TEXT_MAX = 64 * 1024 };

static int read_text(const char *path, struct strbuf *out, struct err *err)
{
    cleanup_file FILE *file = fopen(path, "re");
    char part[4096];
    if (!file)
        return err_internal(err, errno, "cannot open %s", path);
    for (size_t got; (got = fread(part, 1, sizeof(part), file)) > 0;)
        strbuf_add(out, part, got);
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "%s is too large", path);
}

/* Makes the probe's directory its own, one probe at a time, and removes what killed ones have left. Returns the lock. */
static int enter_directory(struct process_runtime *probe, struct err *err)
{
    cleanup_free room_id *ids = NULL;
    size_t count = 0;
    if (mkdir(probe->directory, 0711) != 0 && errno != EEXIST)
        return err_internal(err, errno, "cannot make %s", probe->directory);
    cleanup_fd int lock = open(probe->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_internal(err, errno, "cannot lock %s", probe->directory);
    if (lock < 0)
        return err_internal(err, errno, "cannot open %s", probe->directory);
    if (rooms_list(probe->directory, &ids, &count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (process_clear(probe, ids[i], err) != 0)
            return -1;
    return steal_fd(&lock);
}

/* Why it did not work: bubblewrap's last words, else the error's. */
static void explain(struct process_runtime *runtime, int room, const char *otherwise)
{
    char text[2048];
    ssize_t len = room >= 0 ? room_read(room, ROOM_LOG, text, sizeof(text)) : -1;
    if (len > 0)
        text[strcspn(text, "\n")] = '\0';
    snprintf(runtime->weaker_because, sizeof(runtime->weaker_because), "a trial ended with: %s",
             len > 0 ? text : otherwise);
}

static bool run_probe(struct process_runtime *probe, struct process_launch *launch, struct err *err)
{
    cleanup_process_args struct process_args args = { 0 };
    cleanup_strbuf struct strbuf out = STRBUF_INIT(TEXT_MAX);
    char log[ROOM_PATH_SIZE + 16];
    int code = -1;
    const int keep[] = { launch->room, probe->executor };
    if (process_args_make(probe, launch, "/usr/bin/true", &args, err) != 0)
        return false;
    snprintf(log, sizeof(log), "%s/" ROOM_LOG, launch->path);
    const struct spawn spawn = {
        .argv = (const char *const *)args.items, .log_path = log, .keep = keep, .keep_count = 2,
        .prepare = process_become, .arg = launch,
    };
    if (spawn_collect(&spawn, PROBE_LIMIT_MS, &out, &code, err) != 0)
        return false;
    if (code != 0)
        err_internal(err, 0, "bubblewrap ended with %d", code);
    return code == 0;
}

/* A sandbox in a directory of its own, where nobody takes it for a container. */
static int try_namespaces(struct process_runtime *runtime, struct err *err)
{
    char directory[ROOM_PATH_SIZE], id[CONTAINER_ID_SIZE];
    struct process_runtime probe = *runtime;
    struct process_launch launch = { .room = -1 };
    struct err reason = ERR_INIT;
    id_hex(id, CONTAINER_ID_HEX);
    snprintf(directory, sizeof(directory), "%s/.probe", runtime->settings->directory);
    probe.directory = directory;
    probe.namespaces = true;
    cleanup_fd int lock = enter_directory(&probe, err);
    if (lock < 0)
        return -1;
    const struct runtime_spec spec = {
        .container_id = id, .secret = "", .image = "", .resources = { 1000, 256, 1024, 32 }
    };
    runtime->namespaces =
        process_furnish(&probe, &spec, &launch, &reason) == 0 && run_probe(&probe, &launch, &reason);
    if (!runtime->namespaces)
        explain(runtime, launch.room, reason.detail[0] ? reason.detail : reason.text);
    if (launch.room >= 0)
        close(launch.room);
    return process_clear(&probe, id, err);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void ask_version(struct process_runtime *runtime)
{
    const char *const argv[] = { runtime->settings->bwrap, "--version", NULL };
    const struct spawn spawn = { .argv = argv };
    cleanup_strbuf struct strbuf out = STRBUF_INIT(sizeof(runtime->version) - 1);
    struct err ignored = ERR_INIT;
    int code;
    if (spawn_collect(&spawn, PROBE_LIMIT_MS, &out, &code, &ignored) == 0 && code == 0)
        snprintf(runtime->version, sizeof(runtime->version), "%.*s", (int)strcspn(strbuf_str(&out), "\n"),
                 strbuf_str(&out));
}

/* What is there against what the settings ask for. */
static int judge(const struct process_runtime *runtime, struct err *err)
{
    bool required = strcmp(runtime->settings->process_isolation, "required") == 0;
    const char *ways = "Use a machine that has them, or the docker runtime; "
                       "process_isolation = \"best-effort\" accepts weaker isolation";
    if (required && !runtime->namespaces)
        return err_set(err, ERR_UNAVAILABLE, "The process runtime needs namespaces, but %.110s. %s.",
                       runtime->weaker_because, ways);
    if (required && !cgroup_name(&runtime->cgroup))
        return err_set(err, ERR_UNAVAILABLE,
                       "The process runtime needs writable cgroups with memory, pids and cpu. %s.", ways);
    if (!runtime->namespaces && !has_landlock())
        return err_set(err, ERR_UNAVAILABLE,
                       "This machine allows neither namespaces (%.110s) nor Landlock: nothing would confine a sandbox.",
                       runtime->weaker_because);
    return 0;
}

static bool has_quota(const char *directory)
{
    cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && quota_enforced(fd);
}

int process_probe(struct process_runtime *runtime, struct err *err)
{
    cleanup_strbuf struct strbuf uid_map = STRBUF_INIT(TEXT_MAX), mounts = STRBUF_INIT(1024 * 1024);
    if (read_text("/proc/self/uid_map", &uid_map, err) != 0 || read_text("/proc/self/mountinfo", &mounts, err) != 0)
        return -1;
    uid_plan_make(runtime->settings->uid_base, strbuf_str(&uid_map), &runtime->plan);
    cgroup_detect(strbuf_str(&mounts), &runtime->cgroup);
    runtime->quota = has_quota(runtime->settings->directory);
    if (access(runtime->settings->bwrap, X_OK) != 0)
        snprintf(runtime->weaker_because, sizeof(runtime->weaker_because), "bubblewrap is missing (%.80s)",
                 runtime->settings->bwrap);
    else if (runtime->plan.width < 65536)
        snprintf(runtime->weaker_because, sizeof(runtime->weaker_because), "there are too few user ids here");
    else if (ask_version(runtime), try_namespaces(runtime, err) != 0)
        return -1;
    return judge(runtime, err);
}
