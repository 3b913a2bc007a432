/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP heads, as little of them as is needed. */
#include "config.h"

#include "lib/runtime/relay_parse.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/runtime/driver.h"
#include "lib/util/json.h"

/* A line without its end. */
struct line {
    const char *text;
    size_t len;
};

/* Where the empty line ends; 0: not yet. */
static size_t head_len(const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

/* The next line of a head (which ends in one); false at the empty one. */
static bool next_line(const char **at, struct line *out)
{
    const char *end = strstr(*at, "\r\n");
    *out = (struct line){ *at, (size_t)(end - *at) };
    *at = end + 2;
    return out->len > 0;
}

/* The value when the line is that header's; NULL. */
static const char *value_of(const struct line *line, const char *name, size_t *len_out)
{
    size_t name_len = strlen(name);
    if (line->len <= name_len || strncasecmp(line->text, name, name_len) != 0 || line->text[name_len] != ':')
        return NULL;
    const char *value = line->text + name_len + 1, *end = line->text + line->len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *len_out = (size_t)(end - value);
    return value;
}

/* A copy of the head that strings may be looked for in; NULL: there is none (yet), or it has a NUL. */
static char *copy_head(const char *data, size_t len)
{
    return len > 0 && !memchr(data, '\0', len) ? strndup(data, len) : NULL;
}

static bool is_request_line(const struct line *line)
{
    static const char tail[] = " HTTP/1.1";
    return line->len > sizeof(tail) && isupper((unsigned char)line->text[0]) &&
           memcmp(line->text + line->len - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0;
}

enum relay_read relay_read_host(const char *data, size_t len, char id_out[CONTAINER_ID_SIZE])
{
    static const char prefix[] = RUNTIME_HOST_PREFIX;
    size_t size = head_len(data, len), value_len = 0;
    char id[CONTAINER_ID_SIZE] = "";
    if (size == 0)
        return RELAY_READ_MORE;
    cleanup_free char *head = copy_head(data, size);
    const char *at = head;
    struct line line;
    if (!head || !next_line(&at, &line) || !is_request_line(&line))
        return RELAY_READ_BAD;
    while (next_line(&at, &line)) {
        const char *value = value_of(&line, "Host", &value_len);
        if (line.text[0] == ' ' || line.text[0] == '\t')
            return RELAY_READ_BAD; /* a header that goes on: whose? */
        if (!value)
            continue;
        if (id[0] || value_len != sizeof(prefix) - 1 + CONTAINER_ID_SIZE - 1 || memcmp(value, prefix, sizeof(prefix) - 1) != 0)
            return RELAY_READ_BAD;
        memcpy(id, value + sizeof(prefix) - 1, CONTAINER_ID_SIZE - 1);
    }
    if (!runtime_id_valid(id))
        return RELAY_READ_BAD;
    memcpy(id_out, id, sizeof(id));
    return RELAY_READ_DONE;
}

/* "HTTP/1.1 201 Created": the status, or 0. */
static int read_status(const struct line *line)
{
    const char *text = line->text;
    if (line->len < 12 || (strncmp(text, "HTTP/1.1 ", 9) != 0 && strncmp(text, "HTTP/1.0 ", 9) != 0))
        return 0;
    for (int i = 9; i < 12; i++)
        if (!isdigit((unsigned char)text[i]))
            return 0;
    int status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
    return status >= 100 && status <= 599 && (line->len == 12 || text[12] == ' ') ? status : 0;
}

static bool read_length(const char *value, size_t len, size_t *out)
{
    if (len < 1 || len > 9 || strspn(value, "0123456789") < len)
        return false;
    *out = strtoul(value, NULL, 10);
    return *out <= RELAY_BODY_MAX;
}

enum relay_read relay_read_answer(const char *data, size_t len, struct relay_answer *out)
{
    struct relay_answer answer = { .head_len = head_len(data, len) };
    size_t value_len = 0;
    if (answer.head_len == 0)
        return RELAY_READ_MORE;
    cleanup_free char *head = copy_head(data, answer.head_len);
    const char *at = head;
    struct line line;
    if (!head || !next_line(&at, &line) || (answer.status = read_status(&line)) == 0)
        return RELAY_READ_BAD;
    while (next_line(&at, &line)) {
        const char *length = value_of(&line, "Content-Length", &value_len);
        if (length && !read_length(length, value_len, &answer.body_len))
            return RELAY_READ_BAD;
        if (value_of(&line, "Transfer-Encoding", &value_len))
            return RELAY_READ_BAD;
    }
    *out = answer;
    return RELAY_READ_DONE;
}

int relay_read_exec(const char *body, size_t len, char out[RELAY_EXEC_SIZE])
{
    struct err ignored = ERR_INIT;
    cleanup_json struct json_object *answer = NULL;
    struct json_object *id = NULL;
    if (json_parse(body, len, &answer, &ignored) != 0 || !json_object_is_type(answer, json_type_object) ||
        !json_object_object_get_ex(answer, "Id", &id) || !json_object_is_type(id, json_type_string))
        return -1;
    const char *text = json_object_get_string(id);
    size_t size = (size_t)json_object_get_string_len(id);
    if (size < 1 || size >= RELAY_EXEC_SIZE)
        return -1;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) || (unsigned char)text[i] > 126)
            return -1;
    memcpy(out, text, size + 1);
    return 0;
}
