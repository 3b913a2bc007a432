/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for paths. */
#include "lib/model/workspace.h"

#include <string.h>

#include "lib/util/utf8.h"

/* Control characters of ASCII; a name with a newline cannot be told from two names in many a tool. */
static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return true;
    return false;
}

/* What is wrong with the components, or NULL. */
static const char *check_components(const char *path, size_t len)
{
    size_t depth = 0;
    for (size_t at = 0; at <= len;) {
        const char *slash = memchr(path + at, '/', len - at);
        size_t name = slash ? (size_t)(slash - path) - at : len - at;
        if (name == 0)
            return "must be relative, and have no empty part: no \"//\", and no \"/\" at its end";
        if (name > WORKSPACE_NAME_MAX)
            return "has a part of more than 255 bytes";
        if (path[at] == '.' && (name == 1 || (name == 2 && path[at + 1] == '.')))
            return "must not have \".\" or \"..\" in it";
        if (++depth > WORKSPACE_DEPTH_MAX)
            return "has more than 64 parts";
        at += name + 1;
    }
    return NULL;
}

static const char *find_fault(const char *path, size_t len)
{
    if (len == 0)
        return "must not be empty";
    if (len > WORKSPACE_PATH_MAX)
        return "is longer than 1024 bytes";
    if (!utf8_valid(path, len))
        return "is not UTF-8";
    if (has_control(path, len))
        return "has a control character in it";
    return check_components(path, len);
}

int workspace_path_check(const char *path, size_t len, const char *field, struct err *err)
{
    const char *fault = find_fault(path, len);
    return fault ? err_field(err, field, "The path of a file %s.", fault) : 0;
}

bool workspace_path_valid(const char *path, size_t len)
{
    return find_fault(path, len) == NULL;
}
