/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over valid JSON that gathers the names of each open object, and sorts them when it closes. */
#include "lib/util/json_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/json.h"

struct name {
    const char *text;
    size_t len;
};

/* A bracket that is open: what the walk is at within it. */
struct frame {
    bool object;
    struct name name;
    size_t index;
};

struct walk {
    const char *text, *at, *end;
    const char *raw;
    bool muted; /* within the raw member */
    struct frame frames[JSON_DEPTH_MAX];
    size_t depth;
    struct name *names; /* of all open objects, outermost first */
    size_t count, cap;
    char *unescaped; /* as large as the text; names that hold escapes */
    size_t used;
    struct err *err;
};

static int walk_value(struct walk *walk);

static char peek(const struct walk *walk)
{
    return walk->at < walk->end ? *walk->at : '\0';
}

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end && strchr(" \t\r\n", *walk->at) && *walk->at)
        walk->at++;
}

/* Past the string that begins here; its content, as it is written. */
static struct name take_string(struct walk *walk)
{
    const char *start = ++walk->at;
    while (walk->at < walk->end && *walk->at != '"')
        walk->at += *walk->at == '\\' && walk->at + 1 < walk->end ? 2 : 1;
    struct name name = { .text = start, .len = (size_t)(walk->at - start) };
    if (walk->at < walk->end)
        walk->at++;
    return name;
}

static unsigned hex4(const char *at, const char *end)
{
    unsigned code = 0;
    for (int i = 0; i < 4 && at + i < end; i++) {
        char c = at[i];
        code = code * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (code >> 18 & 0x07));
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* The character after "\u"; *at moves past its digits, and past a low surrogate's. A lone surrogate is U+FFFD, as in json-c. */
static unsigned take_code(const char **at, const char *end)
{
    unsigned code = hex4(*at, end) & 0xffff;
    *at += end - *at < 4 ? end - *at : 4;
    if (code < 0xd800 || code > 0xdfff)
        return code;
    if (code > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0xfffd;
    unsigned low = hex4(*at + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* An escape is never shorter than what it stands for. */
static int unescape(struct walk *walk, struct name *name)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    if (!walk->unescaped && !(walk->unescaped = malloc((size_t)(walk->end - walk->text))))
        return err_internal(walk->err, 0, "out of memory for names in JSON");
    const char *at = name->text, *end = name->text + name->len;
    char *start = walk->unescaped + walk->used, *out = start;
    while (at < end) {
        char c = *at++;
        if (c != '\\' || at == end) {
            *out++ = c;
            continue;
        }
        c = *at++;
        const char *found = strchr(names, c);
        if (c == 'u')
            out = put_utf8(out, take_code(&at, end));
        else
            *out++ = found && c ? values[found - names] : c;
    }
    *name = (struct name){ .text = start, .len = (size_t)(out - start) };
    walk->used += name->len;
    return 0;
}

static int refuse(const struct walk *walk, const struct name *name)
{
    char pointer[sizeof(walk->err->field)] = "", longer[sizeof(pointer)], step[64];
    for (size_t i = 0; i < walk->depth; i++) {
        const struct frame *frame = &walk->frames[i];
        const struct name *at = i + 1 == walk->depth ? name : &frame->name;
        if (frame->object)
            snprintf(step, sizeof(step), "%.*s", (int)(at->len < sizeof(step) ? at->len : sizeof(step) - 1), at->text);
        else
            snprintf(step, sizeof(step), "%zu", frame->index);
        json_pointer_join(longer, sizeof(longer), pointer, step);
        memcpy(pointer, longer, sizeof(pointer));
    }
    return err_field(walk->err, pointer, "The field \"%s\" is given twice.", step);
}

static int take_name(struct walk *walk, struct name *out)
{
    *out = take_string(walk);
    if (walk->muted)
        return 0;
    if (memchr(out->text, '\\', out->len) && unescape(walk, out) != 0)
        return -1;
    if (memchr(out->text, '\0', out->len))
        return err_set(walk->err, ERR_INVALID, "A field's name must not contain a NUL character.");
    if (walk->count == walk->cap) {
        size_t cap = walk->cap ? walk->cap * 2 : 32;
        struct name *more = realloc(walk->names, cap * sizeof(*more));
        if (!more)
            return err_internal(walk->err, 0, "out of memory for names in JSON");
        walk->names = more;
        walk->cap = cap;
    }
    walk->names[walk->count++] = *out;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    if (left->len != right->len)
        return left->len < right->len ? -1 : 1;
    return memcmp(left->text, right->text, left->len);
}

/* The names from `first` on are those of the object that closes. */
static int close_object(struct walk *walk, size_t first)
{
    if (walk->count - first > 1)
        qsort(walk->names + first, walk->count - first, sizeof(*walk->names), compare);
    for (size_t i = first + 1; i < walk->count; i++)
        if (compare(&walk->names[i - 1], &walk->names[i]) == 0)
            return refuse(walk, &walk->names[i]);
    walk->count = first;
    return 0;
}

static int walk_member(struct walk *walk, struct frame *frame)
{
    if (peek(walk) == '"' && take_name(walk, &frame->name) != 0)
        return -1;
    skip_space(walk);
    if (peek(walk) == ':')
        walk->at++;
    bool raw = walk->raw && walk->depth == 1 && frame->name.len == strlen(walk->raw) &&
               memcmp(frame->name.text, walk->raw, frame->name.len) == 0;
    walk->muted = walk->muted || raw;
    int status = walk_value(walk);
    walk->muted = walk->muted && !raw;
    return status;
}

/* Past the list that begins here. */
static int walk_list(struct walk *walk, bool object)
{
    if (walk->depth == JSON_DEPTH_MAX)
        return err_set(walk->err, ERR_INVALID, "The JSON text is nested too deeply.");
    struct frame *frame = &walk->frames[walk->depth++];
    *frame = (struct frame){ .object = object, .name = { .text = "" } };
    char close = object ? '}' : ']';
    size_t first = walk->count;
    for (walk->at++; walk->at < walk->end; frame->index++) {
        skip_space(walk);
        if (peek(walk) == close)
            break;
        if ((object ? walk_member(walk, frame) : walk_value(walk)) != 0)
            return -1;
        skip_space(walk);
        if (peek(walk) != ',')
            break;
        walk->at++;
    }
    if (walk->at < walk->end)
        walk->at++;
    int status = close_object(walk, first);
    walk->depth--;
    return status;
}

static int walk_value(struct walk *walk)
{
    skip_space(walk);
    char c = peek(walk);
    if (c == '{' || c == '[')
        return walk_list(walk, c == '{');
    if (c == '"')
        (void)take_string(walk);
    else
        while (walk->at < walk->end && !strchr(",]}", *walk->at))
            walk->at++;
    return 0;
}

int json_check_names(const char *text, size_t len, const char *raw, struct err *err)
{
    struct walk walk = { .text = text, .at = text, .end = text + len, .raw = raw, .err = err };
    int status = walk_value(&walk);
    free(walk.names);
    free(walk.unescaped);
    return status;
}
