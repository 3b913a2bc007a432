/* SPDX-License-Identifier: Apache-2.0 */
/* The options that every job knows. */
#ifndef SANDBOX_JOBS_JOB_OPTIONS_H
#define SANDBOX_JOBS_JOB_OPTIONS_H

#include "jobs/job_main.h"

struct job_options {
    const char *config;  /* NULL: the usual place */
    bool once;
    int64_t every_ms;    /* between steps; with --once: how often it is started */
    bool every_given;
};

/* 0: run; else the process ends with *exit_out (help and version are said on stdout, misuse on stderr). */
int job_options_read(const struct job_definition *definition, int argc, char **argv, struct job_options *out,
                     int *exit_out);

#endif
