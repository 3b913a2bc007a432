/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the Docker Engine's answers; what is missing or of another type reads as empty. */
#include "lib/runtime/docker_body.h"

#include <stdio.h>
#include <string.h>

#include "lib/runtime/driver.h"
#include "lib/util/strbuf.h"

enum { MEBI = 1024 * 1024 };

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, name, &value);
    return value;
}

static const char *text(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

const char *docker_message(struct json_object *answer)
{
    return text(answer, "message");
}

bool docker_is_ours(const struct runtime_settings *settings, struct json_object *answer)
{
    struct json_object *labels = member(member(answer, "Config"), "Labels");
    return strcmp(text(labels, DOCKER_LABEL_INSTALLATION), settings->directory) == 0;
}

static enum runtime_state state_of(const char *status)
{
    /* a paused one is alive; "created" has not run yet, "removing" and "dead" never will */
    static const char *const alive[] = { "running", "paused", "restarting" };
    for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
        if (strcmp(status, alive[i]) == 0)
            return RUNTIME_RUNNING;
    return RUNTIME_STOPPED;
}

void docker_read_state(struct json_object *answer, struct runtime_status *out)
{
    struct json_object *state = member(answer, "State");
    struct json_object *code = member(state, "ExitCode");
    out->state = state_of(text(state, "Status"));
    out->paused = strcmp(text(state, "Status"), "paused") == 0;
    out->oom_killed = json_object_get_boolean(member(state, "OOMKilled"));
    out->exit_code = -1;
    if (out->state == RUNTIME_STOPPED && json_object_is_type(code, json_type_int))
        out->exit_code = json_object_get_int64(code);
}

static int64_t number(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

void docker_read_usage(struct json_object *answer, struct runtime_usage *out)
{
    struct json_object *memory = member(answer, "memory_stats"), *details = member(memory, "stats");
    int64_t bytes = number(memory, "usage");
    /* cgroup v1 counts the group and those below it apart; v2 has one number */
    int64_t cached = number(details, member(details, "total_inactive_file") ? "total_inactive_file" : "inactive_file");
    *out = (struct runtime_usage){ 0 };
    if (bytes <= 0) /* it does not run: the engine answers with zeros */
        return;
    out->measured = true;
    out->cpu_time_ms = number(member(member(answer, "cpu_stats"), "cpu_usage"), "total_usage") / 1000000;
    out->memory_mb = ((cached < bytes ? bytes - cached : bytes) + MEBI - 1) / MEBI;
}

bool docker_read_row(struct json_object *row, struct runtime_status *out)
{
    const char *id = text(member(row, "Labels"), DOCKER_LABEL_CONTAINER);
    if (!runtime_id_valid(id))
        return false;
    *out = (struct runtime_status){ .state = state_of(text(row, "State")), .exit_code = -1 };
    snprintf(out->container_id, sizeof(out->container_id), "%s", id);
    return true;
}

static bool has_seccomp(struct json_object *info)
{
    struct json_object *options = member(info, "SecurityOptions");
    size_t count = json_object_is_type(options, json_type_array) ? json_object_array_length(options) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *option = json_object_get_string(json_object_array_get_idx(options, i));
        if (option && strncmp(option, "name=seccomp", 12) == 0)
            return true;
    }
    return false;
}

void docker_read_info(struct json_object *version, struct json_object *info, struct runtime_info *out)
{
    static const char *const limits[][2] = {
        { "MemoryLimit", "memory limit" }, { "PidsLimit", "process limit" }, { "CpuCfsQuota", "CPU limit" }
    };
    cleanup_strbuf struct strbuf line = STRBUF_INIT(sizeof(out->isolation) - 1);
    *out = (struct runtime_info){ 0 };
    snprintf(out->version, sizeof(out->version), "Docker %s", text(version, "Version"));
    strbuf_addf(&line, "Docker container: namespaces, cgroup v%s, seccomp%s, disk watched", text(info, "CgroupVersion"),
                has_seccomp(info) ? "" : " of the executor only");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (!json_object_get_boolean(member(info, limits[i][0]))) {
            strbuf_addf(&line, "; weaker: no %s", limits[i][1]);
            out->weaker = true;
        }
    snprintf(out->isolation, sizeof(out->isolation), "%s", strbuf_str(&line));
    out->cpus = number(info, "NCPU");
    out->memory_mb = number(info, "MemTotal") / MEBI;
}
