/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of GET /health: {status, version, isolation, uptime_ms, running, preparing}. */
#include "lib/wire/execute.h"

#include <stdio.h>
#include <string.h>

#include "lib/wire/compose.h"

int wire_health_encode(const struct wire_health *health, struct strbuf *out, struct err *err)
{
    struct compose body;
    compose_start(&body);
    compose_text(&body, "status", "ok");
    compose_text(&body, "version", health->version);
    compose_text(&body, "isolation", health->isolation);
    compose_int(&body, "uptime_ms", health->uptime_ms);
    compose_int(&body, "running", health->running);
    compose_bool(&body, "preparing", health->preparing);
    return compose_finish(&body, false, out, err);
}

int wire_health_decode(const char *text, size_t len, struct wire_health *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct wire_health health = { 0 };
    const char *status = "", *version = "", *isolation = "";
    const struct json_field fields[] = {
        { "status", JSON_FIELD_STRING, true, .out = &status },
        { "version", JSON_FIELD_STRING, true, .out = &version },
        { "isolation", JSON_FIELD_STRING, true, .out = &isolation },
        { "uptime_ms", JSON_FIELD_INT, true, .out = &health.uptime_ms },
        { "running", JSON_FIELD_INT, true, .out = &health.running },
        { "preparing", JSON_FIELD_BOOL, false, .out = &health.preparing }, /* an executor of somebody's own may not say it */
    };
    if (json_parse(text, len, &object, err) != 0 ||
        json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err) != 0)
        return -1;
    if (strcmp(status, "ok") != 0)
        return err_field(err, "/status", "The executor's status is \"%.32s\".", status);
    snprintf(health.version, sizeof(health.version), "%s", version);
    snprintf(health.isolation, sizeof(health.isolation), "%s", isolation);
    *out = health;
    return 0;
}
