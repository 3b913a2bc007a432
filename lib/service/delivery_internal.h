/* SPDX-License-Identifier: Apache-2.0 */
/* The deliverer's inside, shared by its parts only. */
#ifndef SANDBOX_SERVICE_DELIVERY_INTERNAL_H
#define SANDBOX_SERVICE_DELIVERY_INTERNAL_H

#include "lib/io/http.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/delivery.h"
#include "lib/service/delivery_rules.h"

/* A receiver's host: while something is under way to it, and for as long as it fails. */
struct receiver {
    struct receiver *next;
    char name[WEBHOOK_HOST_SIZE];
    size_t in_flight;
    bool failing; /* its last try came to nothing */
};

/* One try, from its claim until it is stored. */
struct delivery {
    struct delivery *previous, *next; /* in `flying` or `ended` */
    struct deliverer *deliverer;
    struct receiver *receiver;
    struct webhook webhook;
    int64_t claimed_ms; /* monotonic */
    char *body;
    struct http_call *call;
    size_t answer_bytes;
    bool permitted;      /* an address was allowed */
    const char *refused; /* why another was not */
    int status;
    struct delivery_verdict verdict;
};

struct delivery_list {
    struct delivery *first, *last;
    size_t count;
};

struct deliverer {
    struct delivery_config config;
    struct http *http;
    struct http_guard guard;
    struct delivery_list flying, ended;
    struct receiver *receivers;
    size_t receiver_count;
    bool recover; /* an earlier process of our name may have left leases */
    bool more;    /* something is due that could not be taken */
    bool closing;
};

/* Its guard: `arg` is a delivery. */
bool delivery_may_connect(void *arg, const struct sockaddr *address);
void delivery_join(struct delivery_list *list, struct delivery *delivery);
void delivery_leave(struct delivery_list *list, struct delivery *delivery);
/* Sends it, or ends it with a verdict; takes what `webhook` holds. -1: nothing is known of it. */
int delivery_start(struct deliverer *deliverer, struct receiver *receiver, struct webhook *webhook, struct err *err) must_use;
void delivery_free(struct delivery *delivery);

#endif
