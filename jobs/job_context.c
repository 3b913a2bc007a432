/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a service context from a job. */
#include "jobs/job_context.h"

#include <stdio.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"

void job_context(const struct job *job, struct context *out)
{
    *out = (struct context){
        .db = job->db,
        .settings = job->settings,
        .doorbell = job->doorbell,
        .now_ms = clock_mono_ms,
        .random_id = id_random,
        .metrics = job->metrics,
    };
    snprintf(out->actor.name, sizeof(out->actor.name), "sandbox-%s", job->definition->name);
}
