/* SPDX-License-Identifier: Apache-2.0 */
/* The things the product keeps, as plain values. Strings are malloc()ed and owned unless said otherwise; times are
 * milliseconds since 1970 in UTC, 0 for "not yet". */
#ifndef SANDBOX_MODEL_ENTITIES_H
#define SANDBOX_MODEL_ENTITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/limits.h"
#include "lib/model/resources.h"
#include "lib/model/states.h"

enum scope { SCOPE_SESSIONS = 1, SCOPE_TEMPLATES = 2, SCOPE_ADMIN = 4 };

enum { OWNER_SIZE = 65, TEMPLATE_ID_SIZE = 64, NODE_ID_SIZE = 65, ADDRESS_SIZE = 64, TOKEN_ID_SIZE = 13 };

/* Who calls: what a valid token says. */
struct caller {
    char owner[OWNER_SIZE];
    unsigned scopes; /* enum scope, or-ed */
    char token_id[TOKEN_ID_SIZE];
    char container_id[CONTAINER_ID_SIZE]; /* of an executor that calls the internal API (then there is no owner), else "" */
    char session_id[SESSION_ID_SIZE];     /* its container's session, or "" */
};

struct template {
    char id[TEMPLATE_ID_SIZE];
    char *name;
    char *image;
    char *base_image;
    char *packages_json; /* JSON array of strings */
    char *languages;     /* "python", "python,javascript": interpreters kept ready; every language may still be run */
    char *preload_json;  /* JSON array of strings: Python modules that are imported ahead (lib/model/preload.h) */
    char *oci_runtime;   /* "" for the engine's default */
    struct resources resources;
    bool network_enabled;
    bool read_only_root; /* but for the workspace and /tmp */
    bool deprecated;
    int64_t pool_min;        /* warm containers kept at least, however idle */
    int64_t pool_target;     /* warm containers kept waiting */
    int64_t pool_max_idle_s; /* a warm container older than this is replaced; 0: never */
    int64_t created_at, updated_at;
};
void template_release(struct template *template);

struct session {
    char id[SESSION_ID_SIZE];
    char owner[OWNER_SIZE];
    enum session_status status;
    char template_id[TEMPLATE_ID_SIZE];
    enum runtime_type runtime_type;
    char node_id[NODE_ID_SIZE];
    char container_id[CONTAINER_ID_SIZE]; /* "" until it has one */
    struct resources resources;
    int64_t timeout_s;
    char *env_json;    /* JSON object of strings, or NULL */
    char *labels_json; /* likewise */
    char *error;       /* why it failed, for users; NULL otherwise */
    char *callback_url; /* told when it has ended, or NULL */
    int64_t restarts;  /* its containers that died and were replaced */
    int64_t created_at, started_at, expires_at, last_activity_at, ended_at;
};
void session_release(struct session *session);

/* What a container used when it was last looked at. */
struct container_usage {
    bool measured;          /* false: not yet, and the rest is 0 */
    int64_t cpu_time_ms;    /* since its start */
    int64_t cpu_used_milli; /* thousandths of a CPU, between the last two measurements */
    int64_t memory_used_mb;
    int64_t measured_at;
    int64_t busy_since;     /* it uses more than 80 % of its CPU or memory without a break; 0: it does not */
};

struct container {
    char id[CONTAINER_ID_SIZE];
    char node_id[NODE_ID_SIZE];
    enum runtime_type runtime_type;
    char template_id[TEMPLATE_ID_SIZE];
    char session_id[SESSION_ID_SIZE]; /* "" while warm */
    enum container_status status;
    char secret[CONTAINER_SECRET_SIZE];
    char *image;
    char *languages;
    char *preload_json;
    char *oci_runtime;
    bool network_enabled;
    bool read_only_root;
    struct resources resources;
    int64_t attempts;  /* tries of the step that is due */
    char *error;       /* of the last try */
    int64_t created_at, ready_at, ended_at;
    int64_t seen_at;   /* when the row was read; by the same clock, the database's */
    int64_t pulled_at; /* its image was being pulled until then */
    struct container_usage usage;
};
void container_release(struct container *container);

/* What came of an execution. */
struct execution_outcome {
    char *stdout_text, *stderr_text; /* UTF-8; may hold NUL bytes: see the lengths */
    size_t stdout_len, stderr_len;
    bool stdout_truncated, stderr_truncated;
    bool has_exit_code; /* false: never ran */
    int64_t exit_code;
    char *return_json;    /* JSON text, or NULL */
    char *error_kind;     /* "exception", "timeout", "out_of_memory", ... or NULL */
    char *error_message;  /* for users, or NULL */
    double duration_ms, cpu_time_ms, peak_memory_mb;
    char *trace_json;     /* moments on its way (lib/model/trace.h); NULL: none were asked for, or those that are stored stay */
    char *artifacts_json; /* JSON array of {path, size, mime_type, sha256}, or of paths, or NULL */
    int64_t artifacts_skipped; /* files that are not listed there */
};
void execution_outcome_release(struct execution_outcome *outcome);

struct execution {
    int64_t seq; /* order of acceptance; 0 until stored */
    char id[EXECUTION_ID_SIZE];
    char session_id[SESSION_ID_SIZE];
    char owner[OWNER_SIZE];
    enum execution_status status;
    enum language language;
    char *code;
    char *event_json; /* JSON text, or NULL */
    char *env_json;   /* JSON object of strings, or NULL */
    char *callback_url; /* told when it has ended, or NULL */
    char *trace_json;   /* moments before it was stored; NULL: it is not traced. Filled with its code */
    int64_t timeout_s;
    int64_t max_retries;
    int64_t attempts;               /* times it was sent to an executor */
    int64_t retry_at;               /* pending after an attempt that was lost: when the next one is due; else 0 */
    char *last_loss;                /* not final: why the last attempt was lost; NULL: none was */
    bool runnable;                  /* its session is running */
    char notify[ADDRESS_SIZE];      /* doorbell of who waits for it, or "" */
    int64_t created_at, started_at, completed_at;
    struct execution_outcome outcome; /* filled when asked for and final */
};
void execution_release(struct execution *execution);

/* All a dispatcher needs for one execution that it has claimed. */
struct execution_claim {
    struct execution execution; /* code, event_json, env_json filled */
    bool taken_over;            /* it ran already, for a dispatcher that is gone */
    int64_t waited_us;          /* from its submission until this claim, by the database's clock; of a first attempt */
    char *session_env_json;     /* or NULL */
    char node_id[NODE_ID_SIZE]; /* the container's */
    char container_id[CONTAINER_ID_SIZE];
    char container_secret[CONTAINER_SECRET_SIZE];
    struct resources resources;
    bool unsynced; /* clients changed files that its container does not have yet */
    bool lost;    /* it is running, in a container that its session no longer has: not to be sent again */
    bool silent;  /* it is running, its executor pushes, and was not heard of: not to be sent again */
    bool overdue; /* ... and its time is over */
};
void execution_claim_release(struct execution_claim *claim);

struct node {
    char id[NODE_ID_SIZE];
    enum runtime_type runtime_type;
    char status[16];    /* "ready", "draining", "offline" */
    char *isolation;    /* what is in force */
    bool isolation_weaker;
    char *error;        /* why it is offline; NULL otherwise */
    int64_t cpu_milli, memory_mb, max_containers; /* capacity given to sandboxes */
    int64_t used_cpu_milli, used_memory_mb, used_containers; /* by containers not yet deleted */
    int64_t last_seen_at, silent_ms; /* when it was heard of last, and how long ago: by the database's clock */
    char *engine;        /* "unix:///PATH", "tcp://HOST:PORT"; "": the host's own, as its settings say */
    char *tls_directory; /* "": none */
    char host[NODE_ID_SIZE];      /* node of the only host that may serve it; "": any may */
    char served_by[NODE_ID_SIZE]; /* node of the host whose jobs do, or did last; "": none yet */
    bool served;                  /* ... and its lease is valid */
    int64_t cpu_limit_milli, memory_limit_mb, containers_limit; /* as the operator said; 0: what the engine has */
};
void node_release(struct node *node);

/* A job's last sign of life. */
struct job_beat {
    char name[33];     /* "dispatchd" */
    char instance[65]; /* "host:dispatchd" */
    int64_t pid;
    int64_t running_ms;          /* given: since its start */
    int64_t started_at, beat_at; /* read */
    int64_t silent_ms;           /* read: since its beat, by the database's clock */
    int64_t interval_ms; /* a beat is due this often; silent for 3 intervals: not healthy */
    bool waiting;        /* for one that works */
    char error[320];     /* why its steps have failed for a while; "": they have not */
};

struct page {
    int64_t limit, offset;
};

#endif
