/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's work. */
#include "lib/service/transfer_run.h"

#include <errno.h>
#include <poll.h>

#include "lib/service/metrics.h"
#include "lib/service/workspace_push.h"
#include "lib/util/clock.h"

enum { TRIES_MORE = 3, PAUSE_FIRST_MS = 1000, DATABASE_PAUSE_MS = 500, SLOW_US = 5000000 };

void transfer_tools_release(struct transfer_tools *tools)
{
    db_free(tools->db);
    http_free(tools->http);
    storage_close(tools->storage);
}

static int prepare(struct transfer_tools *tools, struct err *err)
{
    if (!tools->db && !(tools->db = db_new(&tools->settings->database)))
        return err_internal(err, ENOMEM, "making a database connection");
    if (!tools->http && !(tools->http = http_new(err)))
        return -1;
    return tools->storage ? 0 : storage_open(&tools->settings->storage, &tools->storage, err);
}

static enum move_end try(struct transfer_tools *tools, struct transfer *transfer, struct workspace_move *move, struct exec_files *files)
{
    transfer->err = ERR_INIT;
    if (tools->stopped(tools->arg)) {
        err_set(&transfer->err, ERR_UNCERTAIN, "The movement of files was stopped.");
        return MOVE_STOPPED;
    }
    if (prepare(tools, &transfer->err) != 0)
        return MOVE_STORAGE;
    move->db = tools->db;
    move->storage = tools->storage;
    files->http = tools->http;
    if (transfer->direction == TRANSFER_PUSH)
        return workspace_push(move, &transfer->err);
    pull_result_release(&transfer->result);
    return workspace_pull(move, &transfer->result, &transfer->err);
}

/* How long until it makes sense to try again; 0: never. */
static int pause_after(enum move_end end, int *tries)
{
    if (end == MOVE_DATABASE)
        return DATABASE_PAUSE_MS;
    if ((end != MOVE_STORAGE && end != MOVE_EXECUTOR) || *tries == TRIES_MORE)
        return 0;
    return PAUSE_FIRST_MS << (*tries)++;
}

static void try_until_it_ends(struct transfer_tools *tools, struct transfer *transfer, struct workspace_move *move,
                              struct exec_files *files)
{
    int tries = 0, pause;
    while (transfer->end = try(tools, transfer, move, files), (pause = pause_after(transfer->end, &tries)) > 0) {
        struct pollfd stop = { .fd = tools->stop, .events = POLLIN };
        (void)!poll(&stop, 1, pause);
    }
}

static void note(const struct transfer_tools *tools, const struct transfer *transfer, const struct workspace_move *move, int64_t us)
{
    const struct err *err = transfer->end == MOVE_DONE ? NULL : &transfer->err;
    metrics_add(tools->metrics, METRIC_TRANSFERS, transfer->direction, transfer->end, 1);
    metrics_add(tools->metrics, METRIC_TRANSFER_FILES, transfer->direction, 0, (uint64_t)move->moved);
    metrics_add(tools->metrics, METRIC_TRANSFER_BYTES, transfer->direction, 0, (uint64_t)move->bytes);
    metrics_observe(tools->metrics, METRIC_TRANSFER_DURATION, transfer->direction, 0, us);
    if (transfer->end == MOVE_STORAGE || transfer->end == MOVE_EXECUTOR || transfer->end == MOVE_BROKEN)
        tools->report(LOG_LEVEL_ERROR, "files were not moved", err, "execution_id", transfer->execution_id);
    else if (us > SLOW_US)
        tools->report(LOG_LEVEL_WARN, transfer->direction == TRANSFER_PUSH ? "putting files into a sandbox was slow"
                                                                            : "taking files out of a sandbox was slow",
                      err, "execution_id", transfer->execution_id);
}

void transfer_run(struct transfer_tools *tools, struct transfer *transfer)
{
    const struct exec_target target = { .unix_path = transfer->endpoint.unix_path, .url = transfer->endpoint.url,
                                        .secret = transfer->secret };
    struct exec_files files = { .target = &target, .stop = tools->stop };
    cleanup(workspace_move_release) struct workspace_move move = {
        .files = &files,
        .session_id = transfer->session_id,
        .container_id = transfer->container_id,
        .execution_id = transfer->execution_id,
        .execution_seq = transfer->execution_seq,
        .kept_s = tools->settings->retention.replaced_s,
        .stopped = tools->stopped,
        .stop_arg = tools->arg,
        .piece = STRBUF_INIT(EXEC_PIECE_MAX),
    };
    int64_t begun = clock_mono_us();
    try_until_it_ends(tools, transfer, &move, &files);
    note(tools, transfer, &move, clock_mono_us() - begun);
}
