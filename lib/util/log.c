/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on standard error, each written by one write(2) so that lines of several processes never mix. */
#include "lib/util/log.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/log_file.h"
#include "lib/util/strbuf.h"

static struct {
    const char *program;
    enum log_level lowest;
    bool plain;
    int64_t file_max;
} setup = { .program = "sandbox", .lowest = LOG_LEVEL_INFO };

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const plain_names[] = { "DEBUG", "INFO", "WARN", "ERROR" };

void log_setup(const char *program, enum log_level lowest)
{
    setup.program = program;
    setup.lowest = lowest;
}

void log_setup_plain(int64_t file_max)
{
    setup.plain = true;
    setup.file_max = file_max;
}

int log_level_parse(const char *name)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (strcmp(name, level_names[i]) == 0)
            return (int)i;
    return -1;
}

static size_t count_plain(const unsigned char *text)
{
    size_t count = 0;
    while (text[count] >= 0x20 && text[count] < 0x7f && text[count] != '"' && text[count] != '\\')
        count++;
    return count;
}

static void add_quoted(struct strbuf *line, const char *text)
{
    strbuf_add_char(line, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        size_t plain = count_plain(c);
        strbuf_add(line, c, plain);
        c += plain;
        if (*c == '"' || *c == '\\')
            strbuf_addf(line, "\\%c", *c++);
        else if (*c) /* bytes of unknown encoding are shown, not trusted */
            strbuf_addf(line, "\\u%04x", *c++);
    }
    strbuf_add_char(line, '"');
}

static void add_time(struct strbuf *line)
{
    enum { TO_SECONDS = 19 };
    char text[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_wall_ms();
    clock_format(now_ms, text);
    strbuf_addf(line, "{\"time\":\"%.*s.%03dZ\"", TO_SECONDS, text, (int)(now_ms % 1000));
}

static void make_json(struct strbuf *line, enum log_level level, const char *event, const struct log_field *fields)
{
    add_time(line);
    strbuf_addf(line, ",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,\"event\":", level_names[level],
                setup.program, (int)getpid());
    add_quoted(line, event);
    for (; fields->name; fields++) {
        if (fields->text && fields->text[0] == '\0')
            continue;
        strbuf_addf(line, ",\"%s\":", fields->name);
        if (fields->text)
            add_quoted(line, fields->text);
        else
            strbuf_addf(line, "%" PRId64, fields->number);
    }
    strbuf_add_char(line, '}');
}

/* Printable ASCII as it is, everything else as \xNN: no byte of a value can end the line or steer a terminal. */
static void add_escaped(struct strbuf *line, const char *text, bool quoted)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c >= 0x7f)
            strbuf_addf(line, "\\x%02x", *c);
        else if (*c == '\\' || (quoted && *c == '"'))
            strbuf_addf(line, "\\%c", *c);
        else
            strbuf_add_char(line, (char)*c);
    }
}

static bool needs_quotes(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7f || strchr("\"=\\", *text))
            return true;
    return false;
}

static void make_plain(struct strbuf *line, enum log_level level, const char *event, const struct log_field *fields)
{
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ms(), now);
    strbuf_addf(line, "%s [%s] ", now, plain_names[level]);
    add_escaped(line, event, false);
    for (; fields->name; fields++) {
        if (fields->text && fields->text[0] == '\0')
            continue;
        bool quoted = fields->text && needs_quotes(fields->text);
        strbuf_addf(line, " %s=%s", fields->name, quoted ? "\"" : "");
        if (fields->text)
            add_escaped(line, fields->text, quoted);
        else
            strbuf_addf(line, "%" PRId64, fields->number);
        strbuf_add_str(line, quoted ? "\"" : "");
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < setup.lowest)
        return;
    cleanup_strbuf struct strbuf line = STRBUF_INIT(16384);
    (setup.plain ? make_plain : make_json)(&line, level, event, fields);
    strbuf_add_char(&line, '\n');
    if (!strbuf_ok(&line))
        return;
    if (setup.file_max > 0)
        log_file_bound(STDERR_FILENO, setup.file_max - (int64_t)line.len);
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
