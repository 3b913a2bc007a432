/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request takes: rows of a table, and the only place that decides 404 and 405. */
#ifndef SANDBOX_FCGI_ROUTER_H
#define SANDBOX_FCGI_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/model/entities.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct call;

/* What a route wants to know of the caller. */
enum access {
    ACCESS_OPEN,  /* nothing */
    ACCESS_TOKEN, /* a valid token */
    ACCESS_SCOPE, /* a valid token with `scope` */
    ACCESS_CONTAINER, /* a container's own secret, and no token */
};

/* What a request of a route may have looked up for it beforehand, together with others: only a route that is done soon after, without a body,
 * waiting for nothing. */
enum route_ahead { AHEAD_NOTHING, AHEAD_TOKEN, AHEAD_SESSION /* its token, and the session that is its id */ };

/* What it takes as a body. */
enum body_kind {
    BODY_NONE,
    BODY_JSON,   /* read beforehand, into request->body */
    BODY_STREAM, /* form data, which the handler reads itself out of call->body */
};

struct route {
    const char *method;
    const char *pattern; /* "/api/v1/sessions/{id}/execute"; {name} stands for one non-empty segment, {name...} at the end
                          * for one or more, empty ones too: the handler looks at them */
    /* Fills the call's response, or fails with an error that becomes the answer. */
    int (*handler)(struct call *call, struct err *err);
    enum access access;
    enum scope scope;
    const char *query;  /* query parameters that it knows, separated by '|'; NULL: none */
    enum body_kind body;
    size_t body_limit;  /* bytes */
    enum route_ahead ahead;
    const char *summary;
};

extern const struct route route_table[];
extern const size_t route_count;

struct route_match {
    const struct route *route; /* NULL for OPTIONS: only `allow` is asked for */
    const char *id;            /* the first {name}'s segment, or NULL */
    const char *const *tail;   /* the segments that {name...} stands for */
    size_t tail_count;         /* 0: the pattern has none */
    bool head;                 /* HEAD: the answer of GET, without its body */
    char allow[64];            /* methods of the path, for the Allow header; "" for an unknown path */
};

/* Finds the row of `routes` for a method and a path (its decoded segments). ERR_NOT_FOUND: no row has the path; ERR_METHOD: none
 * of those has the method. */
int router_find(const struct route *routes, size_t count, const char *method,
                const char *const *segments, size_t segment_count, struct route_match *out,
                struct err *err) must_use;

#endif
