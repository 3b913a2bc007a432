/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-api: the REST API as a FastCGI process behind a web server. */
#include "config.h"

#include <fcgiapp.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi/worker.h"
#include "lib/util/log.h"

enum exit_code { EXIT_USAGE = 64 };

struct options {
    const char *config, *listen;
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' }, { "listen", required_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'v' },
    { 0 },
};

static void usage(FILE *out)
{
    fputs("Usage: sandbox-api [--config PATH] [--listen unix:PATH]\n"
          "Serves the REST API by FastCGI. A web server starts it with its socket as descriptor 0.\n\n"
          "  --config PATH        settings file (else $SANDBOX_CONFIG, else the installed one)\n"
          "  --listen unix:PATH   make this socket and listen there instead\n"
          "  --help, --version\n\n"
          "SIGTERM, SIGINT and SIGUSR1 let it finish the requests under way and exit.\n",
          out);
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
        case 'h':
            usage(stdout);
            return EXIT_SUCCESS;
        case 'v':
            printf("sandbox-api %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
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

/* Blocked in every thread, so that only main() hears them. */
static void block_signals(sigset_t *ending)
{
    sigemptyset(ending);
    sigaddset(ending, SIGTERM);
    sigaddset(ending, SIGINT);
    sigaddset(ending, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, ending, NULL);
    signal(SIGPIPE, SIG_IGN); /* a client that left is a failed write */
}

static int serve(const struct settings *settings, const struct options *options, const sigset_t *ending,
                 struct err *err)
{
    struct listener listener;
    if (listener_open(&listener, options->listen, err) != 0)
        return -1;
    struct workers *workers = workers_start(settings, &listener, err);
    if (workers) {
        int signum = 0;
        log_event(LOG_LEVEL_INFO, "started", LOG_STR("version", PACKAGE_VERSION),
                  LOG_INT("threads", settings->api.threads));
        sigwait(ending, &signum);
        log_event(LOG_LEVEL_INFO, "ending", LOG_INT("signal", signum));
        listener_stop(&listener);
        workers_end(workers);
    }
    listener_close(&listener);
    return workers ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct err err = ERR_INIT;
    cleanup_settings struct settings *settings = NULL;
    sigset_t ending;
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    log_setup("sandbox-api", LOG_LEVEL_INFO);
    block_signals(&ending);
    if (FCGX_Init() != 0) {
        log_event(LOG_LEVEL_ERROR, "libfcgi cannot start");
        return EXIT_FAILURE;
    }
    if (settings_load(options.config, &settings, &err) == 0) {
        log_setup("sandbox-api", (enum log_level)log_level_parse(settings->log.level));
        if (serve(settings, &options, &ending, &err) == 0)
            return EXIT_SUCCESS;
    }
    log_err(LOG_LEVEL_ERROR, "cannot start", &err, NULL, NULL);
    return EXIT_FAILURE;
}
