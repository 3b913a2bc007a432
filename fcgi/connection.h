/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of the web server, with its one request, from accept(2) to close(2). */
#ifndef SANDBOX_FCGI_CONNECTION_H
#define SANDBOX_FCGI_CONNECTION_H

#include "fcgi/serve.h"

struct connection;

/* Reads the request (its parameters) of `fd`, which it takes over. `listening` is where `fd` came from. NULL: there is none, or no memory; it is closed. */
struct connection *connection_open(const struct server *server, int listening, int fd) must_use;
struct visit *connection_visit(const struct connection *connection);
/* After the answer: closes and frees it. */
void connection_close(struct connection *connection);

#endif
