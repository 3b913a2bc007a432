/* SPDX-License-Identifier: Apache-2.0 */
/* Decides in this order: what the executor itself did, signals, exit codes, and at last the return value. */
#include "executor/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/model/limits.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"

enum { MESSAGE_MAX = 4096, MESSAGE_REPORT_MAX = 3000 };

static int fail(struct wire_result *out, struct err *err, enum wire_failure failure, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int fail(struct wire_result *out, struct err *err, enum wire_failure failure, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return err_internal(err, errno, "out of memory for a verdict");
    out->failure = failure;
    out->message = text;
    return 0;
}

static int out_of_memory(const struct facts *facts, struct wire_result *out, struct err *err)
{
    if (facts->memory_mb > 0)
        return fail(out, err, WIRE_FAILURE_OUT_OF_MEMORY, "The code used more than its %" PRId64 " MiB of memory.",
                    facts->memory_mb);
    return fail(out, err, WIRE_FAILURE_OUT_OF_MEMORY, "The code used more memory than there is.");
}

static int disk_full(const struct facts *facts, struct wire_result *out, struct err *err)
{
    if (facts->reason && facts->reason[0])
        return fail(out, err, WIRE_FAILURE_DISK_FULL, "%s", facts->reason);
    if (facts->files_over)
        return fail(out, err, WIRE_FAILURE_DISK_FULL, "The workspace holds more than %" PRId64 " files.", facts->files_max);
    return fail(out, err, WIRE_FAILURE_DISK_FULL, "The workspace holds more than its %" PRId64 " MiB.", facts->disk_mb);
}

static int forced(const struct facts *facts, struct wire_result *out, struct err *err)
{
    out->exit_code = -1;
    switch (facts->forced) {
    case WIRE_FAILURE_TIMEOUT:
        return fail(out, err, WIRE_FAILURE_TIMEOUT, "The code ran longer than its %g s.",
                    (double)facts->timeout_ms / 1000);
    case WIRE_FAILURE_CANCELLED:
        return fail(out, err, WIRE_FAILURE_CANCELLED, "The execution was cancelled.");
    case WIRE_FAILURE_OUT_OF_MEMORY:
        return out_of_memory(facts, out, err);
    case WIRE_FAILURE_DISK_FULL:
        return disk_full(facts, out, err);
    default:
        return fail(out, err, facts->forced, "%s", facts->reason ? facts->reason : "The code could not be run.");
    }
}

/* A kill that was not ours is the kernel's for memory, if it counted one or the process was about that large. */
static bool killed_for_memory(const struct facts *facts, int number)
{
    if (number == SIGABRT || number == SIGTRAP || number == SIGILL) /* how V8 ends the process */
        return facts->heap_full;
    return number == SIGKILL && (facts->memory_killed || (facts->memory_mb > 0 && facts->peak_memory_mb >=
                                                                                      0.9 * (double)facts->memory_mb));
}

static int signalled(const struct facts *facts, struct wire_result *out, struct err *err)
{
    int number = WTERMSIG(facts->status);
    const char *name = sigabbrev_np(number);
    out->exit_code = -1;
    out->signal = number;
    if (killed_for_memory(facts, number))
        return out_of_memory(facts, out, err);
    if (number == SIGXFSZ || facts->disk_over || facts->files_over)
        return disk_full(facts, out, err);
    return fail(out, err, WIRE_FAILURE_SIGNAL, "The code was ended by signal %d (SIG%s).", number, name ? name : "?");
}

/* The text after the kind of a runner's report, made fit for a message. */
static int reported(const struct facts *facts, enum wire_failure failure, struct wire_result *out, struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(3 * MESSAGE_MAX);
    size_t len = facts->report->len - 1 < MESSAGE_REPORT_MAX ? facts->report->len - 1 : MESSAGE_REPORT_MAX;
    utf8_repair(facts->report->data + 1, len, &text);
    return fail(out, err, failure, "%.*s", (int)strcspn(strbuf_str(&text), "\n"), strbuf_str(&text));
}

static int exited(const struct facts *facts, struct wire_result *out, struct err *err)
{
    int code = WEXITSTATUS(facts->status);
    char kind = facts->language != LANGUAGE_SHELL && facts->report->len > 0 ? facts->report->data[0] : '\0';
    out->exit_code = code;
    if (kind == 'M' || facts->memory_killed)
        return out_of_memory(facts, out, err);
    if (facts->disk_over || facts->files_over)
        return disk_full(facts, out, err);
    if (kind == 'V')
        return reported(facts, WIRE_FAILURE_RETURN_VALUE, out, err);
    if (kind == 'E')
        return reported(facts, WIRE_FAILURE_EXCEPTION, out, err);
    return fail(out, err, WIRE_FAILURE_EXCEPTION, "The code exited with code %d.", code);
}

static int take_return(const struct facts *facts, struct wire_result *out, struct err *err)
{
    const char *text = strbuf_str(facts->report);
    size_t len = facts->report->len;
    if (len == 0)
        return 0;
    if (facts->report_over)
        return fail(out, err, WIRE_FAILURE_RETURN_VALUE, "The return value is larger than %d bytes.", RETURN_BYTES_MAX);
    if (facts->language != LANGUAGE_SHELL) {
        if (text[0] != 'R')
            return fail(out, err, WIRE_FAILURE_RETURN_VALUE, "Descriptor 3 was written to by the code itself.");
        text++;
        len--;
    }
    if (!json_strict_valid(text, len))
        return fail(out, err, WIRE_FAILURE_RETURN_VALUE,
                    "The return value is not JSON in UTF-8, or is nested more than 64 levels deep.");
    out->return_json = strndup(text, len);
    return out->return_json ? 0 : err_internal(err, errno, "out of memory for a return value");
}

int verdict_make(const struct facts *facts, struct wire_result *out, struct err *err)
{
    if (facts->forced != WIRE_FAILURE_NONE)
        return forced(facts, out, err);
    if (WIFSIGNALED(facts->status))
        return signalled(facts, out, err);
    if (WEXITSTATUS(facts->status) != 0)
        return exited(facts, out, err);
    if (facts->disk_over || facts->files_over)
        return disk_full(facts, out, err);
    return take_return(facts, out, err);
}
