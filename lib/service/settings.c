/* SPDX-License-Identifier: Apache-2.0 */
/* The settings file: each group's table, and what must hold between settings. */
#include "lib/service/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define AT(member) offsetof(struct doorbell_settings, member)
static const struct setting doorbell_table[] = {
    { .key = "dispatchd", .type = SETTING_STRING, .offset = AT(dispatchd), .preset = "127.0.0.1:7101",
      .help = "Where sandbox-dispatchd hears that an execution waits." },
    { .key = "provisiond", .type = SETTING_STRING, .offset = AT(provisiond),
      .preset = "127.0.0.1:7102", .help = "Where sandbox-provisiond hears that a container has a step due." },
    { .key = "pool", .type = SETTING_STRING, .offset = AT(pool), .preset = "127.0.0.1:7103",
      .help = "Where sandbox-pool hears that a warm container was taken." },
    { .key = "webhookd", .type = SETTING_STRING, .offset = AT(webhookd), .preset = "127.0.0.1:7104",
      .help = "Where sandbox-webhookd hears that somebody is to be told." },
    { .key = "waiters", .type = SETTING_STRING, .offset = AT(waiters), .preset = "127.0.0.1:0",
      .help = "Where a web worker's threads hear that a result is stored; port 0: any free one." },
};
#undef AT

#define AT(member) offsetof(struct api_settings, member)
static const struct setting api_table[] = {
    { .key = "threads", .type = SETTING_INT, .offset = AT(threads), .preset = "32", .min = 1, .max = 512,
      .help = "Threads of one sandbox-api process; each has a database connection." },
    { .key = "max_waiters", .type = SETTING_INT, .offset = AT(max_waiters), .preset = "24", .min = 0,
      .max = 511, .help = "How many of them may wait for results at once; less than threads." },
    { .key = "sendfile", .type = SETTING_STRING, .offset = AT(sendfile), .preset = "x-sendfile", .choices = "x-sendfile|off",
      .help = "x-sendfile: a web server that says that it can (SANDBOX_SENDFILE) sends files of storage's directory itself; off: never." },
};
#undef AT

#define AT(member) offsetof(struct limit_settings, member)
static const struct setting limit_table[] = {
    { .key = "requests_per_minute", .type = SETTING_INT, .offset = AT(requests_per_minute), .preset = "6000",
      .min = 0, .max = 10000000, .help = "Requests of one token; 0: no limit. What was not used for a while may come at once." },
    { .key = "executions_per_minute", .type = SETTING_INT, .offset = AT(executions_per_minute), .preset = "3000",
      .min = 0, .max = 10000000, .help = "Executions that one owner may submit; 0: no limit. Likewise." },
    { .key = "sessions", .type = SETTING_INT, .offset = AT(sessions), .preset = "100", .min = 0, .max = 1000000,
      .help = "Sessions that one owner may have at once; 0: no limit." },
    { .key = "session_lifetime_s", .type = SETTING_INT, .offset = AT(session_lifetime_s), .preset = "21600",
      .min = 60, .max = 31536000, .unit = "s", .help = "How long renewing may keep a session alive, from its creation." },
    { .key = "session_idle_s", .type = SETTING_INT, .offset = AT(session_idle_s), .preset = "1800", .min = 0, .max = 31536000, .unit = "s",
      .help = "How long a session may be without any activity before it ends; 0: as long as its time limit lasts." },
};
#undef AT

#define AT(member) offsetof(struct retention_settings, member)
static const struct setting retention_table[] = {
    { .key = "audit_days", .type = SETTING_INT, .offset = AT(audit_days), .preset = "365", .min = 1, .max = 36500, .unit = "days",
      .help = "How long the audit trail is kept." },
    { .key = "workspace_s", .type = SETTING_INT, .offset = AT(workspace_s), .preset = "86400", .min = 0, .max = 31536000, .unit = "s",
      .help = "How long the files of a session are kept after its end." },
    { .key = "webhook_days", .type = SETTING_INT, .offset = AT(webhook_days), .preset = "7", .min = 0, .max = 36500, .unit = "days",
      .help = "How long it is kept which webhooks were delivered or given up." },
    { .key = "replaced_s", .type = SETTING_INT, .offset = AT(replaced_s), .preset = "3600", .min = 0, .max = 31536000, .unit = "s",
      .help = "How long content that was replaced or deleted is kept, for downloads that have begun." },
    { .key = "executions_s", .type = SETTING_INT, .offset = AT(executions_s), .preset = "2592000", .min = 3600, .max = 3153600000, .unit = "s",
      .help = "How long an execution and its result are kept after its end." },
    { .key = "sessions_s", .type = SETTING_INT, .offset = AT(sessions_s), .preset = "2592000", .min = 3600, .max = 3153600000, .unit = "s",
      .help = "How long a session that has ended is known; it takes along its executions, and waits for its files to go." },
    { .key = "containers_s", .type = SETTING_INT, .offset = AT(containers_s), .preset = "604800", .min = 3600, .max = 3153600000, .unit = "s",
      .help = "How long a container that was removed is listed." },
};
#undef AT

#define AT(member) offsetof(struct node_settings, member)
static const struct setting node_table[] = {
    { .key = "id", .type = SETTING_STRING, .offset = AT(id), .preset = "",
      .help = "Name of this node, at most 64 bytes; empty: the host's name." },
    { .key = "cpu_milli", .type = SETTING_INT, .offset = AT(cpu_milli), .preset = "0", .min = 0,
      .max = 100000000, .unit = "thousandths of a CPU",
      .help = "What sandboxes may use together; 0: what the machine has times overcommit." },
    { .key = "memory_mb", .type = SETTING_INT, .offset = AT(memory_mb), .preset = "0", .min = 0,
      .max = 1000000000, .unit = "MiB", .help = "Likewise." },
    { .key = "max_containers", .type = SETTING_INT, .offset = AT(max_containers), .preset = "100",
      .min = 1, .max = 100000, .help = "Containers at once, warm ones included." },
    { .key = "overcommit", .type = SETTING_INT, .offset = AT(overcommit), .preset = "100", .min = 10,
      .max = 100000, .unit = "per cent",
      .help = "How much of the machine's CPU and memory may be promised to sandboxes." },
    { .key = "workers", .type = SETTING_INT, .offset = AT(workers), .preset = "4", .min = 1, .max = 64,
      .help = "Creations and removals of containers at once." },
    { .key = "transfers", .type = SETTING_INT, .offset = AT(transfers), .preset = "4", .min = 1, .max = 64,
      .help = "Sandboxes whose files sandbox-dispatchd moves at once." },
};
#undef AT

#define AT(member) offsetof(struct pool_settings, member)
static const struct setting pool_table[] = {
    { .key = "surge", .type = SETTING_INT, .offset = AT(surge), .preset = "300", .min = 100, .max = 10000, .unit = "per cent",
      .help = "How many warm containers a burst of sessions may raise a template's pool to, of its target." },
    { .key = "reserve", .type = SETTING_INT, .offset = AT(reserve), .preset = "10", .min = 0, .max = 99, .unit = "per cent",
      .help = "How much of each node is not given to warm containers, but kept for sessions that none fits." },
};
#undef AT

static const struct setting metrics_table[] = {
    { .key = "directory", .type = SETTING_STRING, .offset = offsetof(struct metrics_settings, directory),
      .preset = "/run/sandbox/metrics",
      .help = "Where the programs of this host count, each in a directory of its own; empty: nothing is counted." },
};

static const struct setting log_table[] = {
    { .key = "level", .type = SETTING_STRING, .offset = offsetof(struct log_settings, level),
      .preset = "info", .choices = "debug|info|warn|error", .help = "The least serious events that are logged." },
};

enum { GROUPS = 12 };

/* The groups of the file, aimed at `settings`. */
static void make_groups(struct settings *settings, struct setting_group groups[GROUPS])
{
    const struct setting_group made[GROUPS] = {
        { "database", db_setting_table, db_setting_count, &settings->database,
          "The MariaDB database that holds all state." },
        { "doorbell", doorbell_table, COUNT(doorbell_table), &settings->doorbell,
          "Addresses of the datagrams that say \"look now\"; only latency depends on them." },
        { "api", api_table, COUNT(api_table), &settings->api, "The web workers, sandbox-api." },
        { "limits", limit_table, COUNT(limit_table), &settings->limits,
          "What one client may take; answered with 429 beyond." },
        { "retention", retention_table, COUNT(retention_table), &settings->retention, "How long things are kept." },
        { "node", node_table, COUNT(node_table), &settings->node,
          "What this machine gives to sandboxes; read by sandbox-provisiond." },
        { "runtime", runtime_setting_table, runtime_setting_count, &settings->runtime,
          "How sandboxes are made on this machine." },
        { "storage", storage_setting_table, storage_setting_count, &settings->storage,
          "Where the files of sessions are kept." },
        { "webhooks", webhook_setting_table, webhook_setting_count, &settings->webhooks,
          "Telling a client's callback_url that an execution or session has ended." },
        { "pool", pool_table, COUNT(pool_table), &settings->pool, "Warm containers; how many of each template, its pool says." },
        { "metrics", metrics_table, COUNT(metrics_table), &settings->metrics, "Counters for GET /metrics." },
        { "log", log_table, COUNT(log_table), &settings->log, "The log, one JSON line an event." },
    };
    memcpy(groups, made, sizeof(made));
}

const char *settings_path(const char *path)
{
    if (path)
        return path;
    path = getenv("SANDBOX_CONFIG");
    return path && path[0] ? path : SANDBOX_SYSCONFDIR "/sandbox/sandbox.conf";
}

/* libconfig only says "file I/O error". */
static int check_readable(const char *path, struct err *err)
{
    cleanup_file FILE *file = fopen(path, "re");
    if (file)
        return 0;
    return err_set(err, ERR_INVALID,
                   "The settings file %s cannot be read: %s. 'sandboxctl config sample' writes one; name "
                   "it with --config PATH or SANDBOX_CONFIG.",
                   path, strerror(errno));
}

/* What no single setting's range can say. */
static int check_together(struct settings *settings, const char *path, struct err *err)
{
    if (settings->api.max_waiters >= settings->api.threads)
        return err_set(err, ERR_INVALID,
                       "%s: api.max_waiters must be less than api.threads, or waiting clients would "
                       "leave no thread for others.",
                       path);
    if (strlen(settings->node.id) > 64)
        return err_set(err, ERR_INVALID, "%s: node.id must be at most 64 bytes.", path);
    if (settings->metrics.directory[0] && settings->metrics.directory[0] != '/')
        return err_set(err, ERR_INVALID, "%s: metrics.directory must be an absolute path, or empty.", path);
    if (settings->runtime.directory[0] != '/')
        return err_set(err, ERR_INVALID, "%s: runtime.directory must be an absolute path.", path);
    if (webhook_settings_check(&settings->webhooks, err) != 0)
        return -1;
    return storage_settings_check(&settings->storage, err);
}

/* An installation's paths are known to the build, not to a documented sample. */
static int fill_paths(struct settings *settings, struct err *err)
{
    if (settings->runtime.executor[0])
        return 0;
    char *path = strdup(SANDBOX_LIBEXECDIR "/sandbox-executor");
    if (!path)
        return err_internal(err, 0, "out of memory for a setting");
    free(settings->runtime.executor);
    settings->runtime.executor = path;
    return 0;
}

static int fill_root(struct settings *settings, struct err *err)
{
    settings->workspace_root = storage_root(&settings->storage);
    return settings->workspace_root ? 0 : err_internal(err, 0, "out of memory for a setting");
}

int settings_load(const char *path, struct settings **out, struct err *err)
{
    path = settings_path(path);
    if (check_readable(path, err) != 0)
        return -1;
    cleanup_settings struct settings *settings = calloc(1, sizeof(*settings));
    if (!settings)
        return err_internal(err, 0, "out of memory for settings");
    struct setting_group groups[GROUPS];
    make_groups(settings, groups);
    if (config_load(path, groups, GROUPS, err) != 0 || check_together(settings, path, err) != 0 ||
        fill_paths(settings, err) != 0 || fill_root(settings, err) != 0)
        return -1;
    *out = steal(settings);
    return 0;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    struct setting_group groups[GROUPS];
    make_groups(settings, groups);
    config_release(groups, GROUPS);
    webhook_settings_release(&settings->webhooks);
    free(settings->workspace_root);
    free(settings);
}

void settings_freep(struct settings **settings)
{
    settings_free(*settings);
}

void settings_sample(FILE *out)
{
    struct settings nowhere = { 0 };
    struct setting_group groups[GROUPS];
    make_groups(&nowhere, groups);
    fprintf(out, "# Settings of the sandbox control plane; every binary reads this file.\n"
                 "# Written by 'sandboxctl config sample': each line shows a default, uncomment it to change it.\n\n");
    config_sample(out, groups, GROUPS);
}
