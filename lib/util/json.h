/* SPDX-License-Identifier: Apache-2.0 */
/* JSON at the edges: bounded parsing, fields read by table with a JSON pointer in every error, raw text kept as it was. */
#ifndef SANDBOX_UTIL_JSON_H
#define SANDBOX_UTIL_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { JSON_DEPTH_MAX = 64 };

/* Releases a json_object reference at the end of the scope. */
#define cleanup_json cleanup(json_release)
void json_release(struct json_object **object);

/* Parses exactly one JSON value (RFC 8259 to the letter, UTF-8, at most JSON_DEPTH_MAX deep) out of `len` bytes.
 * ERR_INVALID says what is wrong and at which byte. *out is a new reference (NULL for the value null). */
int json_parse(const char *text, size_t len, struct json_object **out, struct err *err) must_use;

enum json_field_type {
    JSON_FIELD_STRING, /* out: const char **, borrowed; min/max: length in bytes; no NUL inside */
    JSON_FIELD_INT,    /* out: int64_t *; min/max: range; no fraction */
    JSON_FIELD_BOOL,   /* out: bool * */
    JSON_FIELD_NUMBER, /* out: double * */
    JSON_FIELD_OBJECT, /* out: struct json_object **, borrowed */
    JSON_FIELD_ARRAY,  /* out: struct json_object **, borrowed */
    JSON_FIELD_ANY,    /* out: struct json_object **, borrowed; null allowed */
};

struct json_field {
    const char *name;
    enum json_field_type type;
    bool required;
    void *out;      /* untouched when the field is absent (or null and not required) */
    int64_t min;    /* min and max are looked at when max != 0 or min != 0 */
    int64_t max;
    bool *present;  /* optional: set to whether the field was there */
};

enum json_unknown { JSON_UNKNOWN_REFUSE, JSON_UNKNOWN_IGNORE };

/* Reads `object`'s members into `fields`. `pointer` is where the object stands ("" for the top).
 * ERR_INVALID with err->field = pointer of the first offending member. */
int json_read_fields(struct json_object *object, const char *pointer, const struct json_field *fields,
                     size_t count, enum json_unknown unknown, struct err *err) must_use;

/* "pointer/name", with '~' and '/' in the name escaped (RFC 6901), cut to `size`. */
void json_pointer_join(char *out, size_t size, const char *pointer, const char *name);

/* A value whose text is written out exactly as given (numbers keep their digits). `text` must be valid JSON;
 * it is copied. NULL when memory runs out. */
struct json_object *json_raw(const char *text, size_t len) must_use;

/* The object's compact text, valid as long as the object is unchanged (json-c's own buffer). */
const char *json_text(struct json_object *object);

#endif
