/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks: what is to be told to callback URLs, until it was delivered or given up, and for some days after.
 *
 * A row is added in the transaction that ends its object, so there is one if and only if it ended; its id is "msg_" and the object's, so there
 * never are two. `due_at`, when waiting: the next try, or while somebody has it, the end of their lease. When ended: the row goes then. */
#ifndef SANDBOX_REPO_WEBHOOK_REPO_H
#define SANDBOX_REPO_WEBHOOK_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

enum webhook_status { WEBHOOK_WAITING, WEBHOOK_DELIVERED, WEBHOOK_GIVEN_UP, WEBHOOK_STATUSES };
const char *webhook_status_name(enum webhook_status status);

enum { WEBHOOK_ID_SIZE = 33, WEBHOOK_EVENT_SIZE = 33, WEBHOOK_HOST_SIZE = 256, WEBHOOK_OUTPUT_MAX = 16 * 1024 };

struct webhook {
    int64_t seq;
    char id[WEBHOOK_ID_SIZE];
    char owner[OWNER_SIZE];
    char event[WEBHOOK_EVENT_SIZE]; /* "execution.completed" */
    char object_id[EXECUTION_ID_SIZE];
    char *url;
    enum webhook_status status;
    int64_t attempts; /* tries begun */
    int64_t answer;   /* HTTP status of the last try; 0: none */
    char *error;      /* why the last try failed, or NULL */
    int64_t created_at, due_at;
    int64_t now_ms;   /* the database's, when it was read */
    /* Of what is claimed: its object, one of them; neither has an id when the object's row is gone. */
    struct execution execution; /* its outcome without artifacts and measurements, without output when that exceeds WEBHOOK_OUTPUT_MAX */
    bool has_output;
    struct session session;
};
void webhook_release(struct webhook *webhook);
struct webhook_list { struct webhook *items; size_t count; };
void webhook_list_release(struct webhook_list *list);

/* Of the executions with these seqs: those that are final and have a callback_url. None: nothing is asked. */
int webhook_repo_add_executions(struct db *db, const int64_t *seqs, size_t count, struct err *err) must_use;
/* *added_out: it is final and has a callback_url. */
int webhook_repo_add_session(struct db *db, const char *session_id, bool *added_out, struct err *err) must_use;

/* Hosts of URLs for which something is due, the longest waiting first. */
int webhook_repo_due_hosts(struct db *db, int64_t limit, struct string_list *out, struct err *err) must_use;
/* What is due for a host, the longest waiting first, each with attempts + 1 and a lease; SKIP LOCKED. */
int webhook_repo_claim(struct db *db, const char *claimed_by, const char *host, int64_t lease_ms, int64_t limit, struct webhook_list *out,
                       struct err *err) must_use;
/* Ends the leases of everything `claimed_by` had. */
int webhook_repo_release(struct db *db, const char *claimed_by, struct err *err) must_use;

/* What came of a try. */
struct webhook_result {
    int64_t seq, attempts; /* as claimed: another try's outcome is another's */
    enum webhook_status status;
    int answer;
    const char *error;   /* NULL: none */
    int64_t due_in_ms;   /* waiting: until the next try; else: until the row goes */
};
/* All in one transaction; one that somebody else has taken meanwhile stays as it is. */
int webhook_repo_store(struct db *db, const char *claimed_by, const struct webhook_result *results, size_t count, struct err *err) must_use;

/* Removes rows whose time is over. */
int webhook_repo_tidy(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

struct webhook_filter {
    bool failed;           /* only what was given up, or failed and waits */
    const char *object_id; /* NULL: any */
    int64_t limit;
};
/* Newest first, without their objects. */
int webhook_repo_list(struct db *db, const struct webhook_filter *filter, struct webhook_list *out, struct err *err) must_use;
/* Due now, and for another day, whatever became of it; *changed_out false: there is none, or it is being tried at this moment. */
int webhook_repo_retry(struct db *db, const char *id, bool *changed_out, struct err *err) must_use;

#endif
