/* SPDX-License-Identifier: Apache-2.0 */
/* How the installation is: each part is looked at when asked, and the report says how long the look took. */
#ifndef SANDBOX_SERVICE_HEALTH_H
#define SANDBOX_SERVICE_HEALTH_H

#include "lib/repo/list.h"
#include "lib/service/context.h"

enum health {
    HEALTH_GOOD,     /* "healthy" */
    HEALTH_DEGRADED, /* works, but something that should be there is not */
    HEALTH_BAD,      /* "unhealthy": requests will fail or hang */
};
const char *health_name(enum health health);

enum { NODE_SILENT_MS = 15000 }; /* a node that was not heard of for longer is offline */

/* Good, or bad: silent or offline. */
enum health health_of_node(const struct node *node);

/* One kind of job; several instances may run. */
struct job_health {
    const char *name;
    enum health health;
    const struct job_beat *last; /* the latest beat of any instance that works; NULL: never seen */
    size_t waiting;              /* instances that would take over */
};
/* It has beaten within its last intervals. */
bool job_alive(const struct job_beat *beat);
enum { HEALTH_JOBS = 7 };

struct health_report {
    enum health overall;
    enum health database;
    struct err database_err; /* when it is bad */
    enum health storage;
    struct err storage_err;
    double database_ms, storage_ms, nodes_ms, jobs_ms; /* what each look took */
    int64_t seen_ms; /* when nodes and jobs were judged, by the database's clock; 0: it did not answer */
    struct node_list nodes;
    struct job_list beats;
    struct job_health jobs[HEALTH_JOBS];
};

/* Whether the database answers, and how long it took. Returns 0 or -1 with the error. */
int health_service_ping(const struct context *context, double *took_ms_out, struct err *err) must_use;
/* The names of the jobs that an installation runs, 0 to HEALTH_JOBS - 1. */
const char *health_job(size_t index);
/* Looks at everything. Never fails: what cannot be seen is bad. */
void health_service_report(const struct context *context, struct health_report *out);
void health_report_release(struct health_report *report);

#endif
