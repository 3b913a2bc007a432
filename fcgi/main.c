/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-api: the REST API as a FastCGI process behind a web server. */
#include "config.h"

#include <fcgiapp.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "fcgi/describe.h"
#include "fcgi/metrics.h"
#include "fcgi/prefork.h"
#include "fcgi/worker.h"
#include "lib/service/metrics.h"
#include "lib/util/log.h"

enum exit_code { EXIT_USAGE = 64 };
enum { WORKERS_MAX = 64, TIDY_S = 10, TIDY_SMALL_US = 100000, TIDY_BUSY_US = 1000000 };

struct options {
    const char *config, *listen;
    long processes;
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },    { "listen", required_argument, NULL, 'l' },
    { "processes", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },         { "describe", no_argument, NULL, 'd' },
    { 0 },
};

static void usage(FILE *out)
{
    fputs("Usage: sandbox-api [--config PATH] [--listen unix:PATH [--processes N]]\n"
          "Serves the REST API by FastCGI. A web server starts it with its socket as descriptor 0.\n\n"
          "  --config PATH        settings file (else $SANDBOX_CONFIG, else the installed one)\n"
          "  --listen unix:PATH   make this socket and serve there instead, from worker processes\n"
          "  --processes N        so many of them (1 to 64; 1)\n"
          "  --describe           print the tables of routes and of errors, as JSON\n"
          "  --help, --version\n\n"
          "SIGTERM, SIGINT and SIGUSR1 let it finish the requests under way and exit. With --listen, SIGHUP starts new\n"
          "workers with the settings as they are then; the old ones finish once those serve.\n",
          out);
}

static bool read_processes(const char *text, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    if (*text && !*end && *out >= 1 && *out <= WORKERS_MAX)
        return true;
    fprintf(stderr, "sandbox-api: --processes takes a number from 1 to %d\n", WORKERS_MAX);
    return false;
}

static int print_contract(void)
{
    cleanup_json struct json_object *contract = describe_contract();
    const char *text = contract ? json_text(contract) : NULL;
    return text && puts(text) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -1: run; else the exit status. */
static int read_options(int argc, char **argv, struct options *out)
{
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'l':
            out->listen = optarg;
            break;
        case 'p':
            if (!read_processes(optarg, &out->processes))
                return EXIT_USAGE;
            break;
        case 'h':
            usage(stdout);
            return EXIT_SUCCESS;
        case 'v':
            printf("sandbox-api %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case 'd':
            return print_contract();
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "sandbox-api: unexpected argument \"%s\"\n", argv[optind]);
    usage(stderr);
    return EXIT_USAGE;
}

/* What a process serves with. */
struct task {
    const struct options *options;
    const struct listener *listener;
};

static void ending_signals(sigset_t *ending)
{
    sigemptyset(ending);
    sigaddset(ending, SIGTERM);
    sigaddset(ending, SIGINT);
    sigaddset(ending, SIGUSR1);
}

static int64_t processor_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* What work has left free between what is in use goes back to the system once it is quieter: under load, it would only be fetched again. */
struct tidying {
    int64_t seen_us;
    bool due;
};

static void tidy(struct tidying *tidying, struct workers *workers)
{
    int64_t now_us = processor_us(), used_us = now_us - tidying->seen_us;
    tidying->seen_us = now_us;
    tidying->due |= used_us >= TIDY_SMALL_US;
    workers_tidy(workers);
    if (!tidying->due || used_us >= TIDY_BUSY_US)
        return;
    malloc_trim(0);
    tidying->due = false;
}

/* Until a signal says to end. */
static void await_end(const struct settings *settings, struct workers *workers)
{
    const struct timespec pause = { .tv_sec = TIDY_S };
    sigset_t ending;
    int signum;
    struct tidying tidying = { 0 };
    ending_signals(&ending);
    log_event(LOG_LEVEL_INFO, "started", LOG_STR("version", PACKAGE_VERSION),
              LOG_INT("threads", settings->api.threads));
    while ((signum = sigtimedwait(&ending, NULL, &pause)) < 0)
        tidy(&tidying, workers);
    log_event(LOG_LEVEL_INFO, "ending", LOG_INT("signal", signum));
}

/* A worker works without them as well. */
static void open_metrics(struct worker_config *config)
{
    struct err err = ERR_INIT;
    config->metrics = metrics_service_open(config->settings, METRICS_API, &err);
    if (err.code == ERR_NONE)
        config->http_metrics = http_metrics_open(config->settings, &err);
    if (err.code != ERR_NONE)
        log_err(LOG_LEVEL_WARN, "metrics are not counted", &err, NULL, NULL);
}

static int serve(const struct worker_config *config, const struct prefork_worker *self, struct err *err)
{
    struct workers *workers = workers_start(config, err);
    if (!workers)
        return -1;
    if (self)
        prefork_ready(self);
    await_end(config->settings, workers);
    if (self && prefork_orphaned(self))
        listener_refuse(config->listener);
    listener_stop(config->listener);
    workers_end(workers);
    return 0;
}

/* A body's memory goes back at once: glibc would learn from the first large one to keep such, in an arena for each thread. */
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MXFAST, 0); /* each of libfcgi's buffers would have all that is small and free merged first */
}

/* A process with its threads; `self` NULL: it has no parent. */
static int run_workers(const struct options *options, const struct listener *listener, const struct prefork_worker *self,
                       struct err *err)
{
    cleanup_settings struct settings *settings = NULL;
    give_memory_back();
    if (FCGX_Init() != 0)
        return err_internal(err, 0, "libfcgi cannot start");
    if (settings_load(options->config, &settings, err) != 0)
        return -1;
    log_setup("sandbox-api", (enum log_level)log_level_parse(settings->log.level));
    struct worker_config config = { .settings = settings, .listener = listener };
    open_metrics(&config);
    int status = serve(&config, self, err);
    metrics_close(config.http_metrics);
    metrics_close(config.metrics);
    return status;
}

static int finish(int status, const struct err *err)
{
    if (status != 0)
        log_err(LOG_LEVEL_ERROR, "cannot start", err, NULL, NULL);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int work(void *arg, const struct prefork_worker *self)
{
    const struct task *task = arg;
    struct listener listener;
    struct err err = ERR_INIT;
    int status = listener_share(&listener, task->listener, &err);
    if (status == 0) {
        status = run_workers(task->options, &listener, self, &err);
        listener_close(&listener);
    }
    return finish(status, &err);
}

static int run(const struct options *options, struct err *err)
{
    struct listener listener;
    if (listener_open(&listener, options->listen, err) != 0)
        return -1;
    struct task task = { .options = options, .listener = &listener };
    const struct prefork prefork = { .processes = (int)options->processes, .work = work, .arg = &task };
    int status = options->listen ? prefork_run(&prefork, err) : run_workers(options, &listener, NULL, err);
    listener_close(&listener);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { .processes = 1 };
    struct err err = ERR_INIT;
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    log_setup("sandbox-api", LOG_LEVEL_INFO);
    /* blocked in every thread, so that only those hear them who wait for them */
    prefork_block_signals();
    signal(SIGPIPE, SIG_IGN); /* a client that left is a failed write */
    return finish(run(&options, &err), &err);
}
