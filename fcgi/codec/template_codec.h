/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_TEMPLATE_CODEC_H
#define SANDBOX_FCGI_CODEC_TEMPLATE_CODEC_H

#include "lib/service/templates.h"
#include "lib/util/json.h"

/* Whether `id` could be a template's: [a-z0-9][a-z0-9-]{0,62}. */
bool template_id_valid(const char *id);

/* The body of POST /templates. ERR_INVALID names the field. On failure *out is empty. */
int template_create_decode(const char *text, size_t len, char id_out[TEMPLATE_ID_SIZE], struct template_change *out,
                           struct err *err) must_use;
/* The body of PUT /templates/{id}: all is optional, there is no id, and there is `deprecated`. */
int template_update_decode(const char *text, size_t len, struct template_change *out, struct err *err) must_use;

enum template_view { TEMPLATE_VIEW_LISTED, TEMPLATE_VIEW_FULL };
struct json_object *template_encode(const struct template *template, enum template_view view) must_use;
struct json_object *template_list_encode(const struct template_list *list) must_use;

#endif
