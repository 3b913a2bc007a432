/* SPDX-License-Identifier: Apache-2.0 */
/* Asks many executors in one event loop. */
#include "lib/execclient/execclient.h"
#include "lib/service/probe_internal.h"
#include "lib/util/clock.h"

/* Hundreds of connections in the same instant would hold up one another, and the host. */
enum { BATCH = 32, BATCH_EVERY_MS = 20, TURN_MS = 500 };

static void on_health(void *arg, const struct err *err)
{
    struct probe_question *question = arg;
    question->done = true;
    question->answered = !err;
    if (err)
        question->why = *err;
}

static void ask(struct probe *probe, struct probe_question *question)
{
    struct runtime_endpoint endpoint;
    struct err err = ERR_INIT;
    runtime_endpoint(question->runtime, question->row->id, &endpoint);
    const struct exec_target target = { .unix_path = endpoint.unix_path, .url = endpoint.url, .secret = question->row->secret };
    if (execclient_ask(probe->http, &target, PROBE_ANSWER_MS, on_health, question, &err) != 0)
        on_health(question, &err);
}

/* Ends what is under way before its questions go. */
static void let_go(struct probe *probe)
{
    http_free(steal(probe->http));
}

static int turn(struct probe *probe, int64_t until_ms, struct err *err)
{
    int64_t left = until_ms - clock_mono_ms();
    if (probe->config.beat && probe->config.beat(probe->config.arg, err) != 0)
        return -1;
    return http_run(probe->http, NULL, 0, left > 0 ? (int)left : 0, err);
}

static int ask_all(struct probe *probe, struct probe_question *questions, size_t count, struct err *err)
{
    for (size_t begun = 0; begun < count || http_active(probe->http) > 0;) {
        int64_t now = clock_mono_ms(), next = now + (begun < count ? BATCH_EVERY_MS : TURN_MS);
        for (size_t end = begun + BATCH; begun < count && begun < end; begun++)
            ask(probe, &questions[begun]);
        do {
            if (turn(probe, next, err) != 0)
                return -1;
        } while (begun < count && clock_mono_ms() < next);
    }
    return 0;
}

int probe_ask(struct probe *probe, struct probe_question *questions, size_t count, struct err *err)
{
    if (count == 0)
        return 0;
    if (!probe->http && !(probe->http = http_new(err)))
        return -1;
    if (ask_all(probe, questions, count, err) == 0)
        return 0;
    let_go(probe);
    return -1;
}
