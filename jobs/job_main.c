/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every job. */
#include "jobs/job_main.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "jobs/job_frame.h"
#include "lib/io/doorbell.h"
#include "lib/service/metrics.h"
#include "lib/util/clock.h"

enum {
    PAUSE_FIRST_MS = 100, /* after a failed step */
    PAUSE_LONGEST_MS = 2000,
    REMIND_MS = 60000, /* a failure that goes on is said again this often */
};

/* What came of a turn. */
enum turn { TURN_FAILED, TURN_IDLE, TURN_BUSY, TURN_WAITED, TURN_USELESS };

void job_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    if (err)
        log_err(level, event, err, id_name, id);
    else
        log_event(level, event, LOG_STR(id_name ? id_name : "id", id));
}

static int open_signals(struct frame *frame, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_internal(err, errno, "sigprocmask");
    frame->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return frame->signals >= 0 ? 0 : err_internal(err, errno, "signalfd");
}

static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* A job works without them as well. */
static void open_metrics(struct job *job)
{
    struct err err = ERR_INIT;
    job->metrics = metrics_service_open(job->settings, job->definition->name, &err);
    if (err.code != ERR_NONE)
        job_report(LOG_LEVEL_WARN, "metrics are not counted", &err, NULL, NULL);
}

static int frame_open(struct frame *frame, struct err *err)
{
    struct job *job = &frame->job;
    struct settings *settings = NULL;
    if (settings_load(frame->options.config, &settings, err) != 0)
        return -1;
    job->settings = settings;
    log_setup(job->definition->name, (enum log_level)log_level_parse(settings->log.level));
    raise_limits();
    if (gethostname(frame->host, sizeof(frame->host) - 1) != 0)
        frame->host[sizeof(frame->host) - 1] = '\0'; /* cut off */
    if (open_signals(frame, err) != 0)
        return -1;
    job->db = db_new(&settings->database);
    if (!job->db)
        return err_internal(err, ENOMEM, "making a database connection");
    open_metrics(job);
    return 0;
}

static void frame_close(struct frame *frame)
{
    struct job *job = &frame->job;
    if (job->state && job->definition->close)
        job->definition->close(job);
    job_sign_say(frame, 0, true);
    job_sign_forget_waiting(frame);
    db_free(job->db);
    metrics_close(job->metrics);
    cleanup_close_fd(&job->doorbell);
    cleanup_close_fd(&frame->signals);
    cleanup_close_fd(&frame->lock);
    settings_free((struct settings *)job->settings);
}

/* Says a failure when it begins or changes, and now and then while it goes on. */
static void note_failure(struct frame *frame, const struct err *err)
{
    int64_t now = clock_mono_ms();
    metrics_job_failed(frame->job.metrics, frame->job.definition->name);
    frame->pause_ms = frame->pause_ms ? frame->pause_ms * 2 : PAUSE_FIRST_MS;
    if (frame->pause_ms > PAUSE_LONGEST_MS)
        frame->pause_ms = PAUSE_LONGEST_MS;
    frame->paused_until_ms = now + frame->pause_ms;
    if (frame->failing == ERR_NONE)
        frame->failing_since_ms = now;
    snprintf(frame->failure, sizeof(frame->failure), "%s", err->text);
    if (frame->failing == err->code && now < frame->remind_ms)
        return;
    job_report(LOG_LEVEL_ERROR, "step failed, will be tried again", err, NULL, NULL);
    frame->failing = err->code;
    frame->remind_ms = now + REMIND_MS;
}

static void note_success(struct frame *frame)
{
    if (frame->failing != ERR_NONE)
        job_report(LOG_LEVEL_INFO, "steps succeed again", NULL, NULL, NULL);
    frame->failing = ERR_NONE;
    frame->pause_ms = 0;
    frame->paused_until_ms = 0;
}

static enum turn step(struct frame *frame, struct err *err)
{
    struct job *job = &frame->job;
    int64_t begun = clock_mono_ms();
    enum job_step result = job->definition->step(job, err);
    job_sign_say(frame, clock_mono_ms() - begun, false);
    if (result == JOB_STEP_FAILED)
        return TURN_FAILED;
    job->rung = job->due = false;
    return result == JOB_STEP_BUSY ? TURN_BUSY : TURN_IDLE;
}

static enum turn work(struct frame *frame, struct err *err)
{
    enum job_place place = job_place_take(frame, err);
    if (place == JOB_PLACE_USELESS)
        return TURN_USELESS;
    if (place == JOB_PLACE_WAITS && frame->options.once)
        return TURN_WAITED;
    if (place == JOB_PLACE_FAILED || job_sign_beat(frame, err) != 0)
        return TURN_FAILED;
    return place == JOB_PLACE_WORKS ? step(frame, err) : TURN_WAITED;
}

static enum turn turn(struct frame *frame)
{
    struct err err = ERR_INIT;
    int64_t now = clock_mono_ms();
    if (now < frame->paused_until_ms)
        return TURN_FAILED;
    if (now >= frame->step_due_ms) {
        frame->job.due = true;
        frame->step_due_ms = now + frame->options.every_ms;
    }
    enum turn result = work(frame, &err);
    if (result == TURN_FAILED)
        note_failure(frame, &err);
    else if (result == TURN_USELESS)
        job_report(LOG_LEVEL_ERROR, "cannot start", &err, NULL, NULL);
    else
        note_success(frame);
    return result;
}

static int time_left(const struct frame *frame)
{
    int64_t now = clock_mono_ms();
    int64_t due = frame->beat_due_ms < frame->step_due_ms ? frame->beat_due_ms : frame->step_due_ms;
    if (!frame->working && due > now + JOB_STANDBY_MS)
        due = now + JOB_STANDBY_MS;
    if (frame->paused_until_ms)
        due = frame->paused_until_ms;
    int64_t left = due - now;
    return left < 0 ? 0 : left > JOB_BEAT_MS ? JOB_BEAT_MS : (int)left;
}

static void take_signal(struct frame *frame)
{
    struct signalfd_siginfo signal_info;
    while (read(frame->signals, &signal_info, sizeof(signal_info)) == (ssize_t)sizeof(signal_info))
        frame->stopping = true;
}

int job_keep_alive(struct job *job, struct err *err)
{
    struct frame *frame = (struct frame *)job;
    take_signal(frame);
    if (frame->stopping)
        return err_set(err, ERR_UNAVAILABLE, "The job is ending.");
    return job_sign_beat(frame, err);
}

bool job_stopping(const struct job *job)
{
    return ((const struct frame *)job)->stopping;
}

/* Bounded, as doorbell_drain() is: a flood of datagrams must not keep the job from its work. */
static void hear(struct job *job)
{
    enum { TEXTS_MAX = 4096 };
    char text[DOORBELL_TEXT_MAX + 1];
    if (!job->definition->hear)
        job->rung |= doorbell_drain(job->doorbell) > 0;
    else
        for (int i = 0; i < TEXTS_MAX && doorbell_take(job->doorbell, text); i++)
            job->rung |= job->definition->hear(job, text);
}

static void wait_for_work(struct frame *frame)
{
    struct job *job = &frame->job;
    struct err err = ERR_INIT;
    /* while paused a ring changes nothing: it is heard afterwards */
    struct pollfd fds[] = {
        { .fd = frame->signals, .events = POLLIN },
        { .fd = job->doorbell, .events = POLLIN },
    };
    unsigned count = frame->paused_until_ms || !frame->working ? 1 : 2;
    if (!job->definition->wait || !frame->working) {
        poll(fds, count, time_left(frame));
    } else if (job->definition->wait(job, fds, count, time_left(frame), &err) != 0) {
        note_failure(frame, &err);
        poll(fds, 1, PAUSE_FIRST_MS); /* it may fail without having waited */
    }
    if (fds[0].revents)
        take_signal(frame);
    if (fds[1].revents)
        hear(job);
}

/* With --once the first turn that leaves nothing to do is the last one. */
static int frame_loop(struct frame *frame)
{
    for (;;) {
        enum turn result = turn(frame);
        if (result == TURN_USELESS || (frame->options.once && result == TURN_FAILED))
            return JOB_EXIT_FAILED;
        if (frame->options.once && result == TURN_WAITED)
            log_event(LOG_LEVEL_INFO, "another one is at work");
        if (frame->options.once && result != TURN_BUSY)
            return JOB_EXIT_OK;
        if (!frame->stopping)
            wait_for_work(frame);
        if (frame->stopping)
            return JOB_EXIT_OK;
    }
}

int job_run(const struct job_definition *definition, int argc, char **argv)
{
    struct frame frame = {
        .job = { .definition = definition, .doorbell = -1 },
        .signals = -1,
        .lock = -1,
        .started_ms = clock_mono_ms(),
    };
    struct err err = ERR_INIT;
    int status = JOB_EXIT_FAILED;
    log_setup(definition->name, LOG_LEVEL_INFO);
    if (job_options_read(definition, argc, argv, &frame.options, &status) != 0)
        return status;
    frame.job.once = frame.options.once;
    if (frame_open(&frame, &err) != 0) {
        job_report(LOG_LEVEL_ERROR, "cannot start", &err, NULL, NULL);
    } else {
        status = frame_loop(&frame);
        log_event(LOG_LEVEL_INFO, "ended", LOG_INT("status", status));
    }
    frame_close(&frame);
    return status;
}
