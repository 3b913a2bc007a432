/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what was counted, and how the rows stand; files that are not ours; a database that is away. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/metrics.h"
#include "lib/service/metrics.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static char directory[64];
static struct client *operator; /* with the scope admin */

static void count_for(struct client *client, struct metrics *metrics, struct metrics *http_metrics)
{
    client->context.metrics = metrics;
    client->http_metrics = http_metrics;
}

static void setup(void)
{
    struct err err = ERR_INIT;
    api_setup();
    strcpy(directory, "/tmp/test_api_metrics.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    free(fixture_settings->metrics.directory);
    fixture_settings->metrics.directory = strdup(directory);
    operator = client_new("operator", "admin", 0);
    struct metrics *metrics = metrics_service_open(fixture_settings, METRICS_API, &err);
    struct metrics *http_metrics = http_metrics_open(fixture_settings, &err);
    ck_assert_msg(metrics && http_metrics, "%s", err.detail);
    count_for(operator, metrics, http_metrics);
    count_for(api_me, metrics, http_metrics);
}

static void teardown(void)
{
    char command[128];
    metrics_close(operator->context.metrics);
    metrics_close(operator->http_metrics);
    client_free(operator);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    api_teardown();
}

static char *scrape(struct client *client)
{
    struct answer answer = client_call(client, "GET", "/metrics", NULL);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_nonnull(strstr(answer.headers, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    char *text = steal(answer.text);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    answer_release(&answer);
    return text;
}

/* A series' value; NAN when there is none. */
static double value_in(const char *text, const char *series)
{
    size_t len = strlen(series);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, len) == 0 && line[len] == ' ')
            return strtod(line + len, NULL);
    }
    return NAN;
}

static double value(const char *series)
{
    char *text = scrape(operator);
    double found = value_in(text, series);
    free(text);
    return found;
}

#define REQUESTS(method, route, code) "sandbox_http_requests_total{method=\"" method "\",route=\"" route "\",code=\"" code "\"}"
#define IS(series, expected) ck_assert_double_eq_tol(value(series), expected, 1e-9)

START_TEST(test_metrics__requests_are_counted_by_route)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    json_object_put(client_json(api_me, "GET", uri, NULL, 200));
    json_object_put(client_json(api_me, "GET", uri, NULL, 200));
    api_refused(api_me, "GET", API_SESSIONS "/sess_0123456789abcdef", NULL, 404, "Sandbox.SessionNotFound");
    api_refused(api_me, "GET", "/nothing/here", NULL, 404, "Sandbox.NotFound");
    api_refused(api_me, "BREW", "/nothing/here", NULL, 404, "Sandbox.NotFound");
    api_refused(api_me, "PATCH", uri, NULL, 405, "Sandbox.MethodNotAllowed");
    IS(REQUESTS("POST", "/api/v1/sessions", "201"), 1);
    IS(REQUESTS("GET", "/api/v1/sessions/{id}", "200"), 2);
    IS(REQUESTS("GET", "/api/v1/sessions/{id}", "404"), 1);
    IS(REQUESTS("GET", "unmatched", "404"), 1);
    IS(REQUESTS("other", "unmatched", "404"), 1);
    IS(REQUESTS("PATCH", "unmatched", "405"), 1);
    IS("sandbox_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/sessions/{id}\"}", 3);
    IS("sandbox_http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/sessions/{id}\",le=\"+Inf\"}", 3);
    ck_assert_double_gt(value("sandbox_http_request_duration_seconds_sum{method=\"GET\",route=\"/api/v1/sessions/{id}\"}"), 0);
    ck_assert_double_nan(value(REQUESTS("GET", "/api/v1/sessions/{id}", "500")));
    IS("sandbox_build_info{version=\"0.1.0\"}", 1);
    ck_assert_double_gt(value("sandbox_metrics_start_time_seconds{program=\"api\"}"), 1.6e9);
}
END_TEST

START_TEST(test_metrics__refusals)
{
    char *text = NULL;
    struct client nobody = *api_me;
    nobody.token[0] = '\0';
    api_refused(&nobody, "GET", "/metrics", NULL, 401, "Sandbox.Unauthorized");
    snprintf(nobody.token, sizeof(nobody.token), "sbx_0123456789012345678901234567890123456789");
    api_refused(&nobody, "GET", "/api/v1/metrics", NULL, 401, "Sandbox.Unauthorized");
    api_refused(api_me, "GET", "/metrics", NULL, 403, "Sandbox.Forbidden");
    api_refused(api_me, "GET", "/api/v1/metrics", NULL, 403, "Sandbox.Forbidden");
    fixture_settings->limits.sessions = 1;
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 429, "Sandbox.RateLimited");
    text = scrape(operator);
    ck_assert_double_eq(value_in(text, "sandbox_auth_failures_total{reason=\"missing\"}"), 1);
    ck_assert_double_eq(value_in(text, "sandbox_auth_failures_total{reason=\"invalid\"}"), 1);
    ck_assert_double_eq(value_in(text, "sandbox_auth_failures_total{reason=\"scope\"}"), 2);
    ck_assert_double_eq(value_in(text, "sandbox_rate_limited_total{kind=\"sessions\"}"), 1);
    ck_assert_double_eq(value_in(text, "sandbox_rate_limited_total{kind=\"requests\"}"), 0);
    free(text);
    fixture_settings->limits.requests_per_minute = 1;
    struct answer last = client_call(api_me, "GET", API_SESSIONS, NULL); /* may be one too many already */
    api_refused(api_me, "GET", API_SESSIONS, NULL, 429, "Sandbox.RateLimited");
    fixture_settings->limits.requests_per_minute = 0;
    IS("sandbox_rate_limited_total{kind=\"requests\"}", 1 + (last.status == 429));
    answer_release(&last);
}
END_TEST

START_TEST(test_metrics__sessions_and_executions)
{
    char id[SESSION_ID_SIZE], uri[128], execute[160];
    fixture_container("c00000000001", "n1", "", CONTAINER_WARM);
    api_create(api_me, id, uri);
    snprintf(execute, sizeof(execute), "%s/execute", uri);
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    IS("sandbox_session_create_seconds_count{outcome=\"warm\"}", 1);
    IS("sandbox_session_create_seconds_count{outcome=\"cold\"}", 1);
    IS("sandbox_pool_claims_total{result=\"hit\"}", 1);
    IS("sandbox_pool_claims_total{result=\"miss\"}", 1);
    json_object_put(client_json(api_me, "POST", execute, "{\"code\":\"x\",\"language\":\"python\"}", 200));
    json_object_put(client_json(api_me, "POST", execute, "{\"code\":\"x\",\"language\":\"shell\"}", 200));
    struct json_object *third = client_json(api_me, "POST", execute, "{\"code\":\"x\",\"language\":\"shell\"}", 200);
    char cancel[160];
    snprintf(cancel, sizeof(cancel), "/api/v1/executions/%s/cancel", text_of(third, "execution_id"));
    json_object_put(third);
    IS("sandbox_executions_pending", 3);
    json_object_put(client_json(api_me, "POST", cancel, NULL, 200));
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200));
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200)); /* again: it has ended already */
    IS("sandbox_executions_total{language=\"python\",status=\"failed\"}", 1);
    IS("sandbox_executions_total{language=\"shell\",status=\"failed\"}", 1);
    IS("sandbox_executions_total{language=\"shell\",status=\"cancelled\"}", 1);
    IS("sandbox_executions_total{language=\"javascript\",status=\"failed\"}", 0);
    IS("sandbox_executions_pending", 0);
}
END_TEST

static void store_rows(void)
{
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "you", SESSION_CREATING);
    fixture_session("s3", "me", SESSION_TERMINATED);
    fixture_execution("e1", "s1", true);
    fixture_execution("e2", "s2", false);
    fixture_execution("e3", "s1", true);
    fixture_execution("e4", "s1", true);
    fixture_sql("UPDATE executions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 500 SECOND, status = 'running' WHERE id = 'e1';"
                "UPDATE executions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 100 SECOND WHERE id = 'e2';"
                "UPDATE executions SET status = 'completed' WHERE id = 'e4';"
                "DELETE FROM containers;"
                "INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) VALUES"
                " ('a', 'reap', 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 1000 SECOND, 2000),"
                " ('b', 'reap', 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 50 SECOND, 2000)");
    fixture_container("c00000000001", "n1", "", CONTAINER_WARM);
    fixture_container("c00000000002", "n1", "", CONTAINER_WARM);
    fixture_container("c00000000003", "n1", "s1", CONTAINER_RUNNING);
    fixture_container("c00000000004", "n1", "s3", CONTAINER_DELETED);
    fixture_node("n2", 500, 1024, 1);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR WHERE id = 'n2'");
}

static const struct {
    const char *series;
    double expected, tolerance;
} gauge_rows[] = {
    { "sandbox_database_up", 1, 0 },
    { "sandbox_sessions{status=\"creating\"}", 1, 0 },
    { "sandbox_sessions{status=\"running\"}", 1, 0 },
    { "sandbox_executions_pending", 2, 0 },
    { "sandbox_executions_running", 1, 0 },
    { "sandbox_oldest_pending_seconds", 110, 10 },
    { "sandbox_containers{status=\"creating\"}", 0, 0 },
    { "sandbox_containers{status=\"warm\"}", 2, 0 },
    { "sandbox_containers{status=\"running\"}", 1, 0 },
    { "sandbox_containers{status=\"deleting\"}", 0, 0 },
    { "sandbox_pool_warm{template=\"python-basic\"}", 2, 0 },
    { "sandbox_pool_warm{template=\"nodejs-basic\"}", 0, 0 },
    { "sandbox_job_last_beat_seconds{job=\"reap\"}", 60, 10 },
    { "sandbox_node_up{node=\"n1\"}", 1, 0 },
    { "sandbox_node_up{node=\"n2\"}", 0, 0 },
    { "sandbox_node_capacity{node=\"n1\",resource=\"cpu\"}", 16, 0 },
    { "sandbox_node_capacity{node=\"n2\",resource=\"cpu\"}", 0.5, 0 },
    { "sandbox_node_capacity{node=\"n1\",resource=\"memory\"}", 16384.0 * 1024 * 1024, 0 },
    { "sandbox_node_capacity{node=\"n1\",resource=\"containers\"}", 20, 0 },
    { "sandbox_node_allocated{node=\"n1\",resource=\"cpu\"}", 3, 0 },
    { "sandbox_node_allocated{node=\"n1\",resource=\"memory\"}", 3 * 512.0 * 1024 * 1024, 0 },
    { "sandbox_node_allocated{node=\"n1\",resource=\"containers\"}", 3, 0 },
    { "sandbox_node_allocated{node=\"n2\",resource=\"containers\"}", 0, 0 },
};

START_TEST(test_metrics__gauges_match_the_rows)
{
    store_rows();
    char *text = scrape(operator);
    for (size_t i = 0; i < sizeof(gauge_rows) / sizeof(gauge_rows[0]); i++) {
        double found = value_in(text, gauge_rows[i].series);
        ck_assert_msg(fabs(found - gauge_rows[i].expected) <= gauge_rows[i].tolerance, "%s: %g, not %g\n%s", gauge_rows[i].series, found,
                      gauge_rows[i].expected, text);
    }
    free(text);
    fixture_sql("DELETE FROM executions");
    IS("sandbox_oldest_pending_seconds", 0);
}
END_TEST

/* What the jobs counted, and what happens when their files are not what they should be. */
START_TEST(test_metrics__files_of_the_jobs)
{
    static const char failed[] = "sandbox_job_steps_failed_total{job=\"reap\"}";
    struct err err = ERR_INIT;
    char path[128];
    struct metrics *reap = metrics_service_open(fixture_settings, "reap", &err);
    struct metrics *dispatchd = metrics_service_open(fixture_settings, "dispatchd", &err);
    metrics_job_failed(reap, "reap");
    metrics_job_failed(reap, "nobody");
    metrics_executions_ended(reap, LANGUAGE_SHELL, EXECUTION_FAILED, 2);
    metrics_executions_ended(dispatchd, LANGUAGE_SHELL, EXECUTION_FAILED, 3);
    metrics_executions_ended(dispatchd, LANGUAGE_SHELL, EXECUTION_PENDING, 1); /* not an end */
    IS(failed, 1);
    IS("sandbox_executions_total{language=\"shell\",status=\"failed\"}", 5);
    snprintf(path, sizeof(path), "%s/reap/service", directory);
    FILE *file = fopen(path, "w"); /* cut off, then garbage */
    IS(failed, 0);
    IS("sandbox_executions_total{language=\"shell\",status=\"failed\"}", 3);
    ck_assert_double_nan(value("sandbox_metrics_start_time_seconds{program=\"reap\"}"));
    for (int i = 0; i < 100000; i++)
        fputc('x', file);
    fclose(file);
    IS(failed, 0);
    metrics_close(dispatchd);
    metrics_close(reap);
}
END_TEST

START_TEST(test_metrics__switched_off)
{
    struct err err = ERR_INIT;
    count_for(operator, NULL, NULL);
    fixture_settings->metrics.directory[0] = '\0';
    ck_assert_ptr_null(metrics_service_open(fixture_settings, METRICS_API, &err));
    ck_assert_ptr_null(http_metrics_open(fixture_settings, &err));
    ck_assert_int_eq(err.code, ERR_NONE);
    IS("sandbox_sessions{status=\"running\"}", 0);
    ck_assert_double_nan(value("sandbox_metrics_start_time_seconds{program=\"api\"}"));
    metrics_close(api_me->context.metrics);
    metrics_close(api_me->http_metrics);
}
END_TEST

static struct client without_database(const struct client *like)
{
    static struct db_settings nowhere;
    static char socket[] = "/nonexistent/socket";
    struct client lost = *like;
    nowhere = fixture_settings->database;
    nowhere.socket = socket;
    lost.context.db = db_new(&nowhere);
    return lost;
}

START_TEST(test_metrics__database_away)
{
    struct client lost = without_database(operator);
    IS("sandbox_database_up", 1);
    api_refused(&lost, "GET", "/metrics", NULL, 503, "Sandbox.ServiceUnavailable"); /* nobody can say who asks */
    IS(REQUESTS("GET", "/metrics", "503"), 1);
    db_free(lost.context.db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_metrics");
    TCase *tcase = tcase_create("api_metrics");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_metrics__requests_are_counted_by_route);
    tcase_add_test(tcase, test_metrics__refusals);
    tcase_add_test(tcase, test_metrics__sessions_and_executions);
    tcase_add_test(tcase, test_metrics__gauges_match_the_rows);
    tcase_add_test(tcase, test_metrics__files_of_the_jobs);
    tcase_add_test(tcase, test_metrics__switched_off);
    tcase_add_test(tcase, test_metrics__database_away);
    return fixture_run(suite);
}
