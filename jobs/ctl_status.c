/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl status: how the installation is, on one screen. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/repo/gauge_repo.h"
#include "lib/repo/status_repo.h"
#include "lib/service/health.h"
#include "lib/util/clock.h"
#include "lib/util/json.h"

enum { FAILURES = 5, JSON_OPTION = 0 };

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, text ? json_object_new_string(text) : NULL);
}

static void add_int(struct json_object *object, const char *name, int64_t value)
{
    json_object_object_add(object, name, json_object_new_int64(value));
}

/* To a thousandth. */
static void add_number(struct json_object *object, const char *name, double value)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.3f", value);
    json_object_object_add(object, name, json_raw(text, (size_t)len));
}

static struct json_object *add_object(struct json_object *root, const char *name)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(root, name, object);
    return object;
}

static struct json_object *append_object(struct json_object *array)
{
    struct json_object *object = json_object_new_object();
    json_object_array_add(array, object);
    return object;
}

static struct json_object *add_array(struct json_object *root, const char *name)
{
    struct json_object *array = json_object_new_array();
    json_object_object_add(root, name, array);
    return array;
}

/* --- what is so --- */

static void add_part(struct json_object *root, const char *name, enum health health, double ms, const struct err *problem, const char *detail)
{
    struct json_object *part = add_object(root, name);
    add_text(part, "status", health_name(health));
    add_number(part, "ms", ms);
    add_text(part, "detail", detail);
    add_text(part, "error", health == HEALTH_BAD ? problem->text : NULL);
}

static void add_nodes(struct json_object *root, const struct health_report *report)
{
    struct json_object *nodes = add_array(root, "nodes");
    for (size_t i = 0; i < report->nodes.count; i++) {
        const struct node *node = &report->nodes.items[i];
        struct json_object *object = append_object(nodes);
        bool good = health_of_node(node) == HEALTH_GOOD;
        add_text(object, "node", node->id);
        add_text(object, "status", good ? node->status : "offline");
        add_text(object, "runtime", runtime_type_name(node->runtime_type));
        add_text(object, "isolation", node->isolation);
        add_int(object, "containers", node->used_containers);
        add_int(object, "max_containers", node->max_containers);
        add_number(object, "cpu_used", (double)node->used_cpu_milli / 1000);
        add_number(object, "cpu", (double)node->cpu_milli / 1000);
        add_int(object, "memory_used_mb", node->used_memory_mb);
        add_int(object, "memory_mb", node->memory_mb);
        add_text(object, "error", node->error);
    }
}

static void add_jobs(struct json_object *root, const struct health_report *report)
{
    struct json_object *jobs = add_array(root, "jobs");
    for (size_t i = 0; i < HEALTH_JOBS; i++) {
        const struct job_health *job = &report->jobs[i];
        struct json_object *object = append_object(jobs);
        add_text(object, "job", job->name);
        add_text(object, "status", health_name(job->health));
        json_object_object_add(object, "silent_s", NULL);
        if (job->last)
            add_number(object, "silent_s", (double)job->last->silent_ms / 1000);
        add_int(object, "waiting", (int64_t)job->waiting);
        struct json_object *instances = add_array(object, "instances");
        for (size_t k = 0; k < report->beats.count; k++) {
            const struct job_beat *beat = &report->beats.items[k];
            if (strcmp(beat->name, job->name) == 0 && !beat->waiting && job_alive(beat))
                json_object_array_add(instances, json_object_new_string(beat->instance));
        }
    }
}

static void take_count(void *arg, const char *status, int64_t count)
{
    add_int(arg, status, count);
}

static void take_pool(void *arg, const char *template_id, int64_t warm, int64_t wanted)
{
    struct json_object *object = append_object(arg);
    add_text(object, "template", template_id);
    add_int(object, "warm", warm);
    add_int(object, "wanted", wanted);
}

static void take_failure(void *arg, const char *kind, const char *id, int64_t at, const char *text)
{
    char when[CLOCK_TEXT_SIZE];
    struct json_object *object = append_object(arg);
    clock_format(at, when);
    add_text(object, "at", when);
    add_text(object, "kind", kind);
    add_text(object, "id", id);
    add_text(object, "text", text);
}

static void take_gauge(void *arg, const char *label, double value)
{
    (void)label;
    *(double *)arg = value;
}

static int add_queue(struct json_object *root, struct db *db, struct err *err)
{
    double pending = 0, running = 0, oldest = 0;
    if (gauge_repo_read(db, GAUGE_PENDING, take_gauge, &pending, err) != 0 || gauge_repo_read(db, GAUGE_RUNNING, take_gauge, &running, err) != 0 ||
        gauge_repo_read(db, GAUGE_OLDEST_PENDING, take_gauge, &oldest, err) != 0)
        return -1;
    struct json_object *queue = add_object(root, "queue");
    add_int(queue, "pending", (int64_t)pending);
    add_int(queue, "running", (int64_t)running);
    add_number(queue, "oldest_pending_s", oldest);
    return 0;
}

static int add_rows(struct json_object *root, struct db *db, struct err *err)
{
    struct json_object *sessions = add_object(root, "sessions");
    for (int i = 0; i < SESSION_STATUSES; i++)
        add_int(sessions, session_status_name((enum session_status)i), 0);
    if (status_repo_sessions(db, take_count, sessions, err) != 0 || add_queue(root, db, err) != 0 ||
        status_repo_pools(db, take_pool, add_array(root, "pools"), err) != 0)
        return -1;
    struct json_object *webhooks = add_object(root, "webhooks");
    add_int(webhooks, "waiting", 0);
    return status_repo_webhooks(db, take_count, webhooks, err) != 0 ? -1
         : status_repo_failures(db, FAILURES, take_failure, add_array(root, "failures"), err);
}

static int gather(struct ctl *ctl, struct json_object *root, enum health *out, struct err *err)
{
    cleanup(health_report_release) struct health_report report = { 0 };
    struct status_server server = { 0 };
    struct err ignored = ERR_INIT;
    if (context_open_storage(&ctl->context, err) != 0)
        return -1;
    health_service_report(&ctl->context, &report);
    bool works = report.database == HEALTH_GOOD;
    if (works)
        (void)!status_repo_server(ctl->context.db, &server, &ignored);
    *out = report.overall;
    add_text(root, "status", health_name(report.overall));
    add_text(root, "version", PACKAGE_VERSION);
    add_part(root, "database", report.database, report.database_ms, &report.database_err, server.version);
    add_part(root, "storage", report.storage, report.storage_ms, &report.storage_err, ctl->settings->workspace_root);
    add_nodes(root, &report);
    add_jobs(root, &report);
    return works ? add_rows(root, ctl->context.db, err) : 0;
}

/* --- as text --- */

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

static size_t length(struct json_object *object, const char *name)
{
    struct json_object *array = member(object, name);
    return array ? json_object_array_length(array) : 0;
}

static struct json_object *item(struct json_object *object, const char *name, size_t index)
{
    return json_object_array_get_idx(member(object, name), index);
}

static const char *string(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return value ? json_object_get_string(value) : "";
}

static int64_t number(struct json_object *object, const char *name)
{
    return json_object_get_int64(member(object, name));
}

static double real(struct json_object *object, const char *name)
{
    return json_object_get_double(member(object, name));
}

/* Texts that came from outside must not steer the terminal. */
static void put_plain(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
    putchar('\n');
}

static void print_part(struct json_object *root, const char *name)
{
    struct json_object *part = member(root, name);
    const char *error = string(part, "error");
    printf("%-10s %-10s %.1f ms  ", name, string(part, "status"), real(part, "ms"));
    put_plain(error[0] ? error : string(part, "detail"));
}

static void print_nodes(struct json_object *root)
{
    for (size_t i = 0; i < length(root, "nodes"); i++) {
        struct json_object *node = item(root, "nodes", i);
        printf("%-10s %-10s %s: %" PRId64 " of %" PRId64 " containers, %.1f of %.1f CPUs, %" PRId64 " of %" PRId64 " MiB; ", i ? "" : "nodes",
               string(node, "status"), string(node, "node"), number(node, "containers"), number(node, "max_containers"), real(node, "cpu_used"),
               real(node, "cpu"), number(node, "memory_used_mb"), number(node, "memory_mb"));
        put_plain(string(node, "error")[0] ? string(node, "error") : string(node, "isolation"));
    }
}

static void print_jobs(struct json_object *root)
{
    for (size_t i = 0; i < length(root, "jobs"); i++) {
        struct json_object *job = item(root, "jobs", i);
        printf("%-10s %-10s %s: ", i ? "" : "jobs", string(job, "status"), string(job, "job"));
        if (member(job, "silent_s"))
            printf("%.1f s ago", real(job, "silent_s"));
        else
            printf("never seen");
        for (size_t k = 0; k < length(job, "instances"); k++)
            printf("%s%s", k ? ", " : "; ", json_object_get_string(item(job, "instances", k)));
        if (number(job, "waiting") > 0)
            printf("; %" PRId64 " would take over", number(job, "waiting"));
        putchar('\n');
    }
}

static void print_counts(struct json_object *root, const char *name)
{
    const char *between = "";
    printf("%-10s ", name);
    json_object_object_foreach(member(root, name), status, count)
    {
        printf("%s%s %s", between, json_object_get_string(count), status);
        between = ", ";
    }
    putchar('\n');
}

static void print_rest(struct json_object *root)
{
    struct json_object *queue = member(root, "queue");
    print_counts(root, "sessions");
    printf("%-10s %" PRId64 " pending, %" PRId64 " running, oldest pending %.1f s\n", "queue", number(queue, "pending"),
           number(queue, "running"), real(queue, "oldest_pending_s"));
    for (size_t i = 0; i < length(root, "pools"); i++) {
        struct json_object *pool = item(root, "pools", i);
        printf("%-10s %s: %" PRId64 " warm of %" PRId64 " wanted\n", i ? "" : "pools", string(pool, "template"), number(pool, "warm"),
               number(pool, "wanted"));
    }
    print_counts(root, "webhooks");
    for (size_t i = 0; i < length(root, "failures"); i++) {
        struct json_object *failure = item(root, "failures", i);
        printf("%-10s %s %s %s: ", i ? "" : "failures", string(failure, "at"), string(failure, "kind"), string(failure, "id"));
        put_plain(string(failure, "text"));
    }
}

static void print_screen(struct json_object *root)
{
    printf("sandbox %s: %s\n", string(root, "version"), string(root, "status"));
    print_part(root, "database");
    print_part(root, "storage");
    print_nodes(root);
    print_jobs(root);
    if (member(root, "queue"))
        print_rest(root);
}

int ctl_status(struct ctl *ctl, struct err *err)
{
    cleanup_json struct json_object *root = json_object_new_object();
    enum health overall = HEALTH_BAD;
    int result = root ? gather(ctl, root, &overall, err) : err_internal(err, 0, "out of memory");
    context_close_storage(&ctl->context);
    if (result != 0)
        return -1;
    ctl->unwell = overall != HEALTH_GOOD;
    if (ctl->options[JSON_OPTION])
        puts(json_text(root));
    else
        print_screen(root);
    return 0;
}
