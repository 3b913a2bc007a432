/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of webhooks on every address of this host, in threads of its own. What it does with a request is the path's first part:
 * /ok, /500, /410, /302 (to /ok), /503 (with Retry-After: 100), /half (closes in mid-answer), /giant (a 200 that never ends), /giant500,
 * /hang (never answers), /flaky (500 at first, then 200). */
#ifndef SANDBOX_TESTS_FAKES_RECEIVER_H
#define SANDBOX_TESTS_FAKES_RECEIVER_H

#include <stddef.h>

struct receiver_fake;

struct receiver_fake *receiver_start(void);
void receiver_stop(struct receiver_fake *receiver);
int receiver_port(const struct receiver_fake *receiver);
/* Requests that had this text in their head or body, whole ones; at any time, and under way now. */
int receiver_seen(struct receiver_fake *receiver, const char *text);
int receiver_hanging(struct receiver_fake *receiver);
int receiver_connections(struct receiver_fake *receiver);
/* The value of a header of the last request that had `text` ("" for none), and its body. */
void receiver_header(struct receiver_fake *receiver, const char *text, const char *name, char *out, size_t size);
void receiver_body(struct receiver_fake *receiver, const char *text, char *out, size_t size);

#endif
