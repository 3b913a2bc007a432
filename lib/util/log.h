/* SPDX-License-Identifier: Apache-2.0 */
/* One line an event, on standard error: JSON, or for people. Only entry points (fcgi, jobs, executor) log; libraries return errors. */
#ifndef SANDBOX_UTIL_LOG_H
#define SANDBOX_UTIL_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/util/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *name; /* NULL ends a list */
    const char *text; /* string value, or NULL for a number */
    int64_t number;
};

/* A NULL string is left out of the line. */
#define LOG_STR(field, value) ((struct log_field){ .name = (field), .text = (value) ? (value) : "" })
#define LOG_INT(field, value) ((struct log_field){ .name = (field), .number = (value) })

/* Names the program in every line and sets the lowest level that is written. Call once, at start. */
void log_setup(const char *program, enum log_level lowest);
/* From now on lines for people: `2026-01-06T10:00:00Z [INFO] sandbox-executor starting version=1`. Whatever could look like another
 * line or another field is escaped. A standard error that is a file is kept below `file_max` bytes by dropping the oldest lines; 0: not. */
void log_setup_plain(int64_t file_max);
/* "debug", "info", "warn", "error" to the level; -1 for anything else. */
int log_level_parse(const char *name);

void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* log_event(LOG_LEVEL_INFO, "session started", LOG_STR("session_id", id), LOG_INT("ms", 5)); */
#define log_event(level, event, ...)                                                               \
    log_write(level, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ) { 0 } })

/* The event with the error's code number, text and detail. */
void log_err(enum log_level level, const char *event, const struct err *err, const char *id_name,
             const char *id);

#endif
