/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-executor --connect: a way in for who can start a process in the container, but has no path to its socket (an engine on another
 * host). It needs nothing but libc. */
#ifndef SANDBOX_EXECUTOR_CONNECT_H
#define SANDBOX_EXECUTOR_CONNECT_H

/* Copies descriptor 0 to the executor's socket and what comes back to descriptor 1, until either side ends. `listen` is SANDBOX_LISTEN's
 * value (unix: only); NULL: where it usually is. A socket that is not there yet is waited for, a second. Whoever cannot open the socket gets
 * nothing by this: it has no rights of its own. Returns the exit status; what is wrong goes to descriptor 2. */
int connect_run(const char *listen);

#endif
