/* SPDX-License-Identifier: Apache-2.0 */
/* A job as the services see it. */
#ifndef SANDBOX_JOBS_JOB_CONTEXT_H
#define SANDBOX_JOBS_JOB_CONTEXT_H

#include "jobs/job_main.h"
#include "lib/service/context.h"

void job_context(const struct job *job, struct context *out);

#endif
