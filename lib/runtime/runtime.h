/* SPDX-License-Identifier: Apache-2.0 */
/* Container engines behind one table of functions: docker, process, (later) kubernetes. Used by jobs only, never by the web tier. */
#ifndef SANDBOX_RUNTIME_RUNTIME_H
#define SANDBOX_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/limits.h"
#include "lib/model/resources.h"
#include "lib/model/states.h"
#include "lib/util/cleanup.h"
#include "lib/util/config.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

struct runtime_settings {
    char *kind;              /* "process" | "docker" */
    char *directory;         /* where each container has its own directory (socket, secret, workspace) */
    char *executor;          /* path of the static executor binary */
    char *docker_socket;     /* the Engine API's unix socket */
    char *docker_host;       /* "": docker_socket; or unix:///PATH, tcp://HOST:PORT */
    char *docker_tls;        /* directory of ca.pem, cert.pem, key.pem for tcp:// */
    char *docker_config;     /* a Docker config.json with credentials of registries; "": none */
    char *pull;              /* "missing": images that the engine does not have are pulled; "never" */
    char *process_isolation; /* "required": namespaces and cgroups, or refuse; "best-effort": weaker allowed */
    char *bwrap;             /* bubblewrap's path */
    int64_t uid_base;        /* process: first host uid of the ranges given to sandboxes */
};
extern const struct setting runtime_setting_table[];
extern const size_t runtime_setting_count;

/* What a container is made from. Strings are borrowed. */
struct runtime_spec {
    const char *container_id; /* our id: CONTAINER_ID_HEX digits; names everything the engine keeps for it */
    const char *secret;       /* bearer secret of its executor */
    const char *image;        /* docker: image reference; process: ignored */
    const char *oci_runtime;  /* docker: "" for the engine's default, "runsc", "kata", ... */
    const char *languages;    /* interpreters to keep ready: "python", "python,javascript", ... */
    const char *preload_json; /* JSON array of Python modules that its executor imports ahead; NULL: none */
    bool network_enabled;
    bool read_only_root;      /* docker: but for the workspace and /tmp; process: it always is */
    struct resources resources;
};

/* The host in an executor's URL, before the container's id: an id alone may be digits only, and then it is an address to libcurl. */
#define RUNTIME_HOST_PREFIX "executor-"

/* How to reach its executor. */
struct runtime_endpoint {
    char unix_path[256]; /* "" when it is reached over TCP */
    char url[128];       /* "http://executor-CONTAINER_ID", "http://10.0.0.7:8080" */
};

enum runtime_state { RUNTIME_ABSENT, RUNTIME_RUNNING, RUNTIME_STOPPED };

/* What the engine knows of one container. */
struct runtime_status {
    char container_id[CONTAINER_ID_SIZE];
    enum runtime_state state;
    int64_t exit_code; /* RUNTIME_STOPPED; -1: unknown */
    bool oom_killed;
    bool paused;       /* RUNTIME_RUNNING, but stopped by somebody who may let it go on */
};

/* What a container uses. */
struct runtime_usage {
    bool measured; /* false: nothing here can measure it */
    int64_t cpu_time_ms; /* since its start */
    int64_t memory_mb;   /* now, without what the kernel only caches; rounded up */
};

struct runtime_info {
    char isolation[256]; /* what is in force, for health and log: "namespaces, cgroup v1, seccomp" or the weaker "uid, landlock, ..." */
    bool weaker;         /* less than `required` asks for */
    char version[64];
    int64_t cpus, memory_mb; /* of its machine; 0: unknown */
};

/* Names of images as the engine lists them, by tag and by digest; all malloc()ed. */
struct runtime_images {
    char **names;
    size_t count;
};
void runtime_images_release(struct runtime_images *images);

struct runtime;

/* Opens the driver that settings->kind names. ERR_UNAVAILABLE says what is missing and what to do (engine down; isolation
 * that is required is not to be had). `settings` is borrowed. One object per thread. */
struct runtime *runtime_open(const struct runtime_settings *settings, struct err *err) must_use;
void runtime_free(struct runtime *runtime);

/* Looks at the engine now. ERR_UNAVAILABLE when it does not answer. */
int runtime_info(struct runtime *runtime, struct runtime_info *out, struct err *err) must_use;

/* The images that it has; appended. None where containers are made without images. */
int runtime_images(struct runtime *runtime, struct runtime_images *out, struct err *err) must_use;

/* Pulls an image, with the credentials that settings.docker_config has for its registry. One that is there is success. Errors, with texts
 * for users: ERR_NOT_FOUND (trying again makes no sense), ERR_UNAVAILABLE, ERR_NO_ROOM, ERR_UNCERTAIN (on_progress wanted no more). */
enum { RUNTIME_PULL_MS = 10 * 60 * 1000 };
struct runtime_pull {
    const char *image;
    bool (*on_progress)(void *arg, const char *text); /* twice a second, with how it goes; false: break it off */
    void *arg;
};
int runtime_pull(struct runtime *runtime, const struct runtime_pull *pull, struct err *err) must_use;

/* Creates and starts a container; does not wait for its executor. Repeatable: a leftover of the same id is removed first.
 * Errors, with texts for users: ERR_NOT_FOUND (image missing), ERR_UNAVAILABLE (engine down), ERR_NO_ROOM, ERR_INTERNAL. */
int runtime_create(struct runtime *runtime, const struct runtime_spec *spec, struct err *err) must_use;
/* Removes the container and all that belongs to it. A missing one is success. */
int runtime_destroy(struct runtime *runtime, const char *container_id, struct err *err) must_use;
int runtime_inspect(struct runtime *runtime, const char *container_id, struct runtime_status *out,
                    struct err *err) must_use;
/* All containers of this installation that the engine (or the directory) still holds. *out is malloc()ed. */
int runtime_list(struct runtime *runtime, struct runtime_status **out, size_t *count_out,
                 struct err *err) must_use;
/* The last `tail` lines of its log that are not before `since_ms` (0: all), each `TIME [LEVEL] text` and a newline, in UTF-8: at most
 * RUNTIME_LOGS_MAX bytes, within RUNTIME_LOGS_MS. ERR_CONTAINER_NOT_FOUND, ERR_UNAVAILABLE. */
enum { RUNTIME_LOGS_MAX = 1024 * 1024, RUNTIME_LOGS_MS = 5000 };
int runtime_logs(struct runtime *runtime, const char *container_id, int64_t tail, int64_t since_ms, struct strbuf *out,
                 struct err *err) must_use;
/* ERR_CONTAINER_NOT_FOUND, ERR_UNAVAILABLE. */
int runtime_usage(struct runtime *runtime, const char *container_id, struct runtime_usage *out, struct err *err) must_use;
/* Where its executor listens; pure computation, the container need not exist. */
void runtime_endpoint(const struct runtime_settings *settings, const char *container_id,
                      struct runtime_endpoint *out);

#endif
