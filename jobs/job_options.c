/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a job's command line. */
#include "config.h"

#include "jobs/job_options.h"

#include <getopt.h>
#include <inttypes.h>

enum { INTERVAL_MAX_MS = 24 * 3600 * 1000 };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },   { "once", no_argument, NULL, 'o' },
    { "interval", required_argument, NULL, 'i' }, { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },        { 0 },
};

static void usage(FILE *out, const struct job_definition *definition)
{
    fprintf(out,
            "Usage: sandbox-%s [--config PATH] [--once] [--interval MS]\n"
            "%s\n\n"
            "  --config PATH   settings file (else $SANDBOX_CONFIG, else the installed one)\n"
            "  --once          do what is due now, then exit (for cron and timers)\n"
            "  --interval MS   look at least this often (default %" PRId64 ")\n"
            "  --help, --version\n",
            definition->name, definition->summary, definition->interval_ms);
}

static int read_interval(const char *text, int64_t *out)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < 1 || value > INTERVAL_MAX_MS)
        return -1;
    *out = value;
    return 0;
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
    *out = (struct job_options){ .interval_ms = definition->interval_ms };
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'o':
            out->once = true;
            break;
        case 'i':
            if (read_interval(optarg, &out->interval_ms) != 0)
                return misuse(definition, "--interval takes milliseconds, 1 to 86400000", exit_out);
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
