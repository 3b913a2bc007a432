/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-executor: process 1 of a sandbox. Listens first, then prepares interpreters. */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "executor/connect.h"
#include "executor/interpreter.h"
#include "executor/reaper.h"
#include "executor/runs.h"
#include "executor/server.h"
#include "executor/transfers.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"
#include "lib/wire/environment.h"

enum {
    REAP_AT_ONCE = 256,
    STOP_MAX_MS = 3000,
    STOP_POLL_MS = 10,
    LOG_FILE_MAX = 4 * 1024 * 1024, /* where standard error is a file, nobody else keeps it short */
};

struct program {
    struct engine engine;
    struct server *server;
    struct event *child, *terminate, *interrupt, *stop;
    int64_t stop_ms; /* monotonic; 0: not stopping */
    int status;
};

static void on_exit_of(void *arg, const struct reaped *child)
{
    struct engine *engine = arg;
    if (!interpreters_reaped(engine->interpreters, child))
        runs_reaped(engine->runs, child);
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct program *program = arg;
    if (reaper_run(REAP_AT_ONCE, on_exit_of, &program->engine))
        event_active(program->child, EV_SIGNAL, 1); /* a fork bomb must not keep us here */
    runs_sweep(program->engine.runs);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct program *program = arg;
    const struct timeval poll = { 0, STOP_POLL_MS * 1000 };
    if (runs_running(program->engine.runs) == 0 || clock_mono_ms() - program->stop_ms > STOP_MAX_MS)
        event_base_loopbreak(program->engine.base);
    else
        (void)evtimer_add(program->stop, &poll);
}

static void on_terminate(evutil_socket_t fd, short what, void *arg)
{
    struct program *program = arg;
    if (program->stop_ms)
        return;
    log_event(LOG_LEVEL_INFO, "sandbox-executor stopping", LOG_INT("signal", fd));
    program->stop_ms = clock_mono_ms();
    runs_abandon_all(program->engine.runs);
    on_stop(-1, what, program);
}

static int watch(struct program *program, struct err *err)
{
    struct event_base *base = program->engine.base;
    /* what libevent puts back at the end: told to end twice, it still ends in order */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    program->child = evsignal_new(base, SIGCHLD, on_child, program);
    program->terminate = evsignal_new(base, SIGTERM, on_terminate, program);
    program->interrupt = evsignal_new(base, SIGINT, on_terminate, program);
    program->stop = evtimer_new(base, on_stop, program);
    if (!program->child || !program->terminate || !program->interrupt || !program->stop ||
        event_add(program->child, NULL) != 0 || event_add(program->terminate, NULL) != 0 ||
        event_add(program->interrupt, NULL) != 0)
        return err_internal(err, errno, "cannot watch signals");
    interpreters_refill_later(program->engine.interpreters);
    return 0;
}

static int become_safe(struct err *err)
{
    if (geteuid() != 0)
        return err_set(err, ERR_INVALID, "The executor must run as uid 0 of its container.");
    /* not readable by others, not dumpable; orphans come to us even where we are not process 1 */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return err_internal(err, errno, "prctl");
    (void)setgroups(0, NULL); /* files are reached as the sandbox's user, without our groups */
    (void)umask(0002); /* files that we make are for every slot */
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* The path in the event itself: that is how people look for it. */
static void say(const char *event, const char *what)
{
    char text[512];
    snprintf(text, sizeof(text), "%s %s", event, what);
    log_event(LOG_LEVEL_INFO, text);
}

/* Every slot shares the workspace. A runtime may have done this already, and we may not be allowed to. */
static void open_workspace(const struct setup *setup)
{
    struct stat st;
    bool ours = chown(setup->workspace, (uid_t)-1, setup->gid) == 0;
    if (!ours)
        log_event(LOG_LEVEL_DEBUG, "the workspace keeps its group", LOG_STR("reason", strerror(errno)));
    /* files are to have the slots' common group: handed down by the directory, or else by who makes them */
    (void)chmod(setup->workspace, ours ? 02777 : 0777);
    if (stat(setup->workspace, &st) != 0)
        log_event(LOG_LEVEL_ERROR, "the workspace is not there", LOG_STR("path", setup->workspace),
                  LOG_STR("reason", strerror(errno)));
    else if ((st.st_mode & 0007) != 0007 && !(st.st_gid == setup->gid && (st.st_mode & 0070) == 0070))
        log_event(LOG_LEVEL_WARN, "the workspace is not writable for sandboxed code", LOG_STR("path", setup->workspace),
                  LOG_INT("mode", st.st_mode & 07777));
    else
        say("Workspace mounted at", setup->workspace);
}

static int open_engine(struct program *program, struct err *err)
{
    struct engine *engine = &program->engine;
    engine->started_ms = clock_mono_ms();
    engine->base = event_base_new();
    if (!engine->base || event_base_priority_init(engine->base, ENGINE_PRIORITIES) != 0)
        return err_internal(err, errno, "cannot make an event loop");
    engine->interpreters = interpreters_new(engine->base, &engine->setup, &engine->confine, err);
    engine->runs = engine->interpreters ? runs_new(engine, err) : NULL;
    if (!engine->runs || watch(program, err) != 0)
        return -1;
    program->server = server_new(engine, err);
    if (!program->server)
        return -1;
    log_event(LOG_LEVEL_INFO, "sandbox-executor starting", LOG_STR("version", PACKAGE_VERSION));
    open_workspace(&engine->setup);
    engine->journal = journal_new(&engine->setup, err);
    engine->transfers = engine->journal ? transfers_new(engine, err) : NULL;
    if (!engine->transfers)
        return -1;
    memory_init(&engine->memory);
    return confine_init(&engine->setup, &engine->confine, err);
}

static void close_program(struct program *program)
{
    struct event *events[] = { program->child, program->terminate, program->interrupt, program->stop };
    server_free(program->server);
    runs_free(program->engine.runs);
    transfers_free(program->engine.transfers);
    journal_free(program->engine.journal);
    interpreters_free(program->engine.interpreters);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i])
            event_free(events[i]);
    if (program->engine.base)
        event_base_free(program->engine.base);
    memory_release(&program->engine.memory);
    confine_release(&program->engine.confine);
    setup_release(&program->engine.setup);
}

/* Whether there was a word to answer. The product's own settings come through the environment. */
static bool answer_options(int argc, char **argv, int *status)
{
    *status = 0;
    if (argc < 2)
        return false;
    if (strcmp(argv[1], "--connect") == 0)
        *status = connect_run(getenv(EXECUTOR_ENV_LISTEN));
    else if (strcmp(argv[1], "--version") == 0)
        printf("sandbox-executor %s\n", PACKAGE_VERSION);
    else
        printf("Usage: sandbox-executor [--connect | --version | --help]\n"
               "Runs code inside a sandbox, for the sandbox control plane, whose runtimes start it. With --connect it passes its\n"
               "standard input and output to the executor that runs in this sandbox already.\n"
               "What it needs comes from the environment: SANDBOX_LISTEN and the others of lib/wire/environment.h.\n");
    return true;
}

int main(int argc, char **argv)
{
    int status;
    if (answer_options(argc, argv, &status))
        return status;
    struct program program = { .engine = { .memory = { .events = -1 }, .confine = { .landlock = -1 } } };
    struct err err = ERR_INIT;
    log_setup("sandbox-executor", LOG_LEVEL_INFO);
    log_setup_plain(LOG_FILE_MAX);
    status = become_safe(&err);
    if (status == 0)
        status = setup_read(&program.engine.setup, &err);
    if (status == 0) {
        log_setup("sandbox-executor", (enum log_level)program.engine.setup.log_level);
        status = open_engine(&program, &err);
    }
    if (status == 0) {
        say("HTTP server listening on", program.engine.setup.listen);
        status = event_base_dispatch(program.engine.base) < 0 ? -1 : 0;
    } else {
        log_err(LOG_LEVEL_ERROR, "sandbox-executor cannot start", &err, NULL, NULL);
    }
    close_program(&program);
    return status == 0 ? 0 : 1;
}
