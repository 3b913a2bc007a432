/* SPDX-License-Identifier: Apache-2.0 */
/* Plain connections by libcurl (unix socket, TCP, TLS with client certificates), several in one event loop: bytes in, bytes out, nothing waits. */
#ifndef SANDBOX_IO_RAW_H
#define SANDBOX_IO_RAW_H

#include <poll.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/io/http.h"

/* The connections of one thread. */
struct raw_set;
struct raw;

/* NULL with err on failure. */
struct raw_set *raw_set_new(struct err *err) must_use;
/* All its connections are closed already. NULL is fine. */
void raw_set_free(struct raw_set *set);
/* Waits up to timeout_ms for one of `fds` (fd < 0: ignored; revents are filled), for a connection under way, or for raw_set_wake(). */
int raw_set_wait(struct raw_set *set, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err) must_use;
/* Ends a wait, now or the next one; from any thread. */
void raw_set_wake(struct raw_set *set);

/* Begins to connect to where `where` points: unix_path, url (its path does not matter), tls, connect_timeout_ms. NULL with err. */
struct raw *raw_open(struct raw_set *set, const struct http_request *where, struct err *err) must_use;
/* NULL is fine. */
void raw_close(struct raw *raw);

enum raw_state { RAW_CONNECTING, RAW_OPEN, RAW_FAILED };
enum raw_state raw_state(const struct raw *raw);
/* RAW_FAILED: why. ERR_UNAVAILABLE, ERR_UNAUTHORIZED (as http.h says). */
const struct err *raw_problem(const struct raw *raw);
/* RAW_OPEN: to wait for. What is readable is read until RAW_AGAIN before it is waited for: with TLS, more may be here than the descriptor tells. */
int raw_fd(const struct raw *raw);

enum { RAW_AGAIN = -1, RAW_BROKEN = -2 };
/* How many bytes were moved; 0 when reading: the other side has ended; RAW_AGAIN: none now; RAW_BROKEN: raw_problem() says why. */
ssize_t raw_read(struct raw *raw, char *data, size_t size);
ssize_t raw_write(struct raw *raw, const char *data, size_t len);

#endif
