/* SPDX-License-Identifier: Apache-2.0 */
/* What a service works with: a connection, the settings, a doorbell to ring from. One a thread. */
#ifndef SANDBOX_SERVICE_CONTEXT_H
#define SANDBOX_SERVICE_CONTEXT_H

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/service/settings.h"

/* On whose behalf something is done: for the audit trail. */
struct actor {
    char name[OWNER_SIZE];         /* a token's owner, or a program: "sandbox-reap", "sandboxctl (root)" */
    char token_id[TOKEN_ID_SIZE];  /* "" for none */
    char address[64];              /* where the request came from; "" for none */
    char request_id[65];           /* "" for none */
};

enum { GATHER_AT_ONCE = 1 }; /* queries for one kind of question: those who come meanwhile share the next */
struct ahead;
struct gather;
struct metrics;
struct storage;
struct context {
    struct db *db;
    const struct settings *settings;
    struct storage *storage;           /* NULL in programs that move no files */
    int doorbell;                      /* descriptor to ring from and to be woken on, or -1 */
    char doorbell_address[64];         /* where this thread is woken; "" for nowhere */
    int64_t (*now_ms)(void);           /* monotonic, for durations; moments are the database's to tell */
    void (*random_id)(char *out, size_t count); /* [a-z0-9] */
    struct metrics *metrics;           /* what the services count in; NULL: nothing is counted */
    /* lib/util/gather.h */
    struct gather *token_questions, *session_questions; /* shared by the threads of a process; NULL: each asks for itself */
    struct ahead *ahead;               /* what was looked up for the request under way beforehand; NULL: nothing */
    struct actor actor;                /* of the request under way */
    bool rates_failing;                /* the guard could not count the last request */
};

/* As the settings say; nothing outside is asked yet. */
int context_open_storage(struct context *context, struct err *err) must_use;
void context_close_storage(struct context *context);

#endif
