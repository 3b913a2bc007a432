/* SPDX-License-Identifier: Apache-2.0 */
/* Builds one JSON object with a failure that is checked once, at the end; reads owned copies back. For messages
 * of lib/wire and the executor's jobs. */
#ifndef SANDBOX_WIRE_COMPOSE_H
#define SANDBOX_WIRE_COMPOSE_H

#include "lib/util/json.h"
#include "lib/util/strbuf.h"

struct compose {
    struct json_object *object;
    bool failed;
};

void compose_start(struct compose *compose);
/* A NULL text is left out. */
void compose_text(struct compose *compose, const char *name, const char *text);
void compose_bytes(struct compose *compose, const char *name, const char *text, size_t len);
void compose_int(struct compose *compose, const char *name, int64_t number);
void compose_bool(struct compose *compose, const char *name, bool value);
/* Three decimals; anything but a finite number is written as 0. */
void compose_number(struct compose *compose, const char *name, double number);
/* JSON text that is embedded as it is; NULL is left out. */
void compose_raw(struct compose *compose, const char *name, const char *json);
/* Takes `inner` over as a member. */
void compose_object(struct compose *compose, const char *name, struct compose *inner);
/* Appends the object's text (and a newline, if asked for) and releases the object. */
int compose_finish(struct compose *compose, bool newline, struct strbuf *out, struct err *err) must_use;

/* A copy of `text` (NULL for NULL); false when memory runs out. */
bool compose_copy(const char *text, char **out);

#endif
