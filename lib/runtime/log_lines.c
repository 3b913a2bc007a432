/* SPDX-License-Identifier: Apache-2.0 */
/* Brings lines into their form, and forgets the oldest. */
#include "config.h"

#include "lib/runtime/log_lines.h"

#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/utf8.h"

/* Above KEPT_MAX it is cut to KEPT_MIN, which is more than anybody is given. */
enum { KEPT_MIN = 1200 * 1024, KEPT_MAX = 2 * KEPT_MIN, FORMED_MAX = 8 * LOG_LINE_MAX };

void log_lines_init(struct log_lines *lines, int64_t tail, int64_t since_ms, int64_t otherwise_ms)
{
    *lines = (struct log_lines){ .tail = tail, .since_ms = since_ms, .last_ms = otherwise_ms,
                                 .kept = STRBUF_INIT(KEPT_MAX + FORMED_MAX) };
}

void log_lines_release(struct log_lines *lines)
{
    strbuf_release(&lines->kept);
}

static size_t level_len(const char *text, size_t len)
{
    static const char *const levels[] = { " [DEBUG] ", " [INFO] ", " [WARN] ", " [ERROR] " };
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (len >= strlen(levels[i]) && memcmp(text, levels[i], strlen(levels[i])) == 0)
            return strlen(levels[i]);
    return 0;
}

/* A line taken apart. */
struct parts {
    int64_t ms;
    const char *level, *text; /* level as it stands: " [INFO] "; NULL for none */
    size_t level_len, text_len;
};

/* Takes a time and, behind it, a level; false when the line begins otherwise. */
static bool take_own(const char *line, size_t len, struct parts *out)
{
    size_t time = clock_parse_prefix(line, len, &out->ms);
    if (time == 0)
        return false;
    out->level = line + time;
    out->level_len = level_len(out->level, len - time);
    out->text = out->level + out->level_len;
    out->text_len = len - time - out->level_len;
    return out->level_len > 0;
}

static struct parts take_apart(const char *line, size_t len, int64_t otherwise_ms)
{
    struct parts parts;
    int64_t engine_ms;
    if (take_own(line, len, &parts))
        return parts;
    size_t time = clock_parse_prefix(line, len, &engine_ms);
    if (time > 0 && time < len && line[time] == ' ') {
        if (take_own(line + time + 1, len - time - 1, &parts))
            return parts;
        return (struct parts){ .ms = engine_ms, .text = line + time + 1, .text_len = len - time - 1 };
    }
    return (struct parts){ .ms = otherwise_ms, .text = line, .text_len = len };
}

/* C0 but for tabs, DEL, and C1, which is C2 80 to C2 9F: terminals act on them. */
static void add_harmless(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        if (c1)
            c = (unsigned char)text[++i];
        if (c1 || (c < 0x20 && c != '\t') || c == 0x7f)
            strbuf_addf(out, "\\x%02x", c);
        else
            strbuf_add_char(out, (char)c);
    }
}

static void forget_oldest(struct strbuf *kept)
{
    if (kept->len <= KEPT_MAX)
        return;
    size_t drop = kept->len - KEPT_MIN;
    const char *end = memchr(kept->data + drop, '\n', kept->len - drop);
    strbuf_drop_front(kept, end ? (size_t)(end + 1 - kept->data) : kept->len);
}

static void add_line(struct log_lines *lines, const char *line, size_t len, const char *level)
{
    char time[CLOCK_TEXT_SIZE];
    cleanup_strbuf struct strbuf good = STRBUF_INIT(4 * LOG_LINE_MAX);
    struct parts parts = take_apart(line, len, lines->last_ms);
    lines->last_ms = parts.ms;
    if (parts.ms / 1000 < lines->since_ms / 1000)
        return;
    clock_format(parts.ms > 0 ? parts.ms : 0, time);
    strbuf_add_str(&lines->kept, time);
    if (parts.level)
        strbuf_add(&lines->kept, parts.level, parts.level_len);
    else
        strbuf_addf(&lines->kept, " [%s] ", level);
    size_t text_len = parts.text_len < LOG_LINE_MAX ? parts.text_len : LOG_LINE_MAX;
    if (text_len < parts.text_len)
        text_len -= utf8_open_tail(parts.text, text_len);
    utf8_repair(parts.text, text_len, &good);
    add_harmless(&lines->kept, strbuf_str(&good), good.len);
    strbuf_add_char(&lines->kept, '\n');
    forget_oldest(&lines->kept);
}

void log_lines_add(struct log_lines *lines, const char *text, size_t len, const char *level)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line = end ? (size_t)(end - text) : len, step = end ? line + 1 : len;
        if (line > 0 && text[line - 1] == '\r')
            add_line(lines, text, line - 1, level);
        else
            add_line(lines, text, line, level);
        text += step;
        len -= step;
    }
}

void log_lines_finish(const struct log_lines *lines, size_t max, struct strbuf *out)
{
    const struct strbuf *kept = &lines->kept;
    size_t start = kept->len;
    for (int64_t count = 0; count < lines->tail && start > 0; count++) {
        const char *before = memrchr(kept->data, '\n', start - 1);
        size_t line = before ? (size_t)(before + 1 - kept->data) : 0;
        if (kept->len - line > max)
            break;
        start = line;
    }
    strbuf_add(out, kept->len ? kept->data + start : "", kept->len - start);
}
