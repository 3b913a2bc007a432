/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a relay: from a client through the engine to an executor. Private to the relay. */
#ifndef SANDBOX_RUNTIME_RELAY_LINK_H
#define SANDBOX_RUNTIME_RELAY_LINK_H

#include <stdint.h>

#include "lib/io/raw.h"
#include "lib/runtime/docker_frames.h"
#include "lib/runtime/docker_target.h"
#include "lib/runtime/relay_parse.h"

enum link_state {
    LINK_HEAD,    /* the client's first request is on its way */
    LINK_CONNECT, /* to the engine */
    LINK_CREATE,  /* the engine is told what to start */
    LINK_START,   /* and to start it */
    LINK_STREAM,  /* bytes both ways */
    LINK_ANSWER,  /* the client is told that it did not work */
    LINK_CLOSED,
};

enum {
    LINK_BUFFER = 32 * 1024, /* of each way; who is faster than the other end waits */
    LINK_PIECE = 16 * 1024,  /* what is read at once */
    LINK_SAID_MAX = 512,
    LINK_FDS = 2,
};

/* What links of one relay share. */
struct link_place {
    struct raw_set *set;
    const struct docker_target *target;
};

struct link {
    struct link *next;
    const struct link_place *place;
    enum link_state state;
    int fd; /* the client's */
    struct raw *engine;
    char id[CONTAINER_ID_SIZE];
    int64_t deadline_ms; /* 0: none */
    int64_t moved_ms;    /* when a byte was passed on last */
    struct strbuf up, down; /* to the executor, to the client */
    struct strbuf ask, answer; /* to and from the engine itself */
    struct docker_frames frames;
    struct strbuf said; /* on standard error */
    bool client_ended, client_gone, engine_ended;
    bool heard; /* the executor has begun to answer */
    bool more;  /* there may be more to read now: do not wait */
    bool due;   /* the relay's: something happened */
    struct err problem; /* why it was not passed on, or what was said; taken by the relay */
};

/* Takes `fd` over. NULL with err, and the descriptor closed. */
struct link *link_new(const struct link_place *place, int fd, struct err *err) must_use;
void link_free(struct link *link);
/* Does what can be done now. */
void link_step(struct link *link, int64_t now_ms);
/* What it waits for, into LINK_FDS places. */
void link_interest(const struct link *link, struct pollfd *fds);
static inline bool link_room(const struct strbuf *buffer, size_t len)
{
    return buffer->max - buffer->len >= len;
}

/* relay_client.c: whether bytes came or went; client_ended, client_gone. */
bool link_read_client(struct link *link);
bool link_write_client(struct link *link);
/* Whether it has closed, rather than only said that it sends no more. */
bool link_client_closed(int fd);
/* The client's connection ends with an answer: a row of its table by status. */
void link_refuse(struct link *link, int status, int64_t now_ms);

#endif
