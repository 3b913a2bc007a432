/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the Docker Engine API, v1.41. */
#include "lib/runtime/docker_body.h"

#include <stdio.h>
#include <string.h>

#include "lib/runtime/driver.h"
#include "lib/runtime/executor_env.h"
#include "lib/runtime/room.h"
#include "lib/util/strbuf.h"
#include "lib/wire/environment.h"

#define LABEL_TOOLS "sandbox.executor"

enum {
    PROCESSES_OF_OURS = 32, /* the executor, its waiting interpreters and helpers */
    PROCESSES_OF_WAYS = 32, /* where each connection to the executor is a process, too */
    USER_SLOT = 1000,
    OPEN_FILES = 4096,
};

/* json-c takes the value over and frees it when adding fails; a NULL value is a failed allocation. */
static void put(struct json_object *object, const char *name, struct json_object *value, bool *failed)
{
    if (!object || !value || json_object_object_add(object, name, value) != 0)
        *failed = true;
}

static void append(struct json_object *array, struct json_object *value, bool *failed)
{
    if (!array || !value || json_object_array_add(array, value) != 0)
        *failed = true;
}

static struct json_object *strings(const char *const *items, size_t count)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < count; i++)
        json_object_array_add(array, json_object_new_string(items[i]));
    return array;
}
#define STRINGS(...)                                                                                         \
    strings((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static struct json_object *bind_mount(const char *source, const char *target, bool read_only, bool *failed)
{
    struct json_object *mount = json_object_new_object();
    put(mount, "Type", json_object_new_string("bind"), failed);
    put(mount, "Source", json_object_new_string(source), failed);
    put(mount, "Target", json_object_new_string(target), failed);
    put(mount, "ReadOnly", json_object_new_boolean(read_only), failed);
    return mount;
}

/* No source: a volume of its own, removed with the container. */
static struct json_object *workspace_volume(bool *failed)
{
    struct json_object *mount = json_object_new_object();
    put(mount, "Type", json_object_new_string("volume"), failed);
    put(mount, "Target", json_object_new_string("/workspace"), failed);
    return mount;
}

/* The engine makes it when it is first mentioned; the label says what it is for. */
static struct json_object *tools_volume(const char *name, bool read_only, bool *failed)
{
    struct json_object *mount = json_object_new_object(), *options = json_object_new_object(), *label = json_object_new_object();
    put(mount, "Type", json_object_new_string("volume"), failed);
    put(mount, "Source", json_object_new_string(name), failed);
    put(mount, "Target", json_object_new_string(DOCKER_INSIDE_TOOLS), failed);
    put(mount, "ReadOnly", json_object_new_boolean(read_only), failed);
    put(label, LABEL_TOOLS, json_object_new_string(name), failed);
    put(options, "NoCopy", json_object_new_boolean(true), failed);
    put(options, "Labels", label, failed);
    put(mount, "VolumeOptions", options, failed);
    return mount;
}

static struct json_object *mounts(const struct runtime_settings *settings, const char *id, const char *tools, bool *failed)
{
    char run[ROOM_PATH_SIZE];
    struct json_object *array = json_object_new_array();
    snprintf(run, sizeof(run), "%s/%s/" ROOM_RUN, settings->directory, id);
    if (tools) {
        append(array, tools_volume(tools, true, failed), failed);
    } else {
        append(array, bind_mount(settings->executor, DOCKER_INSIDE_EXECUTOR, true, failed), failed);
        append(array, bind_mount(run, DOCKER_INSIDE_RUN, false, failed), failed);
    }
    append(array, workspace_volume(failed), failed);
    return array;
}

static struct json_object *ulimit(const char *name, int value, bool *failed)
{
    struct json_object *limit = json_object_new_object();
    put(limit, "Name", json_object_new_string(name), failed);
    put(limit, "Soft", json_object_new_int(value), failed);
    put(limit, "Hard", json_object_new_int(value), failed);
    return limit;
}

static struct json_object *ulimits(bool *failed)
{
    struct json_object *array = json_object_new_array();
    append(array, ulimit("core", 0, failed), failed);
    append(array, ulimit("nofile", OPEN_FILES, failed), failed);
    return array;
}

/* The executor's own log, bounded. */
static struct json_object *log_config(bool *failed)
{
    struct json_object *log = json_object_new_object(), *options = json_object_new_object();
    put(options, "max-size", json_object_new_string("1m"), failed);
    put(options, "max-file", json_object_new_string("2"), failed);
    put(log, "Type", json_object_new_string("json-file"), failed);
    put(log, "Config", options, failed);
    return log;
}

/* `run`: the directory of the executor's socket, which nobody but root enters, is one too. */
static struct json_object *tmpfs(bool run, bool *failed)
{
    struct json_object *mount = json_object_new_object();
    if (run)
        put(mount, DOCKER_INSIDE_RUN, json_object_new_string("rw,noexec,nosuid,nodev,size=64k,mode=0700,uid=0,gid=0"), failed);
    put(mount, "/tmp", json_object_new_string("rw,exec,nosuid,nodev,size=64m,mode=1777"), failed);
    return mount;
}

static void put_limits(struct json_object *host, const struct resources *resources, int ours, bool *failed)
{
    int64_t memory = resources->memory_mb * 1024 * 1024;
    put(host, "Memory", json_object_new_int64(memory), failed);
    put(host, "MemorySwap", json_object_new_int64(memory), failed);
    put(host, "NanoCpus", json_object_new_int64(resources->cpu_milli * 1000000), failed);
    put(host, "PidsLimit", json_object_new_int64(resources->max_processes + ours), failed);
    put(host, "Ulimits", ulimits(failed), failed);
}

static struct json_object *host_config(const struct runtime_settings *settings, const struct runtime_spec *spec,
                                       const char *tools, bool *failed)
{
    struct json_object *host = json_object_new_object();
    put(host, "NetworkMode", json_object_new_string(spec->network_enabled ? "bridge" : "none"), failed);
    put(host, "CapDrop", STRINGS("ALL"), failed);
    put(host, "CapAdd", STRINGS("SETUID", "SETGID", "KILL"), failed);
    put(host, "SecurityOpt", STRINGS("no-new-privileges"), failed);
    put(host, "Privileged", json_object_new_boolean(false), failed);
    put(host, "ReadonlyRootfs", json_object_new_boolean(spec->read_only_root), failed);
    put(host, "IpcMode", json_object_new_string("private"), failed);
    put(host, "CgroupnsMode", json_object_new_string("private"), failed);
    put(host, "Init", json_object_new_boolean(false), failed);
    put(host, "Tmpfs", tmpfs(tools != NULL, failed), failed);
    put(host, "Mounts", mounts(settings, spec->container_id, tools, failed), failed);
    put(host, "LogConfig", log_config(failed), failed);
    if (spec->oci_runtime && spec->oci_runtime[0])
        put(host, "Runtime", json_object_new_string(spec->oci_runtime), failed);
    put_limits(host, &spec->resources, PROCESSES_OF_OURS + (tools ? PROCESSES_OF_WAYS : 0), failed);
    return host;
}

static struct json_object *labels(const struct runtime_settings *settings, const char *id, bool *failed)
{
    struct json_object *object = json_object_new_object();
    put(object, DOCKER_LABEL_INSTALLATION, json_object_new_string(settings->directory), failed);
    put(object, DOCKER_LABEL_CONTAINER, json_object_new_string(id), failed);
    return object;
}

static struct json_object *environment(const struct runtime_spec *spec, bool gives_secret, struct err *err)
{
    const struct executor_place place = {
        .run = DOCKER_INSIDE_RUN, .workspace = "/workspace", .tmp = "/tmp", .confine = "none", .uid = USER_SLOT,
        .gives_secret = gives_secret,
    };
    cleanup_executor_env struct executor_env env = { 0 };
    if (executor_env_make(spec, &place, &env, err) != 0)
        return NULL;
    return strings((const char *const *)env.items, env.count);
}

int docker_create_body(const struct runtime_settings *settings, const struct runtime_spec *spec, const char *tools,
                       struct json_object **out, struct err *err)
{
    bool failed = false;
    cleanup_json struct json_object *body = json_object_new_object();
    put(body, "Image", json_object_new_string(spec->image), &failed);
    put(body, "Hostname", json_object_new_string("sandbox"), &failed);
    put(body, "User", json_object_new_string("0:0"), &failed);
    put(body, "WorkingDir", json_object_new_string("/workspace"), &failed);
    put(body, "Entrypoint", STRINGS(DOCKER_INSIDE_EXECUTOR), &failed);
    put(body, "Cmd", json_object_new_array(), &failed);
    put(body, "StopTimeout", json_object_new_int(1), &failed);
    put(body, "Env", environment(spec, tools != NULL, err), &failed);
    put(body, "Labels", labels(settings, spec->container_id, &failed), &failed);
    put(body, "HostConfig", host_config(settings, spec, tools, &failed), &failed);
    if (failed)
        return err_internal(err, 0, "out of memory for the description of a container");
    *out = steal(body);
    return 0;
}

int docker_filler_body(const char *image, const char *tools, struct json_object **out, struct err *err)
{
    bool failed = false;
    cleanup_json struct json_object *body = json_object_new_object();
    struct json_object *host = json_object_new_object(), *list = json_object_new_array(), *label = json_object_new_object();
    append(list, tools_volume(tools, false, &failed), &failed);
    put(label, LABEL_TOOLS, json_object_new_string(tools), &failed);
    put(host, "NetworkMode", json_object_new_string("none"), &failed);
    put(host, "Mounts", list, &failed);
    put(body, "Image", json_object_new_string(image), &failed);
    put(body, "Entrypoint", STRINGS(DOCKER_INSIDE_EXECUTOR), &failed);
    put(body, "Cmd", json_object_new_array(), &failed);
    put(body, "Labels", label, &failed);
    put(body, "HostConfig", host, &failed);
    if (failed)
        return err_internal(err, 0, "out of memory for the description of a container");
    *out = steal(body);
    return 0;
}

int docker_connect_body(struct json_object **out, struct err *err)
{
    bool failed = false;
    cleanup_json struct json_object *body = json_object_new_object();
    put(body, "AttachStdin", json_object_new_boolean(true), &failed);
    put(body, "AttachStdout", json_object_new_boolean(true), &failed);
    put(body, "AttachStderr", json_object_new_boolean(true), &failed);
    put(body, "Tty", json_object_new_boolean(false), &failed);
    put(body, "User", json_object_new_string("0:0"), &failed);
    put(body, "WorkingDir", json_object_new_string("/"), &failed);
    put(body, "Env", STRINGS(EXECUTOR_ENV_SECRET), &failed); /* a name without a value takes it away */
    put(body, "Cmd", STRINGS(DOCKER_INSIDE_EXECUTOR, "--connect"), &failed);
    if (failed)
        return err_internal(err, 0, "out of memory for a command");
    *out = steal(body);
    return 0;
}

int docker_list_filter(const struct runtime_settings *settings, struct json_object **out, struct err *err)
{
    bool failed = false;
    cleanup_strbuf struct strbuf label = STRBUF_INIT(512);
    strbuf_addf(&label, DOCKER_LABEL_INSTALLATION "=%s", settings->directory);
    cleanup_json struct json_object *filter = json_object_new_object();
    put(filter, "label", STRINGS(strbuf_str(&label)), &failed);
    if (failed || !strbuf_ok(&label))
        return err_internal(err, 0, "out of memory for a filter of containers");
    *out = steal(filter);
    return 0;
}
