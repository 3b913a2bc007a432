/* SPDX-License-Identifier: Apache-2.0 */
/* How long the database's part of each step takes: medians, in milliseconds. Run through tests/with-mariadb.sh (which leaves
 * durability at its default: one flush to disk a commit). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/settings.h"
#include "lib/util/clock.h"

enum { ROUNDS = 200 };
static const struct resources size = { .cpu_milli = 1000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 128 };

struct bench {
    struct db *db;
    int round;
    int64_t seq; /* of the round's execution, and its id */
    char id[EXECUTION_ID_SIZE];
    struct claim_list claims;
};

static int store_warm(struct bench *bench, struct err *err)
{
    bool changed = false;
    struct container container = { .runtime_type = RUNTIME_PROCESS, .template_id = "python-basic",
                                   .image = "sandbox/python:3.11-basic", .languages = "python", .oci_runtime = "",
                                   .read_only_root = true, .resources = size, .node_id = "bench", .secret = "x" };
    snprintf(container.id, sizeof(container.id), "b%d", bench->round);
    cleanup(container_list_release) struct container_list work = { 0 };
    if (container_repo_insert(bench->db, &container, err) != 0 ||
        container_repo_claim_work(bench->db, "bench", "bench", (enum work_order)0, 60000, 1, &work, err) != 0)
        return -1;
    return container_repo_ready(bench->db, container.id, "bench", &changed, err);
}

static int create_work(struct db *db, void *arg, struct err *err)
{
    struct bench *bench = arg;
    bool found = false;
    cleanup(template_release) struct template template = { 0 };
    cleanup(container_release) struct container container = { 0 };
    cleanup(session_release) struct session got = { 0 };
    struct session session = { .owner = "bench", .status = SESSION_RUNNING, .template_id = "python-basic",
                               .runtime_type = RUNTIME_PROCESS, .node_id = "bench", .resources = size, .timeout_s = 3600 };
    snprintf(session.id, sizeof(session.id), "bench%d", bench->round);
    if (template_repo_get(db, "python-basic", &template, err) != 0 ||
        container_repo_claim_warm(db, &template, &size, session.id, &container, &found, err) != 0)
        return -1;
    if (!found)
        return err_internal(err, 0, "no warm container");
    memcpy(session.container_id, container.id, sizeof(session.container_id));
    if (session_repo_insert(db, &session, err) != 0)
        return -1;
    return session_repo_get(db, "bench", session.id, &got, err);
}

static int create(struct bench *bench, struct err *err)
{
    return db_transaction(bench->db, create_work, bench, err);
}

static int insert(struct bench *bench, struct err *err)
{
    char random[EXECUTION_ID_RANDOM + 1];
    struct submit_result submitted;
    struct execution execution = { .owner = "bench", .language = LANGUAGE_PYTHON, .timeout_s = 30, .max_retries = 3,
                                   .code = (char *)"def handler(event):\n    return event[\"x\"] + event[\"y\"]\n",
                                   .event_json = (char *)"{\"x\":10,\"y\":32}", .notify = "127.0.0.1:9" };
    snprintf(random, sizeof(random), "b%07d", bench->round);
    snprintf(execution.session_id, sizeof(execution.session_id), "bench%d", bench->round);
    if (execution_repo_submit(bench->db, random, "bench", &execution, &submitted, err) != 0)
        return -1;
    bench->seq = execution.seq;
    memcpy(bench->id, execution.id, sizeof(bench->id));
    return submitted.stored ? 0 : err_internal(err, 0, "not stored");
}

static int claim(struct bench *bench, struct err *err)
{
    bool crowded;
    claim_list_release(&bench->claims);
    if (execution_repo_claim_named(bench->db, "bench", NULL, &bench->seq, 1, &bench->claims, &crowded, err) != 0)
        return -1;
    return bench->claims.count == 1 ? 0 : err_internal(err, 0, "claimed %zu", bench->claims.count);
}

static int claim_nothing(struct bench *bench, struct err *err)
{
    cleanup(claim_list_release) struct claim_list none = { 0 };
    return execution_repo_claim(bench->db, "bench", NULL, 64, &none, NULL, err);
}

static int finish(struct bench *bench, struct err *err)
{
    bool changed = false;
    struct execution_outcome outcome = { .stdout_text = (char *)"", .stderr_text = (char *)"", .has_exit_code = true,
                                         .return_json = (char *)"42", .duration_ms = 1, .artifacts_json = (char *)"[]" };
    return execution_repo_finish(bench->db, bench->claims.items[0].execution.seq, "bench", EXECUTION_COMPLETED, &outcome,
                                 &changed, err);
}

static int get_result(struct bench *bench, struct err *err)
{
    cleanup(execution_release) struct execution got = { 0 };
    return execution_repo_get(bench->db, "bench", bench->id, EXECUTION_WITH_OUTCOME, &got, err);
}

static const struct {
    const char *name;
    int (*run)(struct bench *bench, struct err *err);
} steps[] = {
    { "store a warm container (three commits)", store_warm },
    { "create a session from it", create },
    { "submit an execution", insert },
    { "claim it, by its name", claim },
    { "look at an empty queue", claim_nothing },
    { "store its result", finish },
    { "read its result", get_result },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int run(struct bench *bench, int64_t times[STEPS][ROUNDS], struct err *err)
{
    for (bench->round = 0; bench->round < ROUNDS; bench->round++)
        for (int i = 0; i < STEPS; i++) {
            int64_t start = clock_mono_us();
            if (steps[i].run(bench, err) != 0)
                return err_wrap(err, "%s", steps[i].name);
            times[i][bench->round] = clock_mono_us() - start;
        }
    return 0;
}

int main(void)
{
    static int64_t times[STEPS][ROUNDS];
    struct err err = ERR_INIT;
    cleanup_settings struct settings *settings = NULL;
    if (settings_load(NULL, &settings, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    cleanup_db struct db *db = db_new(&settings->database);
    struct bench bench = { .db = db };
    int status = db ? run(&bench, times, &err) : -1;
    claim_list_release(&bench.claims);
    if (status != 0) {
        fprintf(stderr, "%s (%s)\n", err.text, err.detail);
        return EXIT_FAILURE;
    }
    for (int i = 0; i < STEPS; i++) {
        qsort(times[i], ROUNDS, sizeof(times[i][0]), compare);
        printf("%-40s median %6.2f ms   95 of 100 within %6.2f ms\n", steps[i].name, (double)times[i][ROUNDS / 2] / 1000,
               (double)times[i][ROUNDS * 95 / 100] / 1000);
    }
    return EXIT_SUCCESS;
}
