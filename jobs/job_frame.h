/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the frame: what it keeps, and the parts it is made of. */
#ifndef SANDBOX_JOBS_JOB_FRAME_H
#define SANDBOX_JOBS_JOB_FRAME_H

#include "jobs/job_main.h"
#include "jobs/job_options.h"
#include "lib/io/doorbell.h"
#include "lib/util/log.h"

enum {
    JOB_HOST_SIZE = 41,
    JOB_DID_MAX = 12,
    JOB_STANDBY_MS = 500, /* how often one that waits looks again, at most */
    JOB_BEAT_MS = 2000,
    JOB_FAILING_MS = 6000, /* then the beat says so */
};

/* A job is the first member of its frame. */
struct frame {
    struct job job;
    struct job_options options;
    int signals; /* signalfd */
    int lock;    /* of the lock file */
    bool stopping;
    bool opened;
    bool working;      /* it has what only one may have, and is open */
    bool said_waiting; /* in the log */
    int64_t started_ms; /* monotonic */
    char host[JOB_HOST_SIZE];
    char beat_as[65];  /* the instance, but for --once: all of those share one row */
    char waits_as[65]; /* row of a process that waits; "": it has none */
    int64_t beat_due_ms, step_due_ms; /* monotonic */
    int64_t paused_until_ms, pause_ms;
    enum err_code failing; /* the failure that was said in the log; ERR_NONE: none */
    int64_t remind_ms, failing_since_ms;
    char failure[320]; /* what it was */
    struct log_field did[JOB_DID_MAX + 2]; /* since the last line; room for the time it took, and the end */
    size_t did_count;
    int64_t say_due_ms;
};

/* Whether this process is the one that works; if not, `err` says what keeps it from that. Asked before each step: a lock of the database
 * may be lost. The first time it opens the doorbell and the job itself. */
enum job_place { JOB_PLACE_FAILED = -1, JOB_PLACE_WAITS, JOB_PLACE_WORKS, JOB_PLACE_USELESS /* open failed: end */ };
enum job_place job_place_take(struct frame *frame, struct err *err) must_use;

/* The sign of life, when it is due. */
int job_sign_beat(struct frame *frame, struct err *err) must_use;
/* The row of one that waited goes. */
void job_sign_forget_waiting(struct frame *frame);
/* The line of what was done since the last one, when there is something to say and its time has come; `last`: it has in any case. */
void job_sign_say(struct frame *frame, int64_t took_ms, bool last);

#endif
