/* SPDX-License-Identifier: Apache-2.0 */
/* What the way through the engine costs, against a socket of this host: figures, no verdict. Only with SANDBOX_LONG. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/relay_stage.h"

enum { ROUNDS = 40 };

static const struct relay_stage *stage;

static void on_answer(void *arg, struct exec_answer *answer)
{
    (void)answer;
    *(bool *)arg = true;
}

static void on_lost(void *arg, enum exec_loss loss, const struct err *err)
{
    (void)arg;
    ck_abort_msg("lost (%d): %s %s", loss, err->text, err->detail);
}

/* Microseconds of one execution on whatever connection `http` has kept. */
static int64_t execute(struct http *http, const struct exec_target *target)
{
    static const struct exec_handlers handlers = { .on_answer = on_answer, .on_lost = on_lost };
    struct err err = ERR_INIT;
    struct exec_run *run;
    char id[23];
    bool done = false;
    id_random(id, 22);
    const struct wire_execute request = { .execution_id = id, .code = "echo x", .language = LANGUAGE_SHELL, .timeout_ms = 20000 };
    int64_t start = clock_mono_us();
    ck_assert_int_eq(execclient_start(http, target, &request, &handlers, &done, &run, &err), 0);
    while (!done)
        ck_assert_int_eq(http_run(http, NULL, 0, 1000, &err), 0);
    return clock_mono_us() - start;
}

static int by_size(const void *a, const void *b)
{
    return *(const int64_t *)a < *(const int64_t *)b ? -1 : 1;
}

static double median_ms(int64_t *us)
{
    qsort(us, ROUNDS, sizeof(*us), by_size);
    return (double)us[ROUNDS / 2] / 1000;
}

static void measure(const char *way, const struct runtime_settings *settings, const char *id)
{
    int64_t first[ROUNDS], next[ROUNDS];
    struct runtime_endpoint endpoint;
    struct err err = ERR_INIT;
    runtime_endpoint(settings, id, &endpoint);
    const struct exec_target target = { .unix_path = endpoint.unix_path, .url = endpoint.url, .secret = RELAY_STAGE_SECRET };
    for (int i = 0; i < ROUNDS; i++) {
        struct http *http = http_new(&err);
        first[i] = execute(http, &target);
        next[i] = execute(http, &target);
        http_free(http);
    }
    printf("%s: first execution of a connection %.1f ms, following ones %.1f ms (medians of %d)\n", way, median_ms(first), median_ms(next), ROUNDS);
}

START_TEST(test_relay__costs)
{
    struct err err = ERR_INIT;
    struct wire_health health;
    struct runtime_endpoint endpoint;
    char id[CONTAINER_ID_SIZE], host[128], directory[] = "/var/tmp/test-relay-XXXXXX";
    struct runtime_settings settings = stage->settings;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chmod(directory, 0711), 0);
    snprintf(host, sizeof(host), "unix://%s/docker.sock", stage->engine);
    settings.docker_host = host;
    settings.directory = directory;
    id_hex(id, CONTAINER_ID_HEX);
    const struct runtime_spec spec = {
        .container_id = id, .secret = RELAY_STAGE_SECRET, .image = "sandbox/shell:test", .oci_runtime = "", .languages = "",
        .read_only_root = true, .resources = { 1000, 256, 1024, 64 },
    };
    struct runtime *runtime = runtime_open(&settings, &err);
    ck_assert_int_eq(runtime_create(runtime, &spec, &err), 0);
    runtime_endpoint(&settings, id, &endpoint);
    const struct exec_target target = { .unix_path = endpoint.unix_path, .url = endpoint.url, .secret = RELAY_STAGE_SECRET };
    struct http *http = http_new(&err);
    ck_assert_int_eq(execclient_health(http, &target, clock_mono_ms() + 10000, &health, &err), 0);
    http_free(http);
    measure("unix socket", &settings, id);
    measure("relay, TLS ", &stage->settings, stage->id[0]);
    ck_assert_int_eq(runtime_destroy(runtime, id, &err), 0);
    runtime_free(runtime);
    rmdir(directory);
}
END_TEST

void relay_add_costs(TCase *cases, const struct relay_stage *on)
{
    stage = on;
    if (getenv("SANDBOX_LONG"))
        tcase_add_test(cases, test_relay__costs);
}
