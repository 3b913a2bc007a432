/* SPDX-License-Identifier: Apache-2.0 */
/* A unix socket in front of another that breaks off at the worst moment: the request has arrived and was obeyed, its
 * answer is thrown away. */
#ifndef SANDBOX_TESTS_BREAKING_PROXY_H
#define SANDBOX_TESTS_BREAKING_PROXY_H

#include <stdbool.h>

struct breaking_proxy;

/* Listens at `path` for connections to `target`. */
struct breaking_proxy *breaking_proxy_start(const char *path, const char *target);
/* Breaks the connection over which `trigger` is sent, after its answer came; once, or each time. NULL: never. */
void breaking_proxy_break_on(struct breaking_proxy *proxy, const char *trigger, bool once);
/* How many connections were broken. */
int breaking_proxy_breaks(struct breaking_proxy *proxy);
void breaking_proxy_stop(struct breaking_proxy *proxy);

#endif
