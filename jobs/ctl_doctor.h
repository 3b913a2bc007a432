/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl doctor: its checks, each of which says what it found and what to do about it. */
#ifndef SANDBOX_JOBS_CTL_DOCTOR_H
#define SANDBOX_JOBS_CTL_DOCTOR_H

#include "jobs/ctl.h"

struct json_object;

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    struct ctl *ctl;
    const char *url;           /* of the web tier, or NULL */
    struct json_object *lines; /* NULL: printed as they come */
    bool database;             /* it answers */
    int counts[DOCTOR_FAIL + 1];
};

/* One finding: `next` is what to do, NULL when all is well. */
void doctor_say(struct doctor *doctor, enum doctor_level level, const char *part, const char *next, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ctl_doctor_database.c */
void doctor_database(struct doctor *doctor);
void doctor_privileges(struct doctor *doctor);
void doctor_schema(struct doctor *doctor);
void doctor_server(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
/* ctl_doctor_host.c */
void doctor_storage(struct doctor *doctor);
void doctor_runtime_directory(struct doctor *doctor);
void doctor_executor(struct doctor *doctor);
void doctor_engine(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);
void doctor_files(struct doctor *doctor);
void doctor_doorbells(struct doctor *doctor);
/* ctl_doctor_parts.c */
void doctor_jobs(struct doctor *doctor);
void doctor_programs(struct doctor *doctor);
void doctor_nodes(struct doctor *doctor);
void doctor_images(struct doctor *doctor);
void doctor_web(struct doctor *doctor);

#endif
