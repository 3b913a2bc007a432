/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket that the threads of a process share, and the word to stop. */
#ifndef SANDBOX_FCGI_LISTENER_H
#define SANDBOX_FCGI_LISTENER_H

#include <stdbool.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct listener {
    int socket;       /* non-blocking: of the threads that wake, one gets the connection */
    int stop;         /* an eventfd, readable once the process is to end */
    const char *path; /* of a socket that we made, or NULL */
    bool shared;      /* with other processes */
};

/* Listens at `address` ("unix:PATH"), or (NULL) at descriptor 0, where a web server leaves the socket of what it spawns.
 * `address` is borrowed. */
int listener_open(struct listener *listener, const char *address, struct err *err) must_use;
/* For a process of its own: the same socket, which stays the other's, and its own word to stop. */
int listener_share(struct listener *listener, const struct listener *other, struct err *err) must_use;
/* Closes it, and removes the socket's file. */
void listener_close(struct listener *listener);
/* Wakes every thread that waits, for good. */
void listener_stop(const struct listener *listener);
/* Nobody can connect to the socket any more, in whatever process: for the last that know it. */
void listener_refuse(const struct listener *listener);

/* A place to wait in, for the threads of a process: a descriptor, or -1. */
int listener_join(const struct listener *listener, struct err *err) must_use;
/* Sleeps until there may be a connection to accept (1) or the process is to end (0). */
int listener_wait(const struct listener *listener, int place);
/* A connection, or -1: there is none to be had now. */
int listener_accept(const struct listener *listener) must_use;
/* Whether a connection has something to read by now. */
bool listener_heard(int fd);
/* After connections: at a shared socket, the process that waits longest is the next. */
void listener_take_turn(const struct listener *listener, int place);

#endif
