/* SPDX-License-Identifier: Apache-2.0 */
/* Failure points, armed by the environment; see the header. An empty file in a normal build. */
#include "lib/util/failpoint.h"

#ifdef SANDBOX_FAILPOINTS

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, KILL, SLEEP, FAIL };
enum { EXIT_USAGE = 64 };

extern struct failpoint *const __start_failpoints[] __attribute__((weak, visibility("hidden")));
extern struct failpoint *const __stop_failpoints[] __attribute__((weak, visibility("hidden")));

static bool read_action(const char *text, struct failpoint *out)
{
    char *at = strchr(text, '@'), *end = NULL;
    if (at) {
        *at = '\0';
        out->nth = (int)strtol(at + 1, &end, 10);
        if (end == at + 1 || *end || out->nth < 1)
            return false;
    }
    if (strncmp(text, "sleep:", 6) == 0) {
        out->action = SLEEP;
        out->sleep_ms = (int)strtol(text + 6, &end, 10);
        return end != text + 6 && !*end && out->sleep_ms >= 0;
    }
    out->action = strcmp(text, "kill") == 0 ? KILL : strcmp(text, "error") == 0 ? FAIL : NOTHING;
    return out->action != NOTHING;
}

/* A name may stand in several places. */
static bool arm(const char *name, const struct failpoint *as)
{
    bool found = false;
    for (struct failpoint *const *entry = __start_failpoints; entry < __stop_failpoints; entry++) {
        struct failpoint *point = *entry;
        if (as ? strcmp(point->name, name) != 0 : false)
            continue;
        found = true;
        point->action = as ? as->action : NOTHING;
        point->nth = as ? as->nth : 0;
        point->sleep_ms = as ? as->sleep_ms : 0;
        point->passed = 0;
    }
    return found;
}

int failpoint_arm(const char *text, struct err *err)
{
    char *rest = NULL;
    cleanup_free char *copy = strdup(text);
    (void)arm("", NULL);
    for (char *item = copy ? strtok_r(copy, ",", &rest) : NULL; item; item = strtok_r(NULL, ",", &rest)) {
        struct failpoint as = { 0 };
        char *equals = strchr(item, '=');
        if (!equals)
            return err_set(err, ERR_INVALID, "failure point \"%s\": NAME=ACTION is missing", item);
        *equals = '\0';
        if (!read_action(equals + 1, &as))
            return err_set(err, ERR_INVALID, "failure point \"%s\": kill, sleep:MS or error, and perhaps @N", item);
        if (!arm(item, &as))
            return err_set(err, ERR_INVALID, "there is no failure point \"%s\" in this program", item);
    }
    return 0;
}

static void print_all(void)
{
    for (struct failpoint *const *entry = __start_failpoints; entry < __stop_failpoints; entry++)
        puts((*entry)->name);
}

__attribute__((constructor)) static void read_environment(void)
{
    struct err err = ERR_INIT;
    const char *text = getenv("SANDBOX_FAILPOINTS");
    if (!text)
        return;
    if (strcmp(text, "list") == 0) {
        print_all();
        fflush(stdout);
        _exit(EXIT_SUCCESS);
    }
    if (failpoint_arm(text, &err) == 0)
        return;
    dprintf(STDERR_FILENO, "SANDBOX_FAILPOINTS: %s\n", err.text);
    _exit(EXIT_USAGE);
}

static void wait_ms(int ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    while (nanosleep(&left, &left) != 0)
        continue;
}

static bool is_due(struct failpoint *point)
{
    int pass = __atomic_add_fetch(&point->passed, 1, __ATOMIC_RELAXED);
    return point->action != NOTHING && (point->nth == 0 || pass == point->nth);
}

void failpoint_pass(struct failpoint *point)
{
    if (!is_due(point))
        return;
    if (point->action == KILL) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
    if (point->action == SLEEP)
        wait_ms(point->sleep_ms);
}

int failpoint_fails(struct failpoint *point, struct err *err)
{
    if (point->action != FAIL) {
        failpoint_pass(point);
        return 0;
    }
    return is_due(point) ? err_set(err, ERR_UNAVAILABLE, "The failure point %s fails.", point->name) : 0;
}

#else
typedef int failpoint_nothing; /* a file of C is not to be empty */
#endif
