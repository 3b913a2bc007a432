/* SPDX-License-Identifier: Apache-2.0 */
/* One webhook on its way: request, signature, guard, verdict. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#include "config.h"
#include "lib/service/delivery_internal.h"
#include "lib/service/webhooks.h"
#include "lib/util/clock.h"
#include "lib/wire/webhook.h"

void delivery_join(struct delivery_list *list, struct delivery *delivery)
{
    delivery->previous = list->last;
    delivery->next = NULL;
    *(list->last ? &list->last->next : &list->first) = delivery;
    list->last = delivery;
    list->count++;
}

void delivery_leave(struct delivery_list *list, struct delivery *delivery)
{
    *(delivery->previous ? &delivery->previous->next : &list->first) = delivery->next;
    *(delivery->next ? &delivery->next->previous : &list->last) = delivery->previous;
    list->count--;
}

void delivery_free(struct delivery *delivery)
{
    webhook_release(&delivery->webhook);
    free(delivery->body);
    free(delivery);
}

/* By the database's clock. */
static int64_t now_ms(const struct delivery *delivery)
{
    return delivery->webhook.now_ms + clock_mono_ms() - delivery->claimed_ms;
}

static unsigned random_number(void)
{
    unsigned number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        number = (unsigned)clock_mono_us();
    return number;
}

/* `refused`: whatever the guard saw, this is why it is not to be sent. */
static void end(struct delivery *delivery, int64_t retry_after_s, const char *refused, const struct err *err)
{
    struct deliverer *deliverer = delivery->deliverer;
    const struct delivery_try delivery_try = {
        .attempts = delivery->webhook.attempts,
        .age_ms = now_ms(delivery) - delivery->webhook.created_at,
        .status = delivery->status,
        .retry_after_s = retry_after_s,
        .refused = refused,
        .err = err,
        .random = random_number(),
    };
    delivery_judge(&delivery_try, &delivery->verdict);
    delivery_join(&deliverer->ended, delivery);
}

bool delivery_may_connect(void *arg, const struct sockaddr *address)
{
    struct delivery *delivery = arg;
    const char *why = "an address of another kind";
    struct address to;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
        address_of_ipv4((const unsigned char *)&ipv4->sin_addr, &to);
        why = address_refused(&to, &delivery->deliverer->config.settings->webhooks.allowed);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
        memcpy(to.bytes, &ipv6->sin6_addr, sizeof(to.bytes));
        why = address_refused(&to, &delivery->deliverer->config.settings->webhooks.allowed);
    }
    if (why)
        delivery->refused = why;
    else
        delivery->permitted = true;
    return !why;
}

/* Nobody reads the answer; more than this is not even received. */
static int on_data(void *arg, const char *data, size_t len)
{
    struct delivery *delivery = arg;
    (void)data;
    delivery->answer_bytes += len;
    return delivery->answer_bytes > DELIVERY_ANSWER_MAX ? -1 : 0;
}

/* A status that came is the answer, whatever became of the body. */
static void on_done(void *arg, int status, const struct err *err)
{
    struct delivery *delivery = arg;
    struct deliverer *deliverer = delivery->deliverer;
    delivery_leave(&deliverer->flying, delivery);
    delivery->receiver->in_flight--;
    if (deliverer->closing) {
        delivery_free(delivery);
        return;
    }
    delivery->status = status ? status : http_status(delivery->call);
    delivery->receiver->failing = delivery->status == 0;
    end(delivery, http_retry_after_s(delivery->call), delivery->permitted ? NULL : delivery->refused, err);
}

static char *encode(const struct webhook *webhook)
{
    if (webhook->execution.id[0])
        return wire_webhook_execution(webhook->event, &webhook->execution, webhook->has_output);
    return wire_webhook_session(webhook->event, &webhook->session);
}

static int post(struct delivery *delivery, const char *url, struct err *err)
{
    const struct webhook_settings *settings = &delivery->deliverer->config.settings->webhooks;
    const struct webhook *webhook = &delivery->webhook;
    char id[64], timestamp[64], signatures[WEBHOOK_SIGNATURES_SIZE], signature[WEBHOOK_SIGNATURES_SIZE + 32];
    const char *const headers[] = { id, timestamp, signature, "User-Agent: sandbox-webhookd/" PACKAGE_VERSION, "Accept: */*" };
    int64_t now_s = now_ms(delivery) / 1000, asked_ms = delivery->deliverer->config.try_ms, try_ms = asked_ms ? asked_ms : DELIVERY_TRY_MS;
    size_t len = strlen(delivery->body);
    const struct http_guard *guard = &delivery->deliverer->guard;
    if (webhook_sign(settings, webhook->owner, webhook->id, now_s, delivery->body, len, signatures, err) != 0)
        return -1;
    snprintf(id, sizeof(id), "webhook-id: %s", webhook->id);
    snprintf(timestamp, sizeof(timestamp), "webhook-timestamp: %" PRId64, now_s);
    snprintf(signature, sizeof(signature), "webhook-signature: %s", signatures);
    const struct http_request request = {
        .method = "POST", .url = url, .body = delivery->body, .body_len = len, .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]), .guard = guard, .connect_timeout_ms = try_ms,
        .timeout_ms = try_ms, .on_data = on_data, .on_done = on_done, .arg = delivery,
    };
    return http_start(delivery->deliverer->http, &request, &delivery->call, err);
}

/* Settings may have changed since the URL was taken, and rows may have gone. NULL: it is to be sent. */
static const char *unfit(const struct delivery *delivery, struct err *err)
{
    const struct webhook *webhook = &delivery->webhook;
    if (!webhook->execution.id[0] && !webhook->session.id[0]) {
        err_set(err, ERR_NOT_FOUND, "What was to be told of is gone.");
        return err->text;
    }
    return webhook_check_url(&delivery->deliverer->config.settings->webhooks, webhook->url, err) != 0 ? err->text : NULL;
}

int delivery_start(struct deliverer *deliverer, struct receiver *receiver, struct webhook *webhook, struct err *err)
{
    struct err problem = ERR_INIT;
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery)
        return err_internal(err, ENOMEM, "starting a webhook");
    *delivery = (struct delivery){ .deliverer = deliverer, .receiver = receiver, .webhook = *webhook, .claimed_ms = clock_mono_ms() };
    *webhook = (struct webhook){ 0 };
    if (unfit(delivery, &problem)) {
        delivery->verdict.status = WEBHOOK_GIVEN_UP;
        snprintf(delivery->verdict.error, sizeof(delivery->verdict.error), "%s", problem.text);
        delivery_join(&deliverer->ended, delivery);
        return 0;
    }
    delivery->body = encode(&delivery->webhook);
    if (!delivery->body)
        err_internal(&problem, ENOMEM, "a webhook's body");
    if (!delivery->body || post(delivery, delivery->webhook.url, &problem) != 0) {
        end(delivery, 0, NULL, &problem);
        return 0;
    }
    receiver->in_flight++;
    delivery_join(&deliverer->flying, delivery);
    return 0;
}
