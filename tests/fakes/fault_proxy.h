/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP port in front of an HTTP server that does to chosen requests what networks and busy servers do. One request a connection. */
#ifndef SANDBOX_TESTS_FAULT_PROXY_H
#define SANDBOX_TESTS_FAULT_PROXY_H

#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_ANSWER,         /* `answer` (head and all) instead of passing the request on */
    FAULT_RESET_REQUEST,  /* reset once `after` bytes of the request's body were passed on */
    FAULT_RESET_ANSWER,   /* reset once `after` bytes of the answer's body came through */
    FAULT_CUT_ANSWER,     /* an orderly end instead */
    FAULT_LOSE_ANSWER,    /* the request is obeyed, its answer thrown away; with `answer`, that is what the next ones get */
    FAULT_SILENCE,        /* nothing at all */
    FAULT_SLOW_ANSWER,    /* 20 KiB every 20 ms */
};

struct fault {
    enum fault_kind kind;
    const char *match;  /* part of the request's first line: "PUT /", "partNumber=2" */
    int64_t after;
    const char *answer;
    int times;          /* this often, then no more; -1: always */
};

struct fault_proxy;
/* In front of "http://HOST:PORT", HOST an IPv4 address; fails the test if it cannot. */
struct fault_proxy *fault_proxy_start(const char *upstream);
const char *fault_proxy_url(const struct fault_proxy *proxy);
/* From now on; the strings are borrowed. */
void fault_proxy_set(struct fault_proxy *proxy, struct fault fault);
/* Requests that a fault met since it was set; and all requests since then. */
int fault_proxy_hits(struct fault_proxy *proxy);
int fault_proxy_requests(struct fault_proxy *proxy);
void fault_proxy_stop(struct fault_proxy *proxy);

#endif
