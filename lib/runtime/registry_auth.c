/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a registry's entry, and writes what the engine wants to have. */
#include "lib/runtime/registry_auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/base64.h"
#include "lib/util/json.h"

enum { FILE_MAX = 1024 * 1024, SECRET_MAX = 16 * 1024 };

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : text;
}

/* Keys may be URLs; Docker Hub's is "https://index.docker.io/v1/". */
static bool is_for(const char *key, const char *registry)
{
    key = after(after(key, "https://"), "http://");
    size_t len = strcspn(key, "/");
    if (strcmp(registry, "docker.io") == 0)
        key = after(key, "index."), len = strcspn(key, "/");
    return len == strlen(registry) && strncmp(key, registry, len) == 0;
}

static const char *member(struct json_object *entry, const char *name)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(entry, json_type_object) || !json_object_object_get_ex(entry, name, &value) ||
        !json_object_is_type(value, json_type_string))
        return "";
    return json_object_get_string(value);
}

static void put(struct json_object *object, const char *name, const char *text, bool *failed)
{
    struct json_object *value = json_object_new_string(text);
    if (!object || !value || json_object_object_add(object, name, value) != 0)
        *failed = true;
}

static int write_value(struct json_object *value, bool failed, struct strbuf *out, struct err *err)
{
    const char *text = failed ? NULL : json_text(value);
    if (text)
        base64url_encode(text, strlen(text), out);
    return text && strbuf_ok(out) ? 0 : err_internal(err, 0, "out of memory for credentials");
}

static int use(struct json_object *entry, const char *registry, struct strbuf *out, struct err *err)
{
    const char *auth = member(entry, "auth"), *token = member(entry, "identitytoken");
    cleanup_json struct json_object *value = json_object_new_object();
    cleanup_strbuf struct strbuf plain = STRBUF_INIT(SECRET_MAX);
    bool failed = false;
    put(value, "serveraddress", registry, &failed);
    if (token[0]) {
        put(value, "identitytoken", token, &failed);
        return write_value(value, failed, out, err);
    }
    char *colon = base64_decode(auth, strlen(auth), &plain) ? strchr(strbuf_str(&plain), ':') : NULL;
    if (!colon)
        return err_set(err, ERR_INVALID, "runtime.docker_config has an entry for %.128s that cannot be used.", registry);
    *colon = '\0';
    put(value, "username", strbuf_str(&plain), &failed);
    put(value, "password", colon + 1, &failed);
    return write_value(value, failed, out, err);
}

int registry_auth_find(const char *config, size_t len, const char *registry, struct strbuf *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct json_object *auths = NULL;
    struct err problem = ERR_INIT;
    if (json_parse(config, len, &object, &problem) != 0 || !json_object_is_type(object, json_type_object))
        return err_set(err, ERR_INVALID, "runtime.docker_config is no JSON object.");
    if (!json_object_object_get_ex(object, "auths", &auths) || !json_object_is_type(auths, json_type_object))
        return 0;
    json_object_object_foreach(auths, key, entry)
    {
        if (is_for(key, registry))
            return use(entry, registry, out, err);
    }
    return 0;
}

int registry_auth_load(const char *path, const char *registry, struct strbuf *out, struct err *err)
{
    if (!path[0])
        return 0;
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *text = malloc(FILE_MAX + 1);
    if (!text)
        return err_internal(err, ENOMEM, "reading credentials");
    if (!file)
        return err_set(err, ERR_UNAVAILABLE, "runtime.docker_config cannot be read: %s.", strerror(errno));
    size_t len = fread(text, 1, FILE_MAX + 1, file);
    if (ferror(file) || len > FILE_MAX)
        return err_set(err, ERR_UNAVAILABLE, "runtime.docker_config cannot be read, or is over 1 MiB.");
    return registry_auth_find(text, len, registry, out, err);
}
