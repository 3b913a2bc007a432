/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay reads of its clients and of the engine, both of them outside input. Pure. */
#ifndef SANDBOX_RUNTIME_RELAY_PARSE_H
#define SANDBOX_RUNTIME_RELAY_PARSE_H

#include <stddef.h>

#include "lib/model/limits.h"
#include "lib/util/cleanup.h"

enum relay_read { RELAY_READ_MORE, RELAY_READ_DONE, RELAY_READ_BAD };

/* The container that a client's first request is for: its one Host header is a container's id and nothing else. `len` bytes came so far. */
enum relay_read relay_read_host(const char *data, size_t len, char id_out[CONTAINER_ID_SIZE]) must_use;

/* An answer of the engine's. */
struct relay_answer {
    int status;
    size_t head_len;    /* with the empty line */
    size_t body_len;    /* as Content-Length says; 0 without. At most RELAY_BODY_MAX */
};
enum { RELAY_BODY_MAX = 16 * 1024 };
/* Its head. BAD: it is none, its body is larger, or its length is not said but in chunks. */
enum relay_read relay_read_answer(const char *data, size_t len, struct relay_answer *out) must_use;

enum { RELAY_EXEC_SIZE = 129 };
/* The id in the body of an answer to POST .../exec: 1 to 128 letters and digits. 0 or -1. */
int relay_read_exec(const char *body, size_t len, char out[RELAY_EXEC_SIZE]) must_use;

#endif
