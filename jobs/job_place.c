/* SPDX-License-Identifier: Apache-2.0 */
/* One works, the others wait: lock file, lock of the database, doorbell. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "jobs/job_frame.h"
#include "lib/repo/lock_repo.h"

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

static enum job_place waits(struct err *err, const char *what, const char *which)
{
    err_set(err, ERR_CONFLICT, "Another one is at work (%s %s).", what, which);
    return JOB_PLACE_WAITS;
}

/* One instance a node, for jobs that own what is on it. */
static enum job_place take_file(struct frame *frame, struct err *err)
{
    char path[512];
    const char *directory = frame->job.settings->runtime.directory;
    if (!frame->job.definition->one_a_node || frame->working)
        return JOB_PLACE_WORKS;
    snprintf(path, sizeof(path), "%s/%s.lock", directory, frame->job.definition->name);
    if (frame->lock < 0) {
        make_directory(directory);
        frame->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (frame->lock < 0) {
        err_internal(err, errno, "lock file %s", path);
        return JOB_PLACE_USELESS;
    }
    /* of the process: a child that was just forked does not keep it when we are killed */
    const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return fcntl(frame->lock, F_SETLK, &whole) == 0 ? JOB_PLACE_WORKS : waits(err, "lock", path);
}

static enum job_place take_database(struct frame *frame, struct err *err)
{
    const struct job_definition *definition = frame->job.definition;
    bool held = false;
    if (!definition->one_of_all)
        return JOB_PLACE_WORKS;
    if (lock_repo_take(frame->job.db, definition->name, &held, err) != 0)
        return JOB_PLACE_FAILED;
    return held ? JOB_PLACE_WORKS : waits(err, "lock of the database", definition->name);
}

/* With --once the address is left to the process that may be running; a throw-away socket still rings others. */
static enum job_place open_doorbell(struct frame *frame, struct err *err)
{
    const struct job_definition *definition = frame->job.definition;
    const char *address = "127.0.0.1:0";
    char bound[DOORBELL_ADDRESS_SIZE] = "";
    if (definition->doorbell && !frame->options.once)
        address = definition->doorbell(frame->job.settings);
    frame->job.doorbell = doorbell_open(address, bound, err);
    if (frame->job.doorbell >= 0) {
        snprintf(frame->job.bell, sizeof(frame->job.bell), "%s", frame->options.once ? "" : bound);
        return JOB_PLACE_WORKS;
    }
    if (err->code != ERR_UNAVAILABLE) /* no address, for one */
        return JOB_PLACE_USELESS;
    /* whoever has a lock has the address, or will have it as soon as its last owner is gone */
    return definition->one_of_all || definition->one_a_node ? JOB_PLACE_FAILED : waits(err, "doorbell", address);
}

static void name_instance(struct frame *frame)
{
    struct job *job = &frame->job;
    char own[16] = "";
    const char *port = strrchr(job->bell, ':');
    bool alone = job->definition->one_a_node;
    if (!alone && frame->options.once)
        snprintf(own, sizeof(own), ":%d", (int)getpid());
    else if (!alone && job->definition->doorbell && port)
        snprintf(own, sizeof(own), "%s", port);
    snprintf(job->instance, sizeof(job->instance), "%s:%s%s", frame->host, job->definition->name, own);
    snprintf(frame->beat_as, sizeof(frame->beat_as), "%s:%s%s", frame->host, job->definition->name,
             frame->options.once ? ":once" : own);
}

static enum job_place begin_work(struct frame *frame, struct err *err)
{
    struct job *job = &frame->job;
    enum job_place place = job->doorbell >= 0 ? JOB_PLACE_WORKS : open_doorbell(frame, err);
    if (place != JOB_PLACE_WORKS)
        return place;
    name_instance(frame);
    if (!frame->opened && job->definition->open && job->definition->open(job, err) != 0)
        return JOB_PLACE_USELESS;
    frame->opened = true;
    frame->working = true;
    frame->beat_due_ms = 0;
    job_sign_forget_waiting(frame);
    log_event(LOG_LEVEL_INFO, "started", LOG_STR("instance", job->instance));
    return JOB_PLACE_WORKS;
}

/* Only what a lock of the database keeps apart can lose its place. Its address goes to the one that works now. */
static void lose(struct frame *frame)
{
    if (!frame->working)
        return;
    cleanup_close_fd(&frame->job.doorbell);
    frame->job.doorbell = -1;
    frame->working = false;
    frame->beat_due_ms = 0;
}

static void say_waiting(struct frame *frame, const struct err *why)
{
    if (!frame->said_waiting && !frame->options.once)
        log_event(LOG_LEVEL_INFO, "waiting", LOG_STR("why", why->text));
    frame->said_waiting = true;
}

enum job_place job_place_take(struct frame *frame, struct err *err)
{
    enum job_place place = take_file(frame, err);
    if (place == JOB_PLACE_WORKS)
        place = take_database(frame, err);
    if (place == JOB_PLACE_WORKS && !frame->working)
        place = begin_work(frame, err);
    if (place == JOB_PLACE_WORKS)
        frame->said_waiting = false;
    if (place == JOB_PLACE_WAITS) {
        lose(frame);
        say_waiting(frame, err);
    }
    return place;
}
