/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a job's command line. */
#include "config.h"

#include "jobs/job_options.h"

#include <getopt.h>

#include "lib/util/duration.h"

enum { EVERY_MAX_MS = 24 * 3600 * 1000 };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },   { "once", no_argument, NULL, 'o' },
    { "every", required_argument, NULL, 'e' },    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },        { 0 },
};

static void usage(FILE *out, const struct job_definition *definition)
{
    char usual[DURATION_TEXT_SIZE];
    duration_format(definition->interval_ms, usual);
    fprintf(out,
            "Usage: sandbox-%s [--config PATH] [--every DURATION] [--once]\n"
            "%s\n\n"
            "  --config PATH      settings file (else $SANDBOX_CONFIG, else the installed one)\n"
            "  --every DURATION   look at least this often: 500ms, 5s, 10m (default %s)\n"
            "  --once             do what is due now, then exit (for cron and timers); with --every: it is started\n"
            "                     this often (default 1m), and missed in detailed health when it is not\n"
            "  --help, --version\n",
            definition->name, definition->summary, usual);
}

static bool read_every(const char *text, struct job_options *out)
{
    out->every_given = duration_parse(text, &out->every_ms) && out->every_ms <= EVERY_MAX_MS;
    return out->every_given;
}

static int stop(int exit_code, int *exit_out)
{
    *exit_out = exit_code;
    return 1;
}

static int misuse(const struct job_definition *definition, const char *problem, int *exit_out)
{
    if (problem)
        fprintf(stderr, "sandbox-%s: %s\n", definition->name, problem);
    usage(stderr, definition);
    return stop(JOB_EXIT_USAGE, exit_out);
}

int job_options_read(const struct job_definition *definition, int argc, char **argv, struct job_options *out,
                     int *exit_out)
{
    *out = (struct job_options){ .every_ms = definition->interval_ms };
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'o':
            out->once = true;
            break;
        case 'e':
            if (!read_every(optarg, out))
                return misuse(definition, "--every takes a duration like 500ms, 5s or 10m, up to 24h", exit_out);
            break;
        case 'h':
            usage(stdout, definition);
            return stop(JOB_EXIT_OK, exit_out);
        case 'v':
            printf("sandbox-%s %s\n", definition->name, PACKAGE_VERSION);
            return stop(JOB_EXIT_OK, exit_out);
        default:
            return misuse(definition, NULL, exit_out);
        }
    }
    return optind < argc ? misuse(definition, "unexpected argument", exit_out) : 0;
}
