/* SPDX-License-Identifier: Apache-2.0 */
/* Doorbells: UDP datagrams on which nothing depends but latency. "Look at the queue", "your result is stored". */
#ifndef SANDBOX_IO_DOORBELL_H
#define SANDBOX_IO_DOORBELL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { DOORBELL_ADDRESS_SIZE = 64, DOORBELL_TEXT_MAX = 64 };

/* Binds `address` ("127.0.0.1:7101"; port 0: any) and returns a non-blocking, close-on-exec descriptor to poll, or -1.
 * `bound_out` (may be NULL) gets the address with the real port. */
int doorbell_open(const char *address, char bound_out[DOORBELL_ADDRESS_SIZE], struct err *err) must_use;
/* Sends `text` (at most DOORBELL_TEXT_MAX bytes) to `address` from `fd` (-1: a throw-away socket). Failures are ignored:
 * the listener polls as well. An empty or NULL address is nobody. */
void doorbell_ring(int fd, const char *address, const char *text);
/* Takes one datagram's text into `text`; 1 when there was one, 0 when there is none. */
int doorbell_take(int fd, char text[DOORBELL_TEXT_MAX + 1]);
/* The same, with the moment when it came to this host, in microseconds since 1970: by the kernel, however late it is taken. */
int doorbell_take_at(int fd, char text[DOORBELL_TEXT_MAX + 1], int64_t *wall_us_out);
/* Takes everything that waits; returns how many there were. */
int doorbell_drain(int fd);

#endif
