/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every job. */
#include "jobs/job_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "jobs/job_options.h"
#include "lib/io/doorbell.h"
#include "lib/repo/node_repo.h"
#include "lib/service/metrics.h"
#include "lib/util/clock.h"

enum {
    BEAT_INTERVAL_MS = 2000,
    ONCE_INTERVAL_MS = 60000, /* how often a job that runs by timer is expected */
    PAUSE_FIRST_MS = 100,     /* after a failed step */
    PAUSE_LONGEST_MS = 2000,
    REMIND_MS = 60000, /* a failure that goes on is said again this often */
    HOST_MAX = 40,
};

/* Everything the frame itself keeps. */
struct frame {
    struct job job;
    struct job_options options;
    int signals; /* signalfd */
    int lock;
    bool stopping;
    int64_t started_at;
    char beat_as[65]; /* the instance, but for --once: all of those share one row */
    int64_t beat_due_ms, step_due_ms; /* monotonic */
    int64_t paused_until_ms, pause_ms;
    enum err_code failing; /* the failure that was said in the log; ERR_NONE: none */
    int64_t remind_ms;
};

void job_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    if (err)
        log_err(level, event, err, id_name, id);
    else
        log_event(level, event, LOG_STR(id_name ? id_name : "id", id));
}

/* The directory and what leads to it; that it cannot be made shows when it is used. */
static void make_directory(const char *directory)
{
    char path[512];
    snprintf(path, sizeof(path), "%s", directory);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    mkdir(path, 0711);
}

/* One instance a node, for jobs that own what is on it. */
static int take_lock(struct frame *frame, struct err *err)
{
    char path[512];
    const char *directory = frame->job.settings->runtime.directory;
    if (!frame->job.definition->one_a_node)
        return 0;
    make_directory(directory);
    snprintf(path, sizeof(path), "%s/%s.lock", directory, frame->job.definition->name);
    frame->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (frame->lock < 0)
        return err_internal(err, errno, "lock file %s", path);
    /* of the process: a child that was just forked does not keep it when we are killed */
    const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(frame->lock, F_SETLK, &whole) != 0)
        return err_set(err, ERR_CONFLICT, "Another sandbox-%s is at work on this node (lock %s).",
                       frame->job.definition->name, path);
    return 0;
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

/* With --once the address is left to the process that may be running; a throw-away socket still rings others. */
static int open_doorbell(struct frame *frame, char bound[DOORBELL_ADDRESS_SIZE], struct err *err)
{
    const struct job_definition *definition = frame->job.definition;
    const char *address = "127.0.0.1:0";
    if (definition->doorbell && !frame->options.once)
        address = definition->doorbell(frame->job.settings);
    frame->job.doorbell = doorbell_open(address, bound, err);
    return frame->job.doorbell >= 0 ? 0 : err_wrap(err, "doorbell %s", address);
}

static void name_instance(struct frame *frame, const char *bound)
{
    struct job *job = &frame->job;
    char host[256] = "localhost", own[16] = "";
    const char *port = strrchr(bound, ':');
    gethostname(host, sizeof(host) - 1);
    bool alone = job->definition->one_a_node;
    if (!alone && frame->options.once)
        snprintf(own, sizeof(own), ":%d", (int)getpid());
    else if (!alone && job->definition->doorbell && port)
        snprintf(own, sizeof(own), "%s", port);
    snprintf(job->instance, sizeof(job->instance), "%.*s:%s%s", HOST_MAX, host, job->definition->name, own);
    snprintf(frame->beat_as, sizeof(frame->beat_as), "%.*s:%s%s", HOST_MAX, host, job->definition->name,
             frame->options.once ? ":once" : own);
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
    char bound[DOORBELL_ADDRESS_SIZE] = "";
    struct settings *settings = NULL;
    if (settings_load(frame->options.config, &settings, err) != 0)
        return -1;
    job->settings = settings;
    log_setup(job->definition->name, (enum log_level)log_level_parse(settings->log.level));
    raise_limits();
    if (open_signals(frame, err) != 0 || take_lock(frame, err) != 0 || open_doorbell(frame, bound, err) != 0)
        return -1;
    name_instance(frame, bound);
    job->db = db_new(&settings->database);
    if (!job->db)
        return err_internal(err, ENOMEM, "making a database connection");
    open_metrics(job);
    return job->definition->open ? job->definition->open(job, err) : 0;
}

static void frame_close(struct frame *frame)
{
    struct job *job = &frame->job;
    if (job->state && job->definition->close)
        job->definition->close(job);
    db_free(job->db);
    metrics_close(job->metrics);
    cleanup_close_fd(&job->doorbell);
    cleanup_close_fd(&frame->signals);
    cleanup_close_fd(&frame->lock);
    settings_free((struct settings *)job->settings);
}

static int64_t beat_interval(const struct frame *frame)
{
    int64_t silence_ms = frame->job.definition->silence_ms;
    if (frame->options.once)
        return ONCE_INTERVAL_MS;
    return silence_ms > BEAT_INTERVAL_MS ? silence_ms : BEAT_INTERVAL_MS;
}

static int beat(struct frame *frame, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < frame->beat_due_ms)
        return 0;
    struct job_beat sign = {
        .pid = getpid(),
        .started_at = frame->started_at,
        .interval_ms = beat_interval(frame),
    };
    snprintf(sign.name, sizeof(sign.name), "%s", frame->job.definition->name);
    snprintf(sign.instance, sizeof(sign.instance), "%s", frame->beat_as);
    if (job_repo_beat(frame->job.db, &sign, err) != 0)
        return -1;
    frame->beat_due_ms = now + BEAT_INTERVAL_MS;
    return 0;
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

static enum job_step turn(struct frame *frame)
{
    struct job *job = &frame->job;
    struct err err = ERR_INIT;
    int64_t now = clock_mono_ms();
    if (now < frame->paused_until_ms)
        return JOB_STEP_FAILED;
    if (now >= frame->step_due_ms) {
        job->due = true;
        frame->step_due_ms = now + frame->options.interval_ms;
    }
    enum job_step result = JOB_STEP_FAILED;
    if (beat(frame, &err) == 0)
        result = job->definition->step(job, &err);
    if (result == JOB_STEP_FAILED) {
        note_failure(frame, &err);
        return result;
    }
    job->rung = job->due = false;
    note_success(frame);
    return result;
}

static int time_left(const struct frame *frame)
{
    int64_t due = frame->beat_due_ms < frame->step_due_ms ? frame->beat_due_ms : frame->step_due_ms;
    if (frame->paused_until_ms)
        due = frame->paused_until_ms;
    int64_t left = due - clock_mono_ms();
    return left < 0 ? 0 : left > BEAT_INTERVAL_MS ? BEAT_INTERVAL_MS : (int)left;
}

static void take_signal(struct frame *frame)
{
    struct signalfd_siginfo signal_info;
    while (read(frame->signals, &signal_info, sizeof(signal_info)) == (ssize_t)sizeof(signal_info))
        frame->stopping = true;
}

/* A job is the first member of its frame. */
int job_keep_alive(struct job *job, struct err *err)
{
    struct frame *frame = (struct frame *)job;
    take_signal(frame);
    if (frame->stopping)
        return err_set(err, ERR_UNAVAILABLE, "The job is ending.");
    return beat(frame, err);
}

bool job_stopping(const struct job *job)
{
    return ((const struct frame *)job)->stopping;
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
    unsigned count = frame->paused_until_ms ? 1 : 2;
    if (!job->definition->wait) {
        poll(fds, count, time_left(frame));
    } else if (job->definition->wait(job, fds, count, time_left(frame), &err) != 0) {
        note_failure(frame, &err);
        poll(fds, 1, PAUSE_FIRST_MS); /* it may fail without having waited */
    }
    if (fds[0].revents)
        take_signal(frame);
    if (fds[1].revents && doorbell_drain(job->doorbell) > 0)
        job->rung = true;
}

static int frame_loop(struct frame *frame)
{
    for (;;) {
        enum job_step result = turn(frame);
        if (frame->options.once && result != JOB_STEP_BUSY)
            return result == JOB_STEP_IDLE ? JOB_EXIT_OK : JOB_EXIT_FAILED;
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
        .started_at = clock_wall_ms(),
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
        log_event(LOG_LEVEL_INFO, "started", LOG_STR("instance", frame.job.instance));
        status = frame_loop(&frame);
        log_event(LOG_LEVEL_INFO, "ended", LOG_INT("status", status));
    }
    frame_close(&frame);
    return status;
}
