/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the database, storage, the nodes and the jobs by what they say now. */
#include "lib/service/health.h"

#include <string.h>

#include "lib/repo/clock_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/storage/storage.h"
#include "lib/util/clock.h"

enum { SILENT_INTERVALS = 3 };

/* Which jobs an installation runs, and whether executions come to an end without them. */
static const struct {
    const char *name;
    bool needed;
} expected_jobs[HEALTH_JOBS] = {
    { "dispatchd", true },
    { "provisiond", true },
    { "reap", false },
    { "pool", false },
    { "purge", false },
    { "probe", false },
    { "webhookd", false },
};

const char *health_job(size_t index)
{
    return expected_jobs[index].name;
}

const char *health_name(enum health health)
{
    static const char *const names[] = { "healthy", "degraded", "unhealthy" };
    return names[health];
}

static double ms_since(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) / 1000;
}

static enum health worse(enum health a, enum health b)
{
    return a > b ? a : b;
}

int health_service_ping(const struct context *context, double *took_ms_out, struct err *err)
{
    int64_t start = clock_mono_us();
    int status = db_ping(context->db, err);
    *took_ms_out = ms_since(start);
    return status;
}

enum health health_of_node(const struct node *node)
{
    if (node->silent_ms > NODE_SILENT_MS || strcmp(node->status, "offline") == 0)
        return HEALTH_BAD;
    return HEALTH_GOOD;
}

/* One node that works is enough; each that does not degrades. */
static enum health look_at_nodes(const struct context *context, struct health_report *report)
{
    struct err err = ERR_INIT;
    int64_t start = clock_mono_us();
    int status = node_repo_list(context->db, &report->nodes, &err);
    report->nodes_ms = ms_since(start);
    if (status != 0)
        return HEALTH_BAD;
    size_t good = 0;
    for (size_t i = 0; i < report->nodes.count; i++)
        good += health_of_node(&report->nodes.items[i]) == HEALTH_GOOD;
    if (good == 0)
        return HEALTH_BAD;
    return good < report->nodes.count ? HEALTH_DEGRADED : HEALTH_GOOD;
}

bool job_alive(const struct job_beat *beat)
{
    return beat->silent_ms <= SILENT_INTERVALS * beat->interval_ms;
}

/* Those that wait for another one to go do not stand for it. */
static void find_beats(const struct job_list *beats, struct job_health *job)
{
    for (size_t i = 0; i < beats->count; i++) {
        const struct job_beat *beat = &beats->items[i];
        if (strcmp(beat->name, job->name) != 0)
            continue;
        if (beat->waiting)
            job->waiting += job_alive(beat);
        else if (!job->last || beat->silent_ms < job->last->silent_ms)
            job->last = beat;
    }
}

static enum health look_at_jobs(const struct context *context, struct health_report *report)
{
    struct err err = ERR_INIT;
    int64_t start = clock_mono_us();
    int status = job_repo_list(context->db, &report->beats, &err);
    report->jobs_ms = ms_since(start);
    enum health overall = status == 0 ? HEALTH_GOOD : HEALTH_BAD;
    for (size_t i = 0; i < HEALTH_JOBS; i++) {
        struct job_health *job = &report->jobs[i];
        job->name = expected_jobs[i].name;
        find_beats(&report->beats, job);
        bool alive = job->last && job_alive(job->last);
        job->health = !alive ? HEALTH_BAD : job->last->error[0] ? HEALTH_DEGRADED : HEALTH_GOOD;
        overall = worse(overall, alive ? job->health : HEALTH_GOOD);
        if (!alive)
            overall = worse(overall, expected_jobs[i].needed ? HEALTH_BAD : HEALTH_DEGRADED);
    }
    return overall;
}

static enum health look_at_storage(const struct context *context, struct health_report *report)
{
    int64_t start = clock_mono_us();
    report->storage = storage_check(context->storage, &report->storage_err) == 0 ? HEALTH_GOOD : HEALTH_BAD;
    report->storage_ms = ms_since(start);
    return report->storage;
}

void health_service_report(const struct context *context, struct health_report *out)
{
    *out = (struct health_report){ 0 };
    enum health storage = look_at_storage(context, out);
    if (health_service_ping(context, &out->database_ms, &out->database_err) != 0 ||
        clock_repo_now(context->db, &out->seen_ms, &out->database_err) != 0) {
        out->overall = out->database = HEALTH_BAD; /* the rest is in there */
        for (size_t i = 0; i < HEALTH_JOBS; i++)
            out->jobs[i] = (struct job_health){ .name = expected_jobs[i].name, .health = HEALTH_BAD };
        return;
    }
    enum health nodes = look_at_nodes(context, out);
    out->overall = worse(worse(storage, nodes), look_at_jobs(context, out));
}

void health_report_release(struct health_report *report)
{
    node_list_release(&report->nodes);
    job_list_release(&report->beats);
}
