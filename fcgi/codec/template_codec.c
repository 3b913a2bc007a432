/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: bodies in, answers out. */
#include "fcgi/codec/template_codec.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/codec/fields.h"
#include "lib/model/preload.h"
#include "lib/util/strbuf.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool template_id_valid(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len < TEMPLATE_ID_SIZE && id[0] != '-' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* A copy of a text that was there, of nothing but `alphabet` (NULL: anything). */
static int keep(const char *text, const char *pointer, const char *alphabet, const char *grammar, char **out, struct err *err)
{
    if (!text)
        return 0;
    if (alphabet && text[strspn(text, alphabet)])
        return err_field(err, pointer, "%s may hold %s only.", strrchr(pointer, '/') + 1, grammar);
    *out = strdup(text);
    return *out ? 0 : err_internal(err, 0, "out of memory for a template");
}

static int keep_image(const char *text, const char *pointer, char **out, struct err *err)
{
    return keep(text, pointer, ALPHANUMERIC "._/:@-", "A-Z, a-z, 0-9 and ._/:@-", out, err);
}

/* The text of an array's item, `pointer` getting where it stands; NULL when it is none. */
static const char *item_text(struct json_object *array, size_t i, const char *name, char pointer[64])
{
    struct json_object *item = json_object_array_get_idx(array, i);
    snprintf(pointer, 64, "/%s/%zu", name, i);
    if (!json_object_is_type(item, json_type_string))
        return NULL;
    const char *text = json_object_get_string(item);
    return strlen(text) == (size_t)json_object_get_string_len(item) ? text : NULL;
}

static int read_packages(struct json_object *array, char **out, struct err *err)
{
    size_t count = array ? json_object_array_length(array) : 0;
    char pointer[64];
    if (count > TEMPLATE_PACKAGES_MAX)
        return err_field(err, "/pre_installed_packages", "There are more than %d packages.", TEMPLATE_PACKAGES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *text = item_text(array, i, "pre_installed_packages", pointer);
        if (!text || !*text || strlen(text) > TEMPLATE_PACKAGE_BYTES_MAX)
            return err_field(err, pointer, "A package must be a text of 1 to %d bytes without NUL.", TEMPLATE_PACKAGE_BYTES_MAX);
    }
    return array ? keep(json_text(array), "/pre_installed_packages", NULL, NULL, out, err) : 0;
}

/* An array of names to "python,javascript". */
static int read_languages(struct json_object *array, char **out, struct err *err)
{
    size_t count = array ? json_object_array_length(array) : 0;
    bool there[LANGUAGES] = { false };
    cleanup_strbuf struct strbuf list = STRBUF_INIT(128);
    char pointer[64];
    if (array && count == 0)
        return err_field(err, "/languages", "languages must name at least one.");
    for (size_t i = 0; i < count; i++) {
        const char *text = item_text(array, i, "languages", pointer);
        int language = text ? language_parse(text) : -1;
        if (language < 0)
            return err_field(err, pointer, "A language must be python, javascript or shell.");
        if (there[language])
            return err_field(err, pointer, "%s is there twice.", text);
        there[language] = true;
        strbuf_addf(&list, "%s%s", i ? "," : "", text);
    }
    return array ? keep(strbuf_str(&list), "/languages", NULL, NULL, out, err) : 0;
}

static int read_preload(struct json_object *array, char **out, struct err *err)
{
    size_t count = array ? json_object_array_length(array) : 0;
    char pointer[64];
    if (count > PRELOAD_MODULES_MAX)
        return err_field(err, "/preload", "There are more than %d modules.", PRELOAD_MODULES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *text = item_text(array, i, "preload", pointer);
        if (!text || !preload_name_valid(text))
            return err_field(err, pointer, "A module must be the name of a Python module, such as pandas or os.path, of at most %d characters.",
                             PRELOAD_NAME_MAX);
        for (size_t k = 0; k < i; k++)
            if (strcmp(text, json_object_get_string(json_object_array_get_idx(array, k))) == 0)
                return err_field(err, pointer, "%s is there twice.", text);
    }
    return array ? keep(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN), "/preload", NULL, NULL, out, err) : 0;
}

static int read_security(struct json_object *object, struct template_change *out, struct err *err)
{
    bool network = false, read_only = false, network_there = false, read_only_there = false;
    const char *runtime = NULL;
    const struct json_field fields[] = {
        { .name = "network_enabled", .type = JSON_FIELD_BOOL, .out = &network, .present = &network_there },
        { .name = "runtime", .type = JSON_FIELD_STRING, .out = &runtime, .max = TEMPLATE_OCI_RUNTIME_MAX },
        { .name = "read_only_root", .type = JSON_FIELD_BOOL, .out = &read_only, .present = &read_only_there },
    };
    if (!object)
        return 0;
    if (json_read_fields(object, "/security_context", fields, COUNT(fields), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    out->network_enabled = network_there ? network : -1;
    out->read_only_root = read_only_there ? read_only : -1;
    return keep(runtime, "/security_context/runtime", ALPHANUMERIC "._-", "A-Z, a-z, 0-9 and ._-", &out->oci_runtime, err);
}

static int read_pool(struct json_object *object, struct template_change *out, struct err *err)
{
    const struct json_field fields[] = {
        { .name = "min", .type = JSON_FIELD_INT, .out = &out->pool_min, .max = TEMPLATE_POOL_MAX },
        { .name = "target", .type = JSON_FIELD_INT, .out = &out->pool_target, .max = TEMPLATE_POOL_MAX },
        { .name = "max_idle", .type = JSON_FIELD_INT, .out = &out->pool_max_idle_s, .max = TEMPLATE_IDLE_MAX_S },
    };
    return object ? json_read_fields(object, "/pool", fields, COUNT(fields), JSON_UNKNOWN_REFUSE, err) : 0;
}

/* Both bodies; `id_out` NULL: that of a change. */
static int read_body(struct json_object *body, const char **id_out, struct template_change *out, struct err *err)
{
    const char *id = NULL, *name = NULL, *image = NULL, *base_image = NULL;
    struct json_object *packages = NULL, *languages = NULL, *preload = NULL, *resources = NULL, *security = NULL, *pool = NULL;
    bool deprecated = false, deprecated_there = false, create = id_out != NULL;
    const struct json_field fields[] = {
        { .name = create ? "id" : "deprecated", .type = create ? JSON_FIELD_STRING : JSON_FIELD_BOOL, .required = create,
          .out = create ? (void *)&id : (void *)&deprecated, .present = create ? NULL : &deprecated_there },
        { .name = "name", .type = JSON_FIELD_STRING, .required = create, .out = &name, .min = 1, .max = TEMPLATE_NAME_MAX },
        { .name = "image", .type = JSON_FIELD_STRING, .required = create, .out = &image, .min = 1, .max = TEMPLATE_IMAGE_MAX },
        { .name = "base_image", .type = JSON_FIELD_STRING, .out = &base_image, .max = TEMPLATE_IMAGE_MAX },
        { .name = "pre_installed_packages", .type = JSON_FIELD_ARRAY, .out = &packages },
        { .name = "languages", .type = JSON_FIELD_ARRAY, .out = &languages },
        { .name = "preload", .type = JSON_FIELD_ARRAY, .out = &preload },
        { .name = "default_resources", .type = JSON_FIELD_OBJECT, .out = &resources },
        { .name = "security_context", .type = JSON_FIELD_OBJECT, .out = &security },
        { .name = "pool", .type = JSON_FIELD_OBJECT, .out = &pool },
    };
    if (json_read_fields(body, "", fields, COUNT(fields), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    if (create && !template_id_valid(id))
        return err_field(err, "/id", "id must be 1 to 63 of [a-z0-9-] and not begin with -.");
    if (create)
        *id_out = id;
    out->deprecated = deprecated_there ? deprecated : -1;
    if (keep(name, "/name", NULL, NULL, &out->name, err) != 0 || keep_image(image, "/image", &out->image, err) != 0 ||
        keep_image(base_image, "/base_image", &out->base_image, err) != 0 ||
        read_packages(packages, &out->packages_json, err) != 0 || read_languages(languages, &out->languages, err) != 0 ||
        read_preload(preload, &out->preload_json, err) != 0 ||
        (resources && fields_read_resources(resources, "/default_resources", &out->resources, err) != 0))
        return -1;
    return read_security(security, out, err) != 0 ? -1 : read_pool(pool, out, err);
}

int template_create_decode(const char *text, size_t len, char id_out[TEMPLATE_ID_SIZE], struct template_change *out,
                           struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    const char *id = NULL;
    *out = TEMPLATE_CHANGE_INIT;
    if (fields_parse_body(text, len, NULL, &body, err) != 0 || read_body(body, &id, out, err) != 0) {
        template_change_release(out);
        return -1;
    }
    snprintf(id_out, TEMPLATE_ID_SIZE, "%s", id);
    return 0;
}

int template_update_decode(const char *text, size_t len, struct template_change *out, struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    *out = TEMPLATE_CHANGE_INIT;
    if (fields_parse_body(text, len, NULL, &body, err) == 0 && read_body(body, NULL, out, err) == 0)
        return 0;
    template_change_release(out);
    return -1;
}

/* "python,javascript" as an array. */
static struct json_object *languages_encode(const char *list)
{
    struct json_object *array = json_object_new_array();
    for (const char *at = list; array && *at; at += strspn(at, ",")) {
        size_t len = strcspn(at, ",");
        json_object_array_add(array, json_object_new_string_len(at, (int)len));
        at += len;
    }
    return array;
}

static struct json_object *security_encode(const struct template *template)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add(object, "network_enabled", json_object_new_boolean(template->network_enabled));
    fields_add_text(object, "runtime", template->oci_runtime);
    fields_add(object, "read_only_root", json_object_new_boolean(template->read_only_root));
    return object;
}

static struct json_object *pool_encode(const struct template *template)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_int(object, "min", template->pool_min);
    fields_add_int(object, "target", template->pool_target);
    fields_add_int(object, "max_idle", template->pool_max_idle_s);
    return object;
}

struct json_object *template_encode(const struct template *template, enum template_view view)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    bool full = view == TEMPLATE_VIEW_FULL;
    fields_add_text(object, "id", template->id);
    fields_add_text(object, "name", template->name);
    fields_add_text(object, "image", template->image);
    if (full) {
        fields_add_text(object, "base_image", template->base_image);
        fields_add_raw(object, "pre_installed_packages", template->packages_json, "[]");
        fields_add(object, "languages", languages_encode(template->languages));
        fields_add_raw(object, "preload", template->preload_json, "[]");
    }
    fields_add(object, "default_resources", fields_resources(&template->resources));
    if (full) {
        fields_add(object, "security_context", security_encode(template));
        fields_add(object, "pool", pool_encode(template));
    }
    fields_add_time(object, "created_at", template->created_at);
    if (full)
        fields_add_time(object, "updated_at", template->updated_at);
    if (full || template->deprecated)
        fields_add(object, "deprecated", json_object_new_boolean(template->deprecated));
    return object;
}

struct json_object *template_list_encode(const struct template_list *list)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, template_encode(&list->items[i], TEMPLATE_VIEW_LISTED));
    return items ? fields_listing("templates", items, list->total) : NULL;
}
