/* SPDX-License-Identifier: Apache-2.0 */
/* Takes names of images apart from the right: digest, tag, path, registry. */
#include "lib/model/image_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HUB "docker.io"
#define LIBRARY "library/"

enum { DIGEST_HEX_MIN = 32 };

static int refuse(const char *text, struct err *err)
{
    return err_set(err, ERR_INVALID, "\"%.160s\" is not the name of an image.", text);
}

/* Moves what follows the last `mark` into `out`; false: too long. */
static bool split(char *mark, char *out, size_t size)
{
    *mark = '\0';
    size_t len = strlen(mark + 1);
    if (len == 0 || len >= size)
        return false;
    memcpy(out, mark + 1, len + 1);
    return true;
}

static bool is_tag(const char *tag)
{
    return strspn(tag, LOWER UPPER DIGITS "_.-") == strlen(tag) && tag[0] != '.' && tag[0] != '-';
}

static bool is_digest(const char *digest)
{
    const char *colon = strchr(digest, ':');
    if (!colon || colon == digest || strspn(digest, LOWER UPPER DIGITS "+._-") != (size_t)(colon - digest))
        return false;
    size_t len = strlen(colon + 1);
    return len >= DIGEST_HEX_MIN && strspn(colon + 1, DIGITS "abcdef") == len;
}

/* Components of lower-case letters and digits with single separators between them. */
static bool is_path(const char *path)
{
    bool fresh = true; /* a letter or digit must follow */
    for (const char *at = path; *at; at++) {
        if (strchr(LOWER DIGITS, *at))
            fresh = false;
        else if (fresh && !(*at == '_' && at > path && at[-1] == '_') && !(*at == '-' && at > path && at[-1] == '-'))
            return false;
        else if (!strchr("/._-", *at))
            return false;
        else
            fresh = true;
    }
    return !fresh;
}

static bool is_registry(const char *text, size_t len)
{
    return memchr(text, '.', len) || memchr(text, ':', len) || strcspn(text, UPPER) < len ||
           (len == 9 && strncmp(text, "localhost", 9) == 0);
}

static bool registry_valid(const char *text)
{
    const char *port = text[0] == '[' ? strstr(text, "]:") : strrchr(text, ':');
    size_t len = strlen(text);
    if (text[0] == '[' ? strspn(text + 1, DIGITS "abcdefABCDEF:") == 0 || !strchr(text, ']')
                       : strspn(text, LOWER UPPER DIGITS ".-") != (port ? (size_t)(port - text) : len))
        return false;
    const char *digits = port ? port + (text[0] == '[' ? 2 : 1) : NULL;
    return !digits || (digits[0] && strspn(digits, DIGITS) == strlen(digits));
}

static bool take_registry(const char *text, struct image_name *out)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : 0;
    bool named = slash && is_registry(text, len);
    if (named && len >= sizeof(out->registry))
        return false;
    snprintf(out->registry, sizeof(out->registry), "%.*s", named ? (int)len : (int)sizeof(HUB) - 1, named ? text : HUB);
    if (strcmp(out->registry, "index.docker.io") == 0)
        snprintf(out->registry, sizeof(out->registry), HUB);
    const char *path = named ? slash + 1 : text;
    bool bare = strcmp(out->registry, HUB) == 0 && !strchr(path, '/');
    snprintf(out->repository, sizeof(out->repository), "%s%s", bare ? LIBRARY : "", path);
    return registry_valid(out->registry) && is_path(out->repository);
}

int image_name_parse(const char *text, struct image_name *out, struct err *err)
{
    char rest[TEMPLATE_IMAGE_MAX + 1];
    struct image_name name = { 0 };
    if (snprintf(rest, sizeof(rest), "%s", text) >= (int)sizeof(rest))
        return refuse(text, err);
    char *at = strchr(rest, '@');
    if (at && (!split(at, name.digest, sizeof(name.digest)) || !is_digest(name.digest)))
        return refuse(text, err);
    char *slash = strrchr(rest, '/'), *colon = strrchr(slash ? slash : rest, ':');
    if (colon && (!split(colon, name.tag, sizeof(name.tag)) || !is_tag(name.tag)))
        return refuse(text, err);
    if (!name.tag[0] && !name.digest[0])
        snprintf(name.tag, sizeof(name.tag), "latest");
    if (!take_registry(rest, &name))
        return refuse(text, err);
    *out = name;
    return 0;
}

void image_name_familiar(const struct image_name *name, char out[IMAGE_NAME_SIZE])
{
    bool hub = strcmp(name->registry, HUB) == 0;
    const char *path = name->repository;
    if (hub && strncmp(path, LIBRARY, sizeof(LIBRARY) - 1) == 0)
        path += sizeof(LIBRARY) - 1;
    snprintf(out, IMAGE_NAME_SIZE, "%s%s%s%s%s", hub ? "" : name->registry, hub ? "" : "/", path, name->digest[0] ? "@" : ":",
             name->digest[0] ? name->digest : name->tag);
}

void image_name_normal(const char *text, char out[IMAGE_NAME_SIZE])
{
    struct image_name name;
    struct err ignored = ERR_INIT;
    if (image_name_parse(text, &name, &ignored) == 0)
        image_name_familiar(&name, out);
    else
        snprintf(out, IMAGE_NAME_SIZE, "%s", text);
}
