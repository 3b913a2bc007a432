/* SPDX-License-Identifier: Apache-2.0 */
/* JSON log lines on standard error, each written by one write(2) so that lines of several processes never mix. */
#include "lib/util/log.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/strbuf.h"

static struct {
    const char *program;
    enum log_level lowest;
} setup = { "sandbox", LOG_LEVEL_INFO };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_setup(const char *program, enum log_level lowest)
{
    setup.program = program;
    setup.lowest = lowest;
}

int log_level_parse(const char *name)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (strcmp(name, level_names[i]) == 0)
            return (int)i;
    return -1;
}

static void add_quoted(struct strbuf *line, const char *text)
{
    strbuf_add_char(line, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            strbuf_addf(line, "\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f) /* bytes of unknown encoding are shown, not trusted */
            strbuf_addf(line, "\\u%04x", *c);
        else
            strbuf_add_char(line, (char)*c);
    }
    strbuf_add_char(line, '"');
}

static void add_time(struct strbuf *line)
{
    struct timespec now;
    struct tm utc;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    strbuf_addf(line, "{\"time\":\"%s.%03ldZ\"", text, now.tv_nsec / 1000000);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < setup.lowest)
        return;
    cleanup_strbuf struct strbuf line = STRBUF_INIT(16384);
    add_time(&line);
    strbuf_addf(&line, ",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,\"event\":", level_names[level],
                setup.program, (int)getpid());
    add_quoted(&line, event);
    for (; fields->name; fields++) {
        if (fields->text && fields->text[0] == '\0')
            continue;
        strbuf_addf(&line, ",\"%s\":", fields->name);
        if (fields->text)
            add_quoted(&line, fields->text);
        else
            strbuf_addf(&line, "%" PRId64, fields->number);
    }
    strbuf_add_str(&line, "}\n");
    if (!strbuf_ok(&line))
        return;
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored; /* a log that cannot be written has nowhere to be reported */
}

void log_err(enum log_level level, const char *event, const struct err *err, const char *id_name,
             const char *id)
{
    log_event(level, event, LOG_STR(id_name ? id_name : "id", id), LOG_INT("code", err->code),
              LOG_STR("text", err->text), LOG_STR("field", err->field),
              LOG_STR("detail", err->detail));
}
