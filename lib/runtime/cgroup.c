/* SPDX-License-Identifier: Apache-2.0 */
/* One table of hierarchies and knobs a version; the code below does not know which version it works on. */
#include "lib/runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PROCESSES_OF_OURS = 32, /* the executor, its waiting interpreters and helpers, bubblewrap */
    CPU_PERIOD_US = 100000,
    REMOVE_TRIES = 200,
    REMOVE_PAUSE_MS = 10,
    LINE_SIZE = 4096,
    MEBI = 1024 * 1024,
};

typedef void knob_format(const struct resources *resources, char *out, size_t size);

struct knob {
    int hierarchy;
    const char *file;
    knob_format *format;
    bool optional; /* some kernels lack it */
};

/* Where a number stands: a file's only one (word ""), or behind a word of it. */
struct meter {
    size_t hierarchy;
    const char *file, *word;
    int64_t unit; /* the number is divided by it: milliseconds, bytes */
};

struct cgroup_kind {
    const char *name;
    const char *controllers[CGROUP_HIERARCHIES]; /* of each hierarchy; ends at NULL */
    const char *filesystem;
    struct knob knobs[5]; /* ends at file NULL */
    const char *oom_file; /* in the first hierarchy: "oom_kill N" */
    const char *inside;
    size_t required; /* hierarchies; what comes after them only measures */
    struct meter cpu, memory, cached;
};

static void memory_text(const struct resources *resources, char *out, size_t size)
{
    snprintf(out, size, "%" PRId64, resources->memory_mb * 1024 * 1024);
}

static void zero_text(const struct resources *resources, char *out, size_t size)
{
    (void)resources;
    snprintf(out, size, "0");
}

static void processes_text(const struct resources *resources, char *out, size_t size)
{
    snprintf(out, size, "%" PRId64, resources->max_processes + PROCESSES_OF_OURS);
}

static void quota_text(const struct resources *resources, char *out, size_t size)
{
    snprintf(out, size, "%" PRId64, resources->cpu_milli * CPU_PERIOD_US / 1000);
}

static void period_text(const struct resources *resources, char *out, size_t size)
{
    (void)resources;
    snprintf(out, size, "%d", CPU_PERIOD_US);
}

static void cpu_max_text(const struct resources *resources, char *out, size_t size)
{
    snprintf(out, size, "%" PRId64 " %d", resources->cpu_milli * CPU_PERIOD_US / 1000, CPU_PERIOD_US);
}

static const struct cgroup_kind version_1 = {
    .name = "cgroup v1",
    .filesystem = "cgroup",
    .controllers = { "memory", "pids", "cpu", "cpuacct" },
    .required = 3,
    .knobs = { { 0, "memory.limit_in_bytes", memory_text, false },
               { 0, "memory.memsw.limit_in_bytes", memory_text, true },
               { 1, "pids.max", processes_text, false },
               { 2, "cpu.cfs_period_us", period_text, false },
               { 2, "cpu.cfs_quota_us", quota_text, false } },
    .oom_file = "memory.oom_control",
    .inside = "/sys/fs/cgroup/memory",
    .cpu = { 3, "cpuacct.usage", "", 1000000 },
    .memory = { 0, "memory.usage_in_bytes", "", 1 },
    .cached = { 0, "memory.stat", "total_inactive_file ", 1 },
};

static const struct cgroup_kind version_2 = {
    .name = "cgroup v2",
    .filesystem = "cgroup2",
    .controllers = { "memory pids cpu" },
    .required = 1,
    .knobs = { { 0, "memory.max", memory_text, false },
               { 0, "memory.swap.max", zero_text, true },
               { 0, "pids.max", processes_text, false },
               { 0, "cpu.max", cpu_max_text, false } },
    .oom_file = "memory.events",
    .inside = "/sys/fs/cgroup",
    .cpu = { 0, "cpu.stat", "usage_usec ", 1000 },
    .memory = { 0, "memory.current", "", 1 },
    .cached = { 0, "memory.stat", "\ninactive_file ", 1 },
};

static const struct cgroup_kind no_version = { 0 };
static const struct cgroup_kind *const kinds[] = { &version_1, &version_2 };

enum { KNOBS = sizeof(version_1.knobs) / sizeof(version_1.knobs[0]) };

static size_t hierarchies(const struct cgroup *cgroup)
{
    size_t count = 0;
    while (count < CGROUP_HIERARCHIES && cgroup->mounts[count][0])
        count++;
    return count;
}

/* Whether `word` is one of the words of `list`, separated by blanks or commas. */
static bool has_word(const char *list, const char *word, size_t len)
{
    for (const char *at = list; *at; at += strcspn(at, " ,\n")) {
        at += strspn(at, " ,\n");
        if (strncmp(at, word, len) == 0 && strchr(" ,\n", at[len]))
            return true;
    }
    return false;
}

static bool has_words(const char *list, const char *words)
{
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (!has_word(list, at, len))
            return false;
        at += len;
    }
    return true;
}

static bool read_text(const char *path, char *out, size_t size)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, size - 1) : -1;
    if (got < 0)
        return false;
    out[got] = '\0';
    return true;
}

/* 0 or an errno. */
static int write_text(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return errno;
    return 0;
}

/* v1 names its controllers as mount options, v2 in a file. */
static bool controls(const struct cgroup_kind *kind, const char *mount, const char *options, const char *words)
{
    char path[CGROUP_PATH_SIZE + 32], text[LINE_SIZE];
    if (kind == &version_1)
        return has_words(options, words);
    snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
    return read_text(path, text, sizeof(text)) && has_words(text, words);
}

/* The mount of `kind` that has `words`; mountinfo: ... mountpoint options [tags] - type source superoptions */
static bool find_mount(const char *mountinfo, const struct cgroup_kind *kind, const char *words,
                       char out[CGROUP_PATH_SIZE])
{
    for (const char *line = mountinfo; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char type[32], options[512];
        const char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*s %*s %*s %*s %255s", out) != 1 ||
            sscanf(dash, " - %31s %*s %511s", type, options) != 2)
            continue;
        if (strcmp(type, kind->filesystem) == 0 && controls(kind, out, options, words))
            return true;
    }
    return false;
}

static void parent_path(const struct cgroup *cgroup, size_t hierarchy, char out[CGROUP_PATH_SIZE])
{
    snprintf(out, CGROUP_PATH_SIZE, "%.200s/sandbox", cgroup->mounts[hierarchy]);
}

static void group_path(const struct cgroup *cgroup, size_t hierarchy, const char *id, char out[CGROUP_PATH_SIZE])
{
    snprintf(out, CGROUP_PATH_SIZE, "%.200s/sandbox/%s", cgroup->mounts[hierarchy], id);
}

static void file_path(const struct cgroup *cgroup, size_t hierarchy, const char *id, const char *file,
                      char out[CGROUP_PATH_SIZE])
{
    snprintf(out, CGROUP_PATH_SIZE, "%.190s/sandbox/%s/%s", cgroup->mounts[hierarchy], id, file);
}

/* Makes the common parent; in v2 it must pass its controllers on. */
static bool make_parent(const struct cgroup *cgroup, size_t hierarchy)
{
    char path[CGROUP_PATH_SIZE], file[CGROUP_PATH_SIZE + 32];
    parent_path(cgroup, hierarchy, path);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    if (cgroup->kind != &version_2)
        return true;
    snprintf(file, sizeof(file), "%s/cgroup.subtree_control", cgroup->mounts[hierarchy]);
    write_text(file, "+memory +pids +cpu"); /* mostly done already; what counts is whether the next one works */
    snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
    return write_text(file, "+memory +pids +cpu") == 0;
}

static bool try_kind(const char *mountinfo, const struct cgroup_kind *kind, struct cgroup *out)
{
    *out = (struct cgroup){ .kind = kind };
    for (size_t i = 0; i < CGROUP_HIERARCHIES && kind->controllers[i]; i++) {
        if (find_mount(mountinfo, kind, kind->controllers[i], out->mounts[i]) && make_parent(out, i))
            continue;
        out->mounts[i][0] = '\0';
        return i >= kind->required;
    }
    return true;
}

void cgroup_detect(const char *mountinfo, struct cgroup *out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (try_kind(mountinfo, kinds[i], out))
            return;
    *out = (struct cgroup){ .kind = &no_version };
}

const char *cgroup_name(const struct cgroup *cgroup)
{
    return cgroup->kind->name;
}

static int set_knobs(const struct cgroup *cgroup, const char *id, const struct resources *resources,
                     struct err *err)
{
    char path[CGROUP_PATH_SIZE], text[64];
    for (const struct knob *knob = cgroup->kind->knobs; knob < cgroup->kind->knobs + KNOBS && knob->file; knob++) {
        file_path(cgroup, (size_t)knob->hierarchy, id, knob->file, path);
        knob->format(resources, text, sizeof(text));
        int failed = write_text(path, text);
        if (failed != 0 && !(knob->optional && failed == ENOENT))
            return err_internal(err, failed, "cannot write %s to %s", text, path);
    }
    return 0;
}

int cgroup_create(const struct cgroup *cgroup, const char *id, const struct resources *resources,
                  struct err *err)
{
    char path[CGROUP_PATH_SIZE];
    for (size_t i = 0; i < hierarchies(cgroup); i++) {
        group_path(cgroup, i, id, path);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return err_internal(err, errno, "cannot make %s", path);
    }
    return set_knobs(cgroup, id, resources, err);
}

size_t cgroup_doors(const struct cgroup *cgroup, const char *id, char out[CGROUP_HIERARCHIES][CGROUP_PATH_SIZE])
{
    size_t count = hierarchies(cgroup);
    for (size_t i = 0; i < count; i++)
        file_path(cgroup, i, id, "cgroup.procs", out[i]);
    return count;
}

bool cgroup_exists(const struct cgroup *cgroup, const char *id)
{
    char path[CGROUP_PATH_SIZE];
    size_t count = hierarchies(cgroup), found = 0;
    for (size_t i = 0; i < count; i++) {
        group_path(cgroup, i, id, path);
        found += access(path, F_OK) == 0;
    }
    return count > 0 && found == count;
}

size_t cgroup_kill(const struct cgroup *cgroup, const char *id)
{
    char path[CGROUP_PATH_SIZE];
    size_t found = 0;
    for (size_t i = 0; i < hierarchies(cgroup); i++) {
        file_path(cgroup, i, id, "cgroup.procs", path);
        cleanup_file FILE *file = fopen(path, "re");
        for (int pid; file && fscanf(file, "%d", &pid) == 1;)
            if (pid > 0 && kill(pid, SIGKILL) == 0)
                found++;
    }
    return found;
}

static int remove_group(const char *path, struct err *err)
{
    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (rmdir(path) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY)
            break;
        poll(NULL, 0, REMOVE_PAUSE_MS);
    }
    return err_internal(err, errno, "cannot remove %s", path);
}

int cgroup_remove(const struct cgroup *cgroup, const char *id, struct err *err)
{
    char path[CGROUP_PATH_SIZE];
    for (size_t i = 0; i < hierarchies(cgroup); i++) {
        group_path(cgroup, i, id, path);
        if (remove_group(path, err) != 0)
            return -1;
    }
    return 0;
}

bool cgroup_oom_killed(const struct cgroup *cgroup, const char *id)
{
    char path[CGROUP_PATH_SIZE], text[LINE_SIZE];
    if (!cgroup->kind->oom_file)
        return false;
    file_path(cgroup, 0, id, cgroup->kind->oom_file, path);
    if (!read_text(path, text, sizeof(text)))
        return false;
    /* "oom_kill_disable" begins alike */
    const char *counter = strstr(text, "oom_kill ");
    return counter && counter[sizeof("oom_kill ") - 1] != '0';
}

bool cgroup_memory_view(const struct cgroup *cgroup, const char *id, char outside[CGROUP_PATH_SIZE],
                        const char **inside_out)
{
    if (!cgroup->kind->inside)
        return false;
    group_path(cgroup, 0, id, outside);
    *inside_out = cgroup->kind->inside;
    return true;
}

static bool read_meter(const struct cgroup *cgroup, const char *id, const struct meter *meter, int64_t *out)
{
    char path[CGROUP_PATH_SIZE], text[LINE_SIZE], *end;
    if (!meter->file || meter->hierarchy >= hierarchies(cgroup))
        return false;
    file_path(cgroup, meter->hierarchy, id, meter->file, path);
    const char *at = read_text(path, text, sizeof(text)) ? strstr(text, meter->word) : NULL;
    if (!at)
        return false;
    at += strlen(meter->word);
    *out = strtoll(at, &end, 10) / meter->unit;
    return end != at && *out >= 0;
}

bool cgroup_usage(const struct cgroup *cgroup, const char *id, int64_t *cpu_time_ms, int64_t *memory_mb)
{
    int64_t cpu_ms, bytes, cached = 0;
    if (!read_meter(cgroup, id, &cgroup->kind->cpu, &cpu_ms) || !read_meter(cgroup, id, &cgroup->kind->memory, &bytes))
        return false;
    if (!read_meter(cgroup, id, &cgroup->kind->cached, &cached) || cached > bytes)
        cached = 0;
    *cpu_time_ms = cpu_ms;
    *memory_mb = (bytes - cached + MEBI - 1) / MEBI;
    return true;
}
