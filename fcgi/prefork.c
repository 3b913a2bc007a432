/* SPDX-License-Identifier: Apache-2.0 */
/* One loop over signals: of the operator, of children that ended (SIGCHLD), of children that serve (a queued real-time signal). */
#include "config.h"

#include "fcgi/prefork.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/log.h"

enum { LIVED_MS = 10000, PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 10000, IDLE_MS = 60000 };

struct child {
    pid_t pid;
    int generation;
    bool ready, leaving;
    int64_t started_ms;
};

struct herd {
    const struct prefork *prefork;
    struct child *children;
    size_t count, room;
    int current;  /* the generation that serves; 0: none yet */
    int newest;   /* the one that is being started, or the same */
    int last;     /* number of the last one that there was */
    int failures; /* in a row */
    int64_t restarts, due_ms;
    bool ending, failed;
    bool again; /* SIGHUP came while new ones were starting already */
};

static int ready_signal(void)
{
    return SIGRTMIN;
}

static void heard_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
    sigaddset(set, ready_signal());
}

void prefork_block_signals(void)
{
    sigset_t set;
    heard_signals(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void prefork_ready(const struct prefork_worker *self)
{
    sigqueue(self->parent, ready_signal(), (union sigval){ 0 });
}

bool prefork_orphaned(const struct prefork_worker *self)
{
    return getppid() != self->parent;
}

/* In the child: never returns. */
static void live(const struct prefork *prefork, pid_t parent)
{
    const struct prefork_worker self = { .parent = parent };
    sigset_t set;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (prefork_orphaned(&self))
        _exit(EXIT_FAILURE);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, ready_signal());
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    exit(prefork->work(prefork->arg, &self));
}

static bool make_room(struct herd *herd)
{
    if (herd->count < herd->room)
        return true;
    size_t room = herd->room * 2 + 8;
    struct child *more = realloc(herd->children, room * sizeof(*more));
    if (!more)
        return false;
    herd->children = more;
    herd->room = room;
    return true;
}

static void pause_before_next(struct herd *herd)
{
    int64_t pause = PAUSE_MIN_MS;
    for (int i = 0; i < herd->failures && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    herd->failures++;
    herd->due_ms = clock_mono_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

static bool start_one(struct herd *herd, int generation)
{
    pid_t parent = getpid();
    pid_t pid = make_room(herd) ? fork() : -1;
    if (pid == 0) {
        free(steal(herd->children));
        live(herd->prefork, parent);
    }
    if (pid < 0) {
        log_event(LOG_LEVEL_ERROR, "cannot start a worker", LOG_STR("error", strerror(errno)));
        pause_before_next(herd);
        return false;
    }
    herd->children[herd->count++] =
        (struct child){ .pid = pid, .generation = generation, .started_ms = clock_mono_ms() };
    return true;
}

static int count_of(const struct herd *herd, int generation, bool ready_only)
{
    int count = 0;
    for (size_t i = 0; i < herd->count; i++) {
        const struct child *child = &herd->children[i];
        count += child->generation == generation && !child->leaving && (child->ready || !ready_only);
    }
    return count;
}

static bool someone_is_missing(const struct herd *herd)
{
    if (herd->ending)
        return false;
    return count_of(herd, herd->newest, false) < herd->prefork->processes ||
           (herd->current && count_of(herd, herd->current, false) < herd->prefork->processes);
}

static void fill(struct herd *herd, int generation)
{
    while (count_of(herd, generation, false) < herd->prefork->processes)
        if (!start_one(herd, generation))
            return;
}

static void start_missing(struct herd *herd)
{
    if (!someone_is_missing(herd) || clock_mono_ms() < herd->due_ms)
        return;
    if (herd->current)
        fill(herd, herd->current);
    fill(herd, herd->newest);
}

/* All but those of one generation (0: all) are told to finish. */
static void leave_but(struct herd *herd, int generation)
{
    for (size_t i = 0; i < herd->count; i++) {
        struct child *child = &herd->children[i];
        if (child->generation == generation || child->leaving)
            continue;
        child->leaving = true;
        kill(child->pid, SIGTERM);
    }
}

static void reload(struct herd *herd)
{
    herd->again = herd->newest != herd->current;
    if (herd->ending || herd->again)
        return;
    log_event(LOG_LEVEL_INFO, "starting new workers");
    herd->newest = ++herd->last;
    herd->failures = 0;
    herd->due_ms = 0;
}

static void end_all(struct herd *herd, int signum)
{
    log_event(LOG_LEVEL_INFO, "ending", LOG_INT("signal", signum), LOG_INT("restarts", herd->restarts));
    herd->ending = true;
    leave_but(herd, 0);
}

static void note_ready(struct herd *herd, pid_t pid)
{
    for (size_t i = 0; i < herd->count; i++)
        if (herd->children[i].pid == pid)
            herd->children[i].ready = true;
    if (herd->ending || herd->newest == herd->current ||
        count_of(herd, herd->newest, true) < herd->prefork->processes)
        return;
    log_event(LOG_LEVEL_INFO, herd->current ? "new workers serve" : "workers serve",
              LOG_INT("processes", herd->prefork->processes));
    herd->current = herd->newest;
    leave_but(herd, herd->current);
    if (herd->again)
        reload(herd);
}

/* A worker of a generation that does not serve yet ended: that generation is given up. */
static void note_failed_start(struct herd *herd)
{
    if (!herd->current) {
        herd->ending = herd->failed = true;
        leave_but(herd, 0);
        return;
    }
    log_event(LOG_LEVEL_ERROR, "new workers cannot start: the old ones go on");
    herd->newest = herd->current;
    leave_but(herd, herd->current);
    if (herd->again)
        reload(herd);
}

static void note_end(struct herd *herd, const struct child *child, int status)
{
    int signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (child->leaving && !signum && !code) {
        log_event(LOG_LEVEL_INFO, "worker ended", LOG_INT("worker", child->pid));
        return;
    }
    herd->restarts += !child->leaving;
    log_event(LOG_LEVEL_ERROR, "worker died", LOG_INT("worker", child->pid), LOG_INT("signal", signum),
              LOG_INT("exit_status", code), LOG_INT("restarts", herd->restarts));
    if (child->leaving || herd->ending)
        return;
    if (child->generation != herd->current && !child->ready) {
        note_failed_start(herd);
        return;
    }
    if (clock_mono_ms() - child->started_ms < LIVED_MS)
        pause_before_next(herd);
    else
        herd->failures = 0;
}

/* SIGCHLD overtakes what a worker had to say before. */
static void hear_ready(struct herd *herd)
{
    const struct timespec now = { 0 };
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, ready_signal());
    while (sigtimedwait(&set, &info, &now) > 0)
        note_ready(herd, info.si_pid);
}

static void collect(struct herd *herd)
{
    int status;
    hear_ready(herd);
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < herd->count; i++) {
            if (herd->children[i].pid != pid)
                continue;
            struct child child = herd->children[i];
            herd->children[i] = herd->children[--herd->count];
            note_end(herd, &child, status);
            break;
        }
    }
}

static void await_event(struct herd *herd)
{
    sigset_t set;
    siginfo_t info;
    int64_t pause = someone_is_missing(herd) ? herd->due_ms - clock_mono_ms() : IDLE_MS;
    pause = pause < 1 ? 1 : pause;
    const struct timespec limit = { .tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000 };
    heard_signals(&set);
    int signum = sigtimedwait(&set, &info, &limit);
    if (signum == SIGHUP)
        reload(herd);
    else if (signum == SIGTERM || signum == SIGINT)
        end_all(herd, signum);
    else if (signum > 0 && signum == ready_signal())
        note_ready(herd, info.si_pid);
    collect(herd);
}

int prefork_run(const struct prefork *prefork, struct err *err)
{
    struct herd herd = { .prefork = prefork, .newest = 1, .last = 1 };
    while (!herd.ending || herd.count > 0) {
        start_missing(&herd);
        await_event(&herd);
    }
    free(herd.children);
    return herd.failed ? err_set(err, ERR_UNAVAILABLE, "The web workers cannot start.") : 0;
}
