/* SPDX-License-Identifier: Apache-2.0 */
/* Signs of life: the beat in the database, and the line of what was done. */
#include <string.h>

#include "jobs/job_frame.h"
#include "lib/repo/node_repo.h"
#include "lib/util/clock.h"

enum { ONCE_INTERVAL_MS = 60000 /* how often a job that runs by timer is expected, unless --every says it */ };

static int64_t beat_interval(const struct frame *frame)
{
    int64_t silence_ms = frame->job.definition->silence_ms;
    if (frame->options.once)
        return frame->options.every_given ? frame->options.every_ms : ONCE_INTERVAL_MS;
    return silence_ms > JOB_BEAT_MS && frame->working ? silence_ms : JOB_BEAT_MS;
}

int job_sign_beat(struct frame *frame, struct err *err)
{
    const struct job *job = &frame->job;
    int64_t now = clock_mono_ms();
    if (now < frame->beat_due_ms)
        return 0;
    struct job_beat sign = {
        .pid = getpid(),
        .running_ms = now - frame->started_ms,
        .interval_ms = beat_interval(frame),
        .waiting = !frame->working,
    };
    if (frame->failing != ERR_NONE && now - frame->failing_since_ms >= JOB_FAILING_MS)
        snprintf(sign.error, sizeof(sign.error), "%s", frame->failure);
    /* a row of its own: it must not hide the one that works, or that nobody does */
    if (!frame->working)
        snprintf(frame->waits_as, sizeof(frame->waits_as), "%s:%s:%d", frame->host, job->definition->name, (int)getpid());
    snprintf(sign.name, sizeof(sign.name), "%s", job->definition->name);
    snprintf(sign.instance, sizeof(sign.instance), "%s", frame->working ? frame->beat_as : frame->waits_as);
    if (job_repo_beat(job->db, &sign, err) != 0)
        return -1;
    frame->beat_due_ms = now + JOB_BEAT_MS;
    return 0;
}

void job_sign_forget_waiting(struct frame *frame)
{
    struct err unseen = ERR_INIT; /* else it goes with the rows of a day ago */
    if (frame->waits_as[0] && job_repo_forget(frame->job.db, frame->waits_as, &unseen) == 0)
        frame->waits_as[0] = '\0';
}

void job_did(struct job *job, const char *what, int64_t count)
{
    struct frame *frame = (struct frame *)job;
    struct log_field *field = frame->did, *end = frame->did + frame->did_count;
    while (field < end && strcmp(field->name, what) != 0)
        field++;
    if (count == 0 || field == frame->did + JOB_DID_MAX)
        return;
    if (field == end) {
        *field = LOG_INT(what, 0);
        frame->did_count++;
    }
    field->number += count;
}

void job_sign_say(struct frame *frame, int64_t took_ms, bool last)
{
    int64_t now = clock_mono_ms();
    if (frame->did_count == 0 || (now < frame->say_due_ms && !last))
        return;
    int64_t every_ms = frame->job.definition->say_ms;
    size_t count = frame->did_count;
    if (every_ms == 0)
        frame->did[count++] = LOG_INT("took_ms", took_ms);
    frame->did[count] = (struct log_field){ 0 };
    log_write(LOG_LEVEL_INFO, "done", frame->did);
    frame->did_count = 0;
    frame->say_due_ms = now + every_ms;
}
