/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every job: options, settings, log, signals, doorbell, sign of life, and the loop around its steps. */
#ifndef SANDBOX_JOBS_JOB_MAIN_H
#define SANDBOX_JOBS_JOB_MAIN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/io/db.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

enum job_exit { JOB_EXIT_OK = 0, JOB_EXIT_FAILED = 1, JOB_EXIT_USAGE = 64 };

/* A running job, as its functions see it. */
struct job {
    const struct job_definition *definition;
    const struct settings *settings;
    struct db *db;      /* connects when first used */
    int doorbell;       /* bound as the definition says, or -1; good to ring from in any case */
    char bell[64];      /* where it can be rung; "": nowhere, for it will soon be gone (--once) */
    char instance[65];  /* "HOST:dispatchd:7101": one process that works a name */
    bool once;          /* end as soon as a step says that there is nothing more to do */
    bool rung;          /* somebody rang since the last step that succeeded */
    bool due;           /* the interval is over */
    struct metrics *metrics; /* NULL: nothing is counted */
    void *state;        /* the job's own, made by open, released by close */
};

enum job_step {
    JOB_STEP_FAILED = -1, /* with err: tried again after a pause; said once in the log */
    JOB_STEP_IDLE = 0,
    JOB_STEP_BUSY = 1, /* --once must not end yet */
};

struct job_definition {
    const char *name;    /* "dispatchd" */
    const char *summary; /* a sentence for --help */
    int64_t interval_ms; /* between steps when nothing rings */
    int64_t silence_ms;  /* a step may keep it from beating for so long; 0: steps are short */
    int64_t say_ms;      /* what job_did() counted is told once in so long; 0: after each step */
    /* One works, the others wait until it has gone, beat as waiting, and call neither open nor step. Who has neither flag shares its
     * work, but for its doorbell's address: that is one process's alone as well. */
    bool one_a_node;     /* by a lock file in runtime.directory */
    bool one_of_all;     /* by a lock of the database, which ends with the connection */
    /* Address to be rung at; NULL: nobody rings. */
    const char *(*doorbell)(const struct settings *settings);
    /* What was said at the doorbell, text by text: whether that is a ring for the step (NULL: everything is). A step follows in any case. */
    bool (*hear)(struct job *job, const char *text);
    /* Each may be NULL but step. open comes when it is to work; failing, it ends the program. */
    int (*open)(struct job *job, struct err *err);
    enum job_step (*step)(struct job *job, struct err *err);
    /* Instead of poll(2): waits for `fds` and for whatever the job itself waits for. */
    int (*wait)(struct job *job, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err);
    void (*close)(struct job *job);
};

/* Runs the job until SIGTERM or SIGINT (or, with --once, until there is nothing to do, or another one is at work); the exit status. */
int job_run(const struct job_definition *definition, int argc, char **argv);

/* Within a long step, now and then: the sign of life, and -1 with err when the job is to end or the database is away. */
int job_keep_alive(struct job *job, struct err *err);
/* Counts what a step did, under a literal's name ("expired"): the frame logs one line of it, "done", and none when all was nothing. */
void job_did(struct job *job, const char *what, int64_t count);
/* A signal said that it is to end. */
bool job_stopping(const struct job *job);

/* A report_fn that logs. */
void job_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id);

#endif
