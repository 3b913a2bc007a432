/* SPDX-License-Identifier: Apache-2.0 */
/* The deliverer as a whole: store, claim by host, send. */
#include "lib/service/delivery.h"

#include <errno.h>
#include <string.h>

#include "lib/service/delivery_internal.h"
#include "lib/service/metrics.h"
#include "lib/util/failpoint.h"

enum {
    HOSTS_MAX = 1000,   /* looked at in one step */
    STORE_MAX = 64,     /* results of one transaction */
    RECEIVERS_MAX = 1024, /* remembered as failing */
    TIDY_BATCH = 500,
    DAY_MS = 24 * 60 * 60 * 1000,
};

struct deliverer *deliverer_new(const struct delivery_config *config, struct err *err)
{
    struct deliverer *deliverer = calloc(1, sizeof(*deliverer));
    struct http *http = deliverer ? http_new(err) : NULL;
    if (!http) {
        if (!deliverer)
            err_internal(err, ENOMEM, "making a deliverer");
        free(deliverer);
        return NULL;
    }
    *deliverer = (struct deliverer){
        .config = *config,
        .http = http,
        .guard = { .may_connect = delivery_may_connect, .ca_file = config->settings->webhooks.ca_file },
        .recover = true,
    };
    if (!config->settings->webhooks.key[0])
        config->report(LOG_LEVEL_WARN, "webhooks.key is not set: no webhooks are sent", NULL, NULL, NULL);
    return deliverer;
}

static void count(const struct deliverer *deliverer, const struct delivery *delivery)
{
    struct metrics *metrics = deliverer->config.metrics;
    if (delivery->verdict.status != WEBHOOK_WAITING)
        metrics_add(metrics, METRIC_WEBHOOKS, delivery->verdict.status == WEBHOOK_DELIVERED ? METRIC_WEBHOOK_DELIVERED : METRIC_WEBHOOK_GIVEN_UP,
                    0, 1);
    if (delivery->verdict.status != WEBHOOK_DELIVERED)
        metrics_add(metrics, METRIC_WEBHOOK_FAILURES, 0, 0, 1);
}

static void say(const struct deliverer *deliverer, const struct delivery *delivery)
{
    const struct delivery_verdict *verdict = &delivery->verdict;
    struct err why = ERR_INIT;
    if (verdict->status == WEBHOOK_DELIVERED) {
        deliverer->config.report(LOG_LEVEL_INFO, "webhook delivered", NULL, "webhook_id", delivery->webhook.id);
        return;
    }
    err_set(&why, ERR_UNAVAILABLE, "%s", verdict->error);
    bool over = verdict->status == WEBHOOK_GIVEN_UP;
    deliverer->config.report(over ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, over ? "webhook given up" : "webhook failed, will be tried again", &why,
                             "webhook_id", delivery->webhook.id);
}

static void prepare(const struct deliverer *deliverer, const struct delivery *delivery, struct webhook_result *out)
{
    const struct delivery_verdict *verdict = &delivery->verdict;
    *out = (struct webhook_result){
        .seq = delivery->webhook.seq,
        .attempts = delivery->webhook.attempts,
        .status = verdict->status,
        .answer = delivery->status,
        .error = verdict->error[0] ? verdict->error : NULL,
        .due_in_ms = verdict->status == WEBHOOK_WAITING ? verdict->due_in_ms : deliverer->config.settings->retention.webhook_days * DAY_MS,
    };
}

static int store(struct deliverer *deliverer, struct err *err)
{
    while (deliverer->ended.first) {
        struct webhook_result results[STORE_MAX];
        size_t number = 0;
        for (struct delivery *delivery = deliverer->ended.first; delivery && number < STORE_MAX; delivery = delivery->next)
            prepare(deliverer, delivery, &results[number++]);
        FAILPOINT("webhook.answered");
        if (webhook_repo_store(deliverer->config.db, deliverer->config.claimed_by, results, number, err) != 0)
            return -1;
        FAILPOINT("webhook.recorded");
        for (size_t i = 0; i < number; i++) {
            struct delivery *delivery = deliverer->ended.first;
            count(deliverer, delivery);
            say(deliverer, delivery);
            delivery_leave(&deliverer->ended, delivery);
            delivery_free(delivery);
        }
    }
    return 0;
}

void deliverer_free(struct deliverer *deliverer)
{
    struct err ignored = ERR_INIT;
    if (!deliverer)
        return;
    deliverer->closing = true;
    http_free(deliverer->http);
    (void)!store(deliverer, &ignored);
    (void)!webhook_repo_release(deliverer->config.db, deliverer->config.claimed_by, &ignored);
    while (deliverer->ended.first) {
        struct delivery *delivery = deliverer->ended.first;
        delivery_leave(&deliverer->ended, delivery);
        delivery_free(delivery);
    }
    for (struct receiver *receiver; (receiver = deliverer->receivers);) {
        deliverer->receivers = receiver->next;
        free(receiver);
    }
    free(deliverer);
}

bool deliverer_busy(const struct deliverer *deliverer)
{
    return deliverer->flying.count + deliverer->ended.count > 0;
}

/* Those of which nothing need be known: nothing is under way, and they work or are too many. */
static void forget_receivers(struct deliverer *deliverer)
{
    for (struct receiver **at = &deliverer->receivers; *at;) {
        struct receiver *receiver = *at;
        if (receiver->in_flight > 0 || (receiver->failing && deliverer->receiver_count <= RECEIVERS_MAX)) {
            at = &receiver->next;
            continue;
        }
        *at = receiver->next;
        deliverer->receiver_count--;
        free(receiver);
    }
}

static struct receiver *find_receiver(struct deliverer *deliverer, const char *name, struct err *err)
{
    for (struct receiver *receiver = deliverer->receivers; receiver; receiver = receiver->next)
        if (strcmp(receiver->name, name) == 0)
            return receiver;
    struct receiver *made = calloc(1, sizeof(*made));
    if (!made) {
        err_internal(err, ENOMEM, "a receiver of webhooks");
        return NULL;
    }
    snprintf(made->name, sizeof(made->name), "%s", name);
    made->next = deliverer->receivers;
    deliverer->receivers = made;
    deliverer->receiver_count++;
    return made;
}

static size_t room_of(const struct deliverer *deliverer, const struct receiver *receiver)
{
    const struct webhook_settings *settings = &deliverer->config.settings->webhooks;
    size_t all = (size_t)settings->in_flight, of_host = receiver->failing ? 1 : (size_t)settings->per_host;
    size_t left = deliverer->flying.count < all ? all - deliverer->flying.count : 0;
    size_t left_of_host = receiver->in_flight < of_host ? of_host - receiver->in_flight : 0;
    return left < left_of_host ? left : left_of_host;
}

static int send_to(struct deliverer *deliverer, struct receiver *receiver, struct err *err)
{
    cleanup(webhook_list_release) struct webhook_list claimed = { 0 };
    size_t room = room_of(deliverer, receiver);
    if (room == 0) {
        deliverer->more = true;
        return 0;
    }
    if (webhook_repo_claim(deliverer->config.db, deliverer->config.claimed_by, receiver->name, DELIVERY_LEASE_MS, (int64_t)room, &claimed, err) != 0)
        return -1;
    if (claimed.count > 0)
        FAILPOINT("webhook.claimed");
    deliverer->more |= claimed.count == room;
    for (size_t i = 0; i < claimed.count; i++)
        if (delivery_start(deliverer, receiver, &claimed.items[i], err) != 0)
            return -1;
    return 0;
}

static int send_due(struct deliverer *deliverer, struct err *err)
{
    cleanup(string_list_release) struct string_list hosts = { 0 };
    forget_receivers(deliverer);
    if (webhook_repo_due_hosts(deliverer->config.db, HOSTS_MAX, &hosts, err) != 0)
        return -1;
    deliverer->more = false;
    for (size_t i = 0; i < hosts.count; i++) {
        struct receiver *receiver = find_receiver(deliverer, hosts.items[i], err);
        if (!receiver || send_to(deliverer, receiver, err) != 0)
            return -1;
    }
    return 0;
}

static int recover(struct deliverer *deliverer, struct err *err)
{
    if (deliverer->recover && webhook_repo_release(deliverer->config.db, deliverer->config.claimed_by, err) != 0)
        return -1;
    deliverer->recover = false;
    return 0;
}

int deliverer_step(struct deliverer *deliverer, bool look, struct err *err)
{
    bool freed = deliverer->ended.first != NULL;
    if (recover(deliverer, err) != 0 || store(deliverer, err) != 0)
        return -1;
    if (!deliverer->config.settings->webhooks.key[0] || (!look && !(deliverer->more && freed)))
        return 0;
    return send_due(deliverer, err) != 0 ? -1 : store(deliverer, err);
}

int deliverer_wait(struct deliverer *deliverer, struct pollfd *extra, unsigned extra_count, int timeout_ms, struct err *err)
{
    return http_run(deliverer->http, extra, extra_count, timeout_ms, err);
}

int deliverer_tidy(struct deliverer *deliverer, int64_t *removed_out, struct err *err)
{
    uint64_t removed = TIDY_BATCH;
    for (*removed_out = 0; removed >= TIDY_BATCH; *removed_out += (int64_t)removed)
        if (webhook_repo_tidy(deliverer->config.db, TIDY_BATCH, &removed, err) != 0)
            return -1;
    return 0;
}
