/* SPDX-License-Identifier: Apache-2.0 */
/* The settings file as a whole: every binary reads the same one. */
#ifndef SANDBOX_SERVICE_SETTINGS_H
#define SANDBOX_SERVICE_SETTINGS_H

#include <stdio.h>

#include "lib/io/db.h"
#include "lib/runtime/runtime.h"
#include "lib/service/webhook_settings.h"
#include "lib/storage/storage.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct doorbell_settings {
    char *dispatchd;  /* "127.0.0.1:7101" */
    char *provisiond; /* "127.0.0.1:7102" */
    char *pool;       /* "127.0.0.1:7103" */
    char *webhookd;   /* "127.0.0.1:7104" */
    char *waiters;    /* where a web worker binds for its waiters: "127.0.0.1:0" */
};

struct api_settings {
    int64_t threads;     /* of one process */
    int64_t max_waiters; /* of them, how many may be waiting for results at once */
    char *sendfile;      /* "x-sendfile" or "off" */
};

struct node_settings {
    char *id;               /* "" : the host's name */
    int64_t cpu_milli;      /* capacity for sandboxes; 0: what the machine has, overcommitted by `overcommit` */
    int64_t memory_mb;
    int64_t max_containers;
    int64_t overcommit;     /* per cent of the machine's CPU and memory that may be promised */
    int64_t workers;        /* creations and removals at once */
    int64_t transfers;      /* sandboxes whose files are moved at once */
};

/* 0: no limit. */
struct limit_settings {
    int64_t requests_per_minute;   /* of one token */
    int64_t executions_per_minute; /* of one owner */
    int64_t sessions;              /* of one owner, at once */
    int64_t session_lifetime_s;    /* how long renewing can keep a session */
    int64_t session_idle_s;        /* how long one may be without activity */
};

struct retention_settings {
    int64_t audit_days;
    int64_t workspace_s; /* files, after their session's end */
    int64_t webhook_days; /* webhooks, after they were delivered or given up */
    int64_t replaced_s;  /* content that no file has any longer */
    int64_t executions_s, sessions_s, containers_s; /* rows, after their end */
};

/* Per cent. */
struct pool_settings {
    int64_t surge;   /* of a template's pool.target, kept at most after a burst */
    int64_t reserve; /* of a node, left free by warm containers */
};

struct metrics_settings {
    char *directory; /* "": nothing is counted */
};

struct log_settings {
    char *level;
};

struct settings {
    struct db_settings database;
    struct doorbell_settings doorbell;
    struct api_settings api;
    struct limit_settings limits;
    struct retention_settings retention;
    struct node_settings node;
    struct runtime_settings runtime;
    struct storage_settings storage;
    struct webhook_settings webhooks;
    struct pool_settings pool;
    struct metrics_settings metrics;
    struct log_settings log;
    char *workspace_root; /* what workspace_path begins with in answers; it follows from `storage` */
};

/* The file that is read: `path`, or if that is NULL $SANDBOX_CONFIG, else the installed one. */
const char *settings_path(const char *path);
/* Reads the file at `path` (NULL: $SANDBOX_CONFIG, else SANDBOX_SYSCONFDIR/sandbox/sandbox.conf) into a new object. */
int settings_load(const char *path, struct settings **out, struct err *err) must_use;
void settings_free(struct settings *settings);
void settings_freep(struct settings **settings);
#define cleanup_settings cleanup(settings_freep)
/* Writes the documented sample. */
void settings_sample(FILE *out);

#endif
