/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces that the codecs share: bodies, resources, maps of strings, times, numbers. */
#ifndef SANDBOX_FCGI_CODEC_FIELDS_H
#define SANDBOX_FCGI_CODEC_FIELDS_H

#include "lib/model/resources.h"
#include "lib/util/json.h"

/* Parses a request body: one JSON object, exactly as RFC 8259 has it, with no name twice in one object and none that holds U+0000;
 * but the member `raw` (NULL: none) is taken as text, whatever names it has within. */
int fields_parse_body(const char *text, size_t len, const char *raw, struct json_object **out,
                      struct err *err) must_use;

/* Reads {cpu, memory, disk, max_processes}; what is absent stays as it is in *out. cpu may be a number. */
int fields_read_resources(struct json_object *object, const char *pointer, struct resources *out,
                          struct err *err) must_use;
/* {cpu, memory, disk}, and max_processes when it is not the default. */
struct json_object *fields_resources(const struct resources *resources);

enum map_kind { MAP_ENV_VARS, MAP_LABELS };
/* Checks an object of strings (at most ENV_VARS_MAX names, ENV_BYTES_MAX in all) and gives it as JSON text. */
int fields_read_map(struct json_object *object, const char *pointer, enum map_kind kind, char **json_out,
                    struct err *err) must_use;

/* Adds a member; one that could not be made (no memory) is null. */
void fields_add(struct json_object *object, const char *name, struct json_object *value);
void fields_add_text(struct json_object *object, const char *name, const char *text); /* NULL: null */
void fields_add_int(struct json_object *object, const char *name, int64_t value);
/* RFC 3339; 0 is null. */
void fields_add_time(struct json_object *object, const char *name, int64_t wall_ms);
/* With at most `decimals` (0..6), without trailing zeros. */
void fields_add_number(struct json_object *object, const char *name, double value, int decimals);
/* JSON text as it is; NULL is `otherwise` ("null", "[]", "{}"). */
void fields_add_raw(struct json_object *object, const char *name, const char *json, const char *otherwise);

/* {name: items, "total": total}; takes `items` over. */
struct json_object *fields_listing(const char *name, struct json_object *items, int64_t total);

#endif
