/* SPDX-License-Identifier: Apache-2.0 */
/* How operators name nodes and container engines. Pure. */
#ifndef SANDBOX_MODEL_ENGINE_H
#define SANDBOX_MODEL_ENGINE_H

#include <stdbool.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { ENGINE_URL_MAX = 255, ENGINE_UNIX_PATH_MAX = 107 };

/* A node's name: 1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first. ERR_INVALID. */
int node_id_check(const char *id, struct err *err) must_use;
/* unix:///ABSOLUTE/PATH, or tcp://HOST:PORT with a name, an IPv4 or a bracketed IPv6 address. ERR_INVALID says what is wrong. */
int engine_url_check(const char *url, struct err *err) must_use;
/* Whether it is one that only its own host reaches. */
bool engine_url_local(const char *url);
/* The path of a local one; NULL: it is none. */
const char *engine_url_path(const char *url);

#endif
