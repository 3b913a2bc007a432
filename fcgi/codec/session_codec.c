/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: bodies in, answers out. */
#include "fcgi/codec/session_codec.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/codec/fields.h"
#include "fcgi/codec/template_codec.h"

static int read_request(struct json_object *body, struct session_request *out, struct err *err)
{
    const char *template_id = NULL, *callback_url = NULL;
    struct json_object *resources = NULL, *env_vars = NULL, *labels = NULL;
    const struct json_field fields[] = {
        { .name = "template_id", .type = JSON_FIELD_STRING, .required = true, .out = &template_id },
        { .name = "timeout", .type = JSON_FIELD_INT, .out = &out->timeout_s,
          .min = SESSION_TIMEOUT_MIN_S, .max = SESSION_TIMEOUT_MAX_S },
        { .name = "resources", .type = JSON_FIELD_OBJECT, .out = &resources },
        { .name = "env_vars", .type = JSON_FIELD_OBJECT, .out = &env_vars },
        { .name = "labels", .type = JSON_FIELD_OBJECT, .out = &labels },
        { .name = "callback_url", .type = JSON_FIELD_STRING, .out = &callback_url, .min = 1, .max = CALLBACK_URL_MAX },
    };
    out->timeout_s = SESSION_TIMEOUT_DEFAULT_S;
    if (json_read_fields(body, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    if (!template_id_valid(template_id))
        return err_field(err, "/template_id", "template_id must be 1 to 63 of [a-z0-9-].");
    snprintf(out->template_id, sizeof(out->template_id), "%s", template_id);
    if (callback_url && !(out->callback_url = strdup(callback_url)))
        return err_internal(err, 0, "out of memory for a URL");
    if (resources && fields_read_resources(resources, "/resources", &out->resources, err) != 0)
        return -1;
    if (env_vars && fields_read_map(env_vars, "/env_vars", MAP_ENV_VARS, &out->env_json, err) != 0)
        return -1;
    return labels ? fields_read_map(labels, "/labels", MAP_LABELS, &out->labels_json, err) : 0;
}

int session_request_decode(const char *text, size_t len, struct session_request *out, struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    *out = (struct session_request){ 0 };
    if (fields_parse_body(text, len, NULL, &body, err) == 0 && read_request(body, out, err) == 0)
        return 0;
    session_request_release(out);
    return -1;
}

int session_renewal_decode(const char *text, size_t len, int64_t *timeout_s_out, struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    const struct json_field field = { .name = "timeout", .type = JSON_FIELD_INT, .required = true, .out = timeout_s_out,
                                      .min = SESSION_TIMEOUT_MIN_S, .max = SESSION_TIMEOUT_MAX_S };
    if (fields_parse_body(text, len, NULL, &body, err) != 0)
        return -1;
    return json_read_fields(body, "", &field, 1, JSON_UNKNOWN_REFUSE, err);
}

static void add_workspace(struct json_object *object, const char *url, const char *id)
{
    char text[512];
    size_t len = strlen(url);
    snprintf(text, sizeof(text), "%s%ssessions/%s/", url, len && url[len - 1] == '/' ? "" : "/", id);
    fields_add_text(object, "workspace_path", text);
}

static void add_error(struct json_object *object, const char *kind, const char *message)
{
    struct json_object *error = json_object_new_object();
    if (error) {
        fields_add_text(error, "kind", kind);
        fields_add_text(error, "message", message);
    }
    fields_add(object, "error", error);
}

static void add_life(struct json_object *object, const struct session *session)
{
    fields_add_time(object, "created_at", session->created_at);
    fields_add_time(object, "started_at", session->started_at);
    fields_add_int(object, "timeout", session->timeout_s);
    fields_add_time(object, "expires_at", session->expires_at);
    fields_add_time(object, "last_activity_at", session->last_activity_at);
    fields_add_time(object, "terminated_at", session->ended_at);
    fields_add_int(object, "restarts", session->restarts);
    fields_add_raw(object, "labels", session->labels_json, "{}");
    if (session->callback_url)
        fields_add_text(object, "callback_url", session->callback_url);
    if (session->error)
        add_error(object, session->status == SESSION_TIMEOUT ? "session_idle" : "session_failed", session->error);
}

struct json_object *session_encode(const struct session *session, const char *workspace_url,
                                   enum session_view view)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "session_id", session->id);
    fields_add_text(object, "status", session_status_name(session->status));
    fields_add_text(object, "template_id", session->template_id);
    fields_add_text(object, "runtime_type", runtime_type_name(session->runtime_type));
    if (view == SESSION_VIEW_FULL) {
        fields_add_text(object, "runtime_node", session->node_id[0] ? session->node_id : NULL);
        fields_add_text(object, "container_id", session->container_id[0] ? session->container_id : NULL);
    }
    add_workspace(object, workspace_url, session->id);
    fields_add(object, "resources", fields_resources(&session->resources));
    if (view == SESSION_VIEW_FULL)
        add_life(object, session);
    else
        fields_add_time(object, "created_at", session->created_at);
    return object;
}

struct json_object *session_list_encode(const struct session_list *list, const char *workspace_url)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, session_encode(&list->items[i], workspace_url, SESSION_VIEW_FULL));
    return items ? fields_listing("sessions", items, list->total) : NULL;
}
