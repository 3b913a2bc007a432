/* SPDX-License-Identifier: Apache-2.0 */
/* Executor protocol: the body of POST /execute, and the stream of JSON lines it answers. Pure encode and decode. */
#ifndef SANDBOX_WIRE_EXECUTE_H
#define SANDBOX_WIRE_EXECUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/states.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

enum {
    WIRE_REQUEST_MAX = 4 * 1024 * 1024, /* bytes of an encoded request */
    WIRE_EVENT_MAX = 12 * 1024 * 1024,  /* bytes of one line of the answer */
};

/* One execution as the executor needs it. Encoding borrows every string; decoding owns them. */
struct wire_execute {
    char *execution_id;
    char *code; /* UTF-8, no NUL */
    enum language language;
    char *event_json;    /* JSON text, exactly as the client sent it; NULL means null */
    char *env_json;      /* JSON object of strings, or NULL */
    int64_t timeout_ms;  /* wall clock */
    int64_t memory_mb;   /* 0: no limit of the executor's own */
    int64_t disk_mb;     /* largest workspace; 0: no limit */
    int64_t max_processes; /* 0: no limit of the executor's own */
};

int wire_execute_encode(const struct wire_execute *request, struct strbuf *out, struct err *err) must_use;
/* ERR_INVALID names the field. */
int wire_execute_decode(const char *text, size_t len, struct wire_execute *out, struct err *err) must_use;
void wire_execute_release(struct wire_execute *request);

enum wire_event_type {
    WIRE_STARTED,   /* user code is about to run */
    WIRE_STDOUT,    /* `data`, in order; `skipped` bytes were left out before it */
    WIRE_STDERR,    /* likewise */
    WIRE_HEARTBEAT, /* every 5 s */
    WIRE_RESULT,    /* last, always */
};

/* Why an execution did not succeed; "" is success. */
enum wire_failure {
    WIRE_FAILURE_NONE,
    WIRE_FAILURE_EXCEPTION,     /* handler raised, or the script exited with a code other than 0 */
    WIRE_FAILURE_SIGNAL,        /* killed by a signal of its own making */
    WIRE_FAILURE_TIMEOUT,       /* over its time */
    WIRE_FAILURE_OUT_OF_MEMORY, /* over its memory */
    WIRE_FAILURE_DISK_FULL,     /* over its workspace */
    WIRE_FAILURE_RETURN_VALUE,  /* the return value is not JSON, or too large */
    WIRE_FAILURE_CANCELLED,     /* on request */
    WIRE_FAILURE_NO_RUNTIME,    /* no interpreter for the language in this image */
    WIRE_FAILURE_EXECUTOR,      /* the executor could not run it */
    WIRE_FAILURES
};
/* "exception", "signal", "timeout", "out_of_memory", "disk_full", "return_value", ...; "" for none. */
const char *wire_failure_name(enum wire_failure failure);

struct wire_result {
    enum wire_failure failure;
    char *message;         /* a sentence for people, or NULL */
    int64_t exit_code;     /* -1 when killed or over time */
    int64_t signal;        /* 0: none */
    char *return_json;     /* JSON text; NULL: none (null) */
    double start_ms;       /* from the request until the interpreter had the code; 0: not told (an older executor) */
    double duration_ms;    /* wall clock of the user code */
    double collect_ms;     /* from its end until the result was made; 0: not told */
    double cpu_time_ms;    /* user and system time of everything it started */
    double peak_memory_mb; /* largest resident set of one of its processes */
    bool stdout_truncated;
    bool stderr_truncated;
    bool touched;          /* files were made, changed or removed, or earlier changes are not stored yet: lib/wire/changes.h */
};

struct wire_event {
    enum wire_event_type type;
    char *data; /* WIRE_STDOUT, WIRE_STDERR: UTF-8 text, may hold NUL */
    size_t data_len;
    int64_t skipped;
    struct wire_result result; /* WIRE_RESULT */
};

/* Appends one line, with its newline. */
int wire_event_encode(const struct wire_event *event, struct strbuf *out, struct err *err) must_use;
/* Decodes one line (without newline). */
int wire_event_decode(const char *line, size_t len, struct wire_event *out, struct err *err) must_use;
void wire_event_release(struct wire_event *event);
void wire_result_release(struct wire_result *result);

/* GET /health */
struct wire_health {
    char version[32];
    char isolation[64]; /* what is in force around user code */
    int64_t uptime_ms;
    int64_t running;
    bool preparing; /* modules are still being imported that interpreters are to have */
};
int wire_health_encode(const struct wire_health *health, struct strbuf *out, struct err *err) must_use;
int wire_health_decode(const char *text, size_t len, struct wire_health *out, struct err *err) must_use;

#endif
