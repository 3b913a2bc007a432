/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's inside, shared by its parts only. */
#ifndef SANDBOX_SERVICE_DISPATCH_INTERNAL_H
#define SANDBOX_SERVICE_DISPATCH_INTERNAL_H

#include "lib/model/trace.h"
#include "lib/service/dispatch.h"
#include "lib/service/dispatch_outcome.h"
#include "lib/service/served_nodes.h"
#include "lib/service/transfers.h"

/* One execution from its claim until it is stored: perhaps its files first (`transfer`), then under way (`run`), perhaps files again, then
 * waiting in `ended`. */
struct flight {
    struct flight *previous, *next; /* in `running`, `moving` or `ended` */
    struct flight *bucket_next;     /* in the table by seq */
    struct dispatch *dispatch;
    struct exec_run *run;            /* NULL: not under way */
    struct transfer *transfer;       /* its files are being moved */
    struct execution_claim *claim;   /* what is to be sent, while files go first */
    int64_t mark;                    /* of changes that were stored; -1: none */
    bool cancelled;                  /* that was asked for while files were moved */
    int64_t seq;
    int64_t attempts, max_retries, timeout_ms;
    enum language language;
    char id[EXECUTION_ID_SIZE];
    char session_id[SESSION_ID_SIZE];
    char notify[ADDRESS_SIZE]; /* who waited when it was claimed */
    bool late;                 /* somebody has begun to wait since */
    char container_id[CONTAINER_ID_SIZE];
    char secret[CONTAINER_SECRET_SIZE];
    struct runtime_endpoint endpoint; /* where its executor listens */
    struct verdict verdict;
    size_t tries;   /* to store it */
    bool uncertain; /* a commit with it had an unknown outcome */
    bool changed;   /* the last try changed the row */
    bool calls_back; /* it has a callback_url */
    bool overruled; /* ... to `cancelled`, for that was asked for */
    int64_t reason_until_ms; /* it is lost, and provisiond was asked why: not stored before, unless it is known; 0: not asked */
    struct trace *trace;  /* NULL: nobody asked for one */
    int64_t sent_us;      /* clock_mono_us() when it was sent */
    int64_t cancel_at_ms; /* when the executor may be told (again) to kill it */
};

struct flight_list {
    struct flight *first, *last;
    size_t count;
};

enum { DISPATCH_NAMED_MAX = 64, DISPATCH_WAITERS_MAX = 16 };

struct dispatch {
    struct dispatch_config config;
    struct served_nodes *nodes; /* whose sandboxes it reaches */
    struct http *http;
    struct transfers *transfers; /* NULL until files are moved for the first time */
    struct flight_list running, moving, ended;
    struct flight **table; /* by seq; a power of two */
    size_t table_mask;
    int64_t renew_at_ms, pushed_at_ms; /* when leases are renewed, and pushing executors' cancellations looked at */
    struct dispatch_done done;
    int64_t heard_us; /* clock_wall_us() when this step began */
    bool look;    /* the queue may hold something for us */
    bool crowded; /* ... once one of those that run has ended */
    int64_t named[DISPATCH_NAMED_MAX]; /* seqs that somebody said may be started */
    size_t named_count;
    int64_t given[DISPATCH_NAMED_MAX]; /* seqs of which somebody said that they are stored as ours */
    size_t given_count;
    bool recall;                           /* ... and of more than have room here */
    int64_t offer_at_ms;                   /* when it is said again that we take */
    char waiters[DISPATCH_WAITERS_MAX][EXECUTION_ID_SIZE]; /* somebody began to wait for these, which are not under way here */
    size_t waiters_count;
    bool recover; /* the rows may say we run what we do not know of */
};

/* How many more may be claimed in one go. */
size_t dispatch_room(const struct dispatch *dispatch);
/* Starts those that are no flights already. */
int dispatch_take_up(struct dispatch *dispatch, struct claim_list *claims, struct err *err) must_use;

/* Executions that were stored for this dispatcher (lib/repo/execution_repo.h). Hears of one; starts those; looks (if it
 * is to) for those it did not hear of, and says that it takes more when that is due. */
void dispatch_given(struct dispatch *dispatch, int64_t seq);
int dispatch_take(struct dispatch *dispatch, struct err *err) must_use;
int dispatch_keep_taking(struct dispatch *dispatch, bool look, struct err *err) must_use;
/* It takes no more. */
int dispatch_withdraw(struct dispatch *dispatch, struct err *err) must_use;

struct flight *flight_find(const struct dispatch *dispatch, int64_t seq);
/* Starts a claimed execution; whatever goes wrong with it becomes its verdict. May take the claim's content.
 * -1: out of memory, nothing is known of it. */
int flight_start(struct dispatch *dispatch, struct execution_claim *claim, struct err *err) must_use;
/* Forgets the flight; a stream is let go. Files must not be under way any more. */
void flight_free(struct flight *flight);
/* Puts an ended flight behind the others. */
void flight_postpone(struct flight *flight);
/* Moments of a flight whose trace was asked for; without memory for it there is none. */
void flight_trace(struct flight *flight, const struct execution_claim *claim);
/* Those that the executor measured; what it cost beside the code is counted for every flight. */
void flight_trace_answer(struct flight *flight, const struct wire_result *result);
/* Into what is about to be stored. */
void flight_trace_store(struct flight *flight);
/* Executor calls that nobody waits for. */
void flight_ack(struct flight *flight);
void flight_cancel(struct flight *flight);
/* The same for one that is no flight: its executor pushes. Id, node, container and secret of `claim` are looked at. */
void dispatch_cancel_pushed(struct dispatch *dispatch, const struct execution_claim *claim);

/* Between the lists. */
void flight_join(struct flight_list *list, struct flight *flight);
void flight_leave(struct flight_list *list, struct flight *flight);
/* Sends it, or makes its loss its verdict. In no list before. */
void flight_send(struct flight *flight, const struct execution_claim *claim);
void flight_lose(struct flight *flight, enum exec_loss loss, const struct err *err);

/* Begins to move files for a flight that is in no list: into the sandbox (takes the claim's content), or out of it. If that cannot be, that is its
 * verdict, and it has ended. */
void flight_push(struct flight *flight, struct execution_claim *claim);
void flight_pull(struct flight *flight);
/* Stops that: it is cancelled. */
void flight_stop(struct flight *flight);
/* Goes on with flights whose files have been moved. */
void dispatch_land(struct dispatch *dispatch);

/* Has containers examined whose loss would end an execution, and looks whether they were. */
int dispatch_seek_reasons(struct dispatch *dispatch, struct err *err) must_use;
bool flight_storable(const struct flight *flight);

/* Somebody began to wait for an execution: told when it is stored, or at the next step if that was just done. */
void dispatch_note_waiter(struct dispatch *dispatch, const char *id);
int dispatch_ring_waiters(struct dispatch *dispatch, struct err *err) must_use;

/* Stores what has ended, in as few transactions as sensible, and wakes who waits. On failure the rest stays in `ended`. */
int dispatch_store(struct dispatch *dispatch, struct err *err) must_use;

#endif
