/* SPDX-License-Identifier: Apache-2.0 */
/* A pass over the executors, and over the nodes. */
#include "lib/service/probe.h"

#include <errno.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/engine_repo.h"
#include "lib/service/health.h"
#include "lib/service/metrics.h"
#include "lib/service/probe_internal.h"
#include "lib/service/served_settings.h"
#include "lib/util/failpoint.h"

struct probe *probe_new(const struct probe_config *config, struct err *err)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    if (!probe) {
        err_internal(err, ENOMEM, "making a probe");
        return NULL;
    }
    probe->config = *config;
    return probe;
}

void probe_free(struct probe *probe)
{
    if (!probe)
        return;
    http_free(probe->http);
    string_list_release(&probe->suspicious);
    free(probe);
}

/* --- what the log says --- */

static void say(const struct probe *probe, enum log_level level, const char *event, const struct err *why, const struct probe_row *row)
{
    probe->config.report(level, event, why, "container_id", row->id);
}

static size_t find_suspicious(const struct probe *probe, const char *node_id)
{
    size_t i = 0;
    while (i < probe->suspicious.count && strcmp(probe->suspicious.items[i], node_id) != 0)
        i++;
    return i;
}

/* Said once when it begins and once when it ends. Memory that is short costs a repetition. */
static void say_of_node(struct probe *probe, const char *node_id, bool now)
{
    struct string_list *list = &probe->suspicious;
    size_t at = find_suspicious(probe, node_id);
    if (now == (at < list->count))
        return;
    probe->config.report(now ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                         now ? "none of the node's executors answers: the node is suspicious, or this host"
                             : "executors of the node answer again",
                         NULL, "node_id", node_id);
    if (!now) {
        free(list->items[at]);
        list->items[at] = list->items[--list->count];
        return;
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items)
        list->items = items;
    if (items && (items[list->count] = strdup(node_id)))
        list->count++;
}

static void say_of_executor(const struct probe *probe, const struct probe_question *question, int64_t limit, bool of_node)
{
    const struct probe_row *row = question->row;
    if (question->answered && row->misses > 0)
        say(probe, LOG_LEVEL_INFO, "executor answers again", NULL, row);
    else if (row->misses_now == 1 && !of_node)
        say(probe, LOG_LEVEL_WARN, "executor does not answer", &question->why, row);
    else if (row->misses_now == limit)
        say(probe, LOG_LEVEL_WARN, "executor goes on not answering, its sandbox is examined", &question->why, row);
}

static void say_of_use(const struct probe *probe, const struct probe_row *row)
{
    if (row->busy_noted_now && !row->busy_noted)
        say(probe, LOG_LEVEL_WARN, "sandbox uses more than 80 % of its CPU or memory for a minute", NULL, row);
    else if (!row->busy_noted_now && row->busy_noted)
        say(probe, LOG_LEVEL_INFO, "sandbox uses less again", NULL, row);
}

/* --- what is stored --- */

static void judge(const struct probe_question *question, int64_t limit)
{
    struct probe_row *row = question->row;
    if (question->answered) {
        row->misses_now = 0;
        row->answers_now = true;
    } else if (row->answers) {
        row->misses_now = row->misses < INT32_MAX ? row->misses + 1 : row->misses;
        row->suspect_now = row->misses_now >= limit;
    }
    row->busy_noted_now = row->busy && (row->busy_noted || row->busy_s >= PROBE_BUSY_S);
    row->dirty = row->misses_now != row->misses || row->answers_now != row->answers || row->suspect_now ||
                 row->busy != (row->busy_s >= 0) || row->busy_noted_now != row->busy_noted;
}

static void count(const struct probe *probe, const struct probe_question *question)
{
    static const enum metric_probe outcomes[ERR_CODES] = {
        [ERR_UNAVAILABLE] = METRIC_PROBE_UNREACHABLE, [ERR_UNCERTAIN] = METRIC_PROBE_UNREACHABLE, [ERR_TIMEOUT] = METRIC_PROBE_SILENT,
        [ERR_UNAUTHORIZED] = METRIC_PROBE_REFUSED, [ERR_INTERNAL] = METRIC_PROBE_SENSELESS,
    };
    if (question->answered || question->row->answers)
        metrics_add(probe->config.context->metrics, METRIC_PROBES,
                    question->answered ? METRIC_PROBE_ANSWERED : outcomes[question->why.code], 0, 1);
}

/* All of several that can miss did. */
static bool is_of_node(const struct probe_question *questions, size_t all, struct probe_done *done)
{
    size_t asked = 0, missed = 0;
    for (size_t i = 0; i < all; i++) {
        asked += questions[i].row->answers || questions[i].answered;
        missed += questions[i].row->answers && !questions[i].answered;
    }
    done->asked += (int64_t)asked;
    done->missed += (int64_t)missed;
    return missed > 1 && missed == asked;
}

/* A node that this host serves. */
struct probed_node {
    char id[NODE_ID_SIZE];
    struct settings *served; /* NULL: the host's own node, by the host's settings */
    struct probe_list list;
};

static int store(struct probe *probe, struct probed_node *node, const struct probe_question *questions, struct probe_done *done,
                 struct err *err)
{
    const struct context *context = probe->config.context;
    struct probe_list *list = &node->list;
    bool of_node = is_of_node(questions, list->count, done);
    int64_t limit = of_node ? PROBE_MISSES_OF_NODE : PROBE_MISSES, suspects = 0;
    for (size_t i = 0; i < list->count; i++) {
        judge(&questions[i], limit);
        count(probe, &questions[i]);
    }
    if (list->count > 0)
        FAILPOINT("probe.asked");
    if (probe_repo_store(context->db, list, err) != 0)
        return -1;
    if (list->count > 0)
        FAILPOINT("probe.stored");
    say_of_node(probe, node->id, of_node);
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].stored)
            continue;
        say_of_executor(probe, &questions[i], limit, of_node);
        say_of_use(probe, &list->items[i]);
        suspects += list->items[i].suspect_now;
    }
    done->suspects += suspects;
    if (suspects > 0)
        doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, "suspect");
    return 0;
}

struct probed_nodes {
    struct probed_node *items;
    size_t count, containers;
};

static void probed_nodes_release(struct probed_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        probe_list_release(&nodes->items[i].list);
        free(nodes->items[i].served);
    }
    free(nodes->items);
}

/* The host's own node, and those that operators added and it serves. */
static int find_nodes(const struct probe *probe, struct probed_nodes *out, struct err *err)
{
    const struct context *context = probe->config.context;
    cleanup(node_list_release) struct node_list reached = { 0 };
    char own[NODE_ID_SIZE];
    node_own_id(context->settings, own);
    if (engine_repo_reached(context->db, own, &reached, err) != 0)
        return -1;
    out->items = calloc(reached.count + 1, sizeof(*out->items));
    if (!out->items)
        return err_internal(err, ENOMEM, "asking executors");
    for (size_t i = 0; i <= reached.count; i++) {
        struct probed_node *node = &out->items[out->count++];
        snprintf(node->id, sizeof(node->id), "%s", i == 0 ? own : reached.items[i - 1].id);
        if ((i > 0 && !(node->served = served_settings_new(context->settings, &reached.items[i - 1], err))) ||
            probe_repo_list(context->db, node->id, &node->list, err) != 0)
            return -1;
        out->containers += node->list.count;
    }
    return 0;
}

static int ask_nodes(struct probe *probe, struct probed_nodes *nodes, struct probe_done *done, struct err *err)
{
    cleanup_free struct probe_question *questions = calloc(nodes->containers + 1, sizeof(*questions));
    if (!questions)
        return err_internal(err, ENOMEM, "asking executors");
    size_t count = 0, first = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        struct probed_node *node = &nodes->items[i];
        const struct settings *settings = node->served ? node->served : probe->config.context->settings;
        for (size_t k = 0; k < node->list.count; k++)
            questions[count++] = (struct probe_question){ .row = &node->list.items[k], .runtime = &settings->runtime };
    }
    if (probe_ask(probe, questions, count, err) != 0)
        return -1;
    for (size_t i = 0; i < nodes->count; first += nodes->items[i].list.count, i++)
        if (store(probe, &nodes->items[i], &questions[first], done, err) != 0)
            return -1;
    return 0;
}

static int find_silent_nodes(struct probe *probe, struct probe_done *done, struct err *err)
{
    struct db *db = probe->config.context->db;
    cleanup(string_list_release) struct string_list silent = { 0 };
    if (probe_repo_silent_nodes(db, NODE_SILENT_MS / 1000, &silent, err) != 0)
        return -1;
    for (size_t i = 0; i < silent.count; i++) {
        bool changed = false;
        if (probe_repo_node_offline(db, silent.items[i], NODE_SILENT_MS / 1000, &changed, err) != 0)
            return -1;
        if (changed)
            probe->config.report(LOG_LEVEL_ERROR, "node was not heard of, it is offline", NULL, "node_id", silent.items[i]);
        done->offline += changed;
    }
    return 0;
}

int probe_pass(struct probe *probe, struct probe_done *out, struct err *err)
{
    cleanup(probed_nodes_release) struct probed_nodes nodes = { 0 };
    *out = (struct probe_done){ 0 };
    if (find_silent_nodes(probe, out, err) != 0 || find_nodes(probe, &nodes, err) != 0)
        return -1;
    return ask_nodes(probe, &nodes, out, err);
}
