/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of HTTP; the handler of /metrics. */
#include "config.h"

#include "fcgi/metrics.h"

#include <string.h>

#include "fcgi/call.h"
#include "lib/service/metrics.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { TEXT_MAX = 8 * 1024 * 1024 };
enum http_metric { REQUESTS, DURATION, AUTH_FAILURES, REPLAYS };
enum auth_failure { AUTH_MISSING, AUTH_INVALID, AUTH_SCOPE };

/* Of requests without a route: the client's own word would make a series of anything. */
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other" };
static const char *const auth_names[] = { [AUTH_MISSING] = "missing", [AUTH_INVALID] = "invalid", [AUTH_SCOPE] = "scope" };

static size_t count_endpoints(void)
{
    return route_count + COUNT(methods);
}

static size_t count_codes(void)
{
    return response_statuses() + 1;
}

static size_t count_auth(void)
{
    return COUNT(auth_names);
}

static void label_endpoint(size_t index, struct strbuf *out)
{
    bool matched = index < route_count;
    metrics_add_label(out, "method", matched ? route_table[index].method : methods[index - route_count]);
    metrics_add_label(out, "route", matched ? route_table[index].pattern : "unmatched");
}

static void label_code(size_t index, struct strbuf *out)
{
    char code[16] = "other";
    if (index < response_statuses())
        snprintf(code, sizeof(code), "%d", response_status_at(index));
    metrics_add_label(out, "code", code);
}

static void label_auth(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "reason", auth_names[index]);
}

static const int64_t bounds[] = { 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
                                  5000000, 10000000, 30000000, 60000000, 0 };
static const struct metric metric_list[] = {
    [REQUESTS] = { .name = "sandbox_http_requests_total", .sparse = true,
                   .axes = { { count_endpoints, label_endpoint }, { count_codes, label_code } },
                   .help = "Requests that were answered." },
    [DURATION] = { .name = "sandbox_http_request_duration_seconds", .sparse = true, .bounds_us = bounds,
                   .axes = { { count_endpoints, label_endpoint } },
                   .help = "Time from reading a request until its answer is written; what a client asked to wait for is in it." },
    [AUTH_FAILURES] = { .name = "sandbox_auth_failures_total", .axes = { { count_auth, label_auth } },
                        .help = "Requests refused for their token: none, not a valid one, lacks the scope." },
    [REPLAYS] = { .name = "sandbox_idempotent_replays_total",
                  .help = "Requests that were answered with the first answer to their Idempotency-Key." },
};
static const struct metrics_table table = { metric_list, COUNT(metric_list) };

static char *directory_of(const struct settings *settings)
{
    struct strbuf path = STRBUF_INIT(4096);
    strbuf_addf(&path, "%s/" METRICS_API, settings->metrics.directory);
    return strbuf_steal(&path);
}

struct metrics *http_metrics_open(const struct settings *settings, struct err *err)
{
    if (!settings->metrics.directory[0])
        return NULL;
    cleanup_free char *directory = directory_of(settings);
    if (directory)
        return metrics_open(directory, "http", &table, err);
    err_internal(err, 0, "out of memory for metrics");
    return NULL;
}

static size_t endpoint_of(const struct served *served)
{
    if (served->route >= route_table && served->route < route_table + route_count)
        return (size_t)(served->route - route_table);
    size_t i = 0;
    while (i + 1 < COUNT(methods) && strcmp(methods[i], served->method) != 0)
        i++;
    return route_count + i;
}

static size_t code_of(int status)
{
    size_t i = 0;
    while (i < response_statuses() && response_status_at(i) != status)
        i++;
    return i;
}

void http_metrics_count(struct metrics *metrics, const struct served *served)
{
    size_t endpoint = endpoint_of(served);
    metrics_add(metrics, REQUESTS, endpoint, code_of(served->status), 1);
    metrics_observe(metrics, DURATION, endpoint, 0, served->us);
    if (served->failure == ERR_UNAUTHORIZED)
        metrics_add(metrics, AUTH_FAILURES, served->has_token ? AUTH_INVALID : AUTH_MISSING, 0, 1);
    if (served->failure == ERR_FORBIDDEN)
        metrics_add(metrics, AUTH_FAILURES, AUTH_SCOPE, 0, 1);
    if (served->replayed)
        metrics_add(metrics, REPLAYS, 0, 0, 1);
}

static int add_http(const struct settings *settings, struct strbuf *out, struct err *err)
{
    cleanup_metrics_values struct metrics_values *values = metrics_values_new(&table, err);
    cleanup_free char *directory = directory_of(settings);
    if (!values)
        return -1;
    if (directory && metrics_values_add(values, directory, "http", NULL) == 0)
        metrics_values_text(values, out);
    return 0;
}

int metrics_get(struct call *call, struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(TEXT_MAX);
    metrics_add_header(&text, "sandbox_build_info", "gauge", "Which version answers.");
    metrics_add_sample(&text, "sandbox_build_info", "version=\"" PACKAGE_VERSION "\"", 1);
    if (add_http(call->context->settings, &text, err) != 0 ||
        metrics_service_counters(call->context, &text, err) != 0)
        return -1;
    metrics_service_gauges(call->context, &text);
    return response_text(call->response, 200, "text/plain; version=0.0.4; charset=utf-8", &text, err);
}
