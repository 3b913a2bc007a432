/* SPDX-License-Identifier: Apache-2.0 */
/* Container to storage. Each round asks for the list anew, so it is also how one goes on after a failure: what is stored is known then. */
#include "lib/service/workspace_pull.h"

#include <poll.h>
#include <string.h>

#include "lib/util/json.h"

enum {
    ROUNDS_MAX = 3,      /* while files change under our hands */
    ROUND_PAUSE_MS = 100,
    ARTIFACT_BYTES = 160, /* of one in JSON, but for its path, about */
};

void pull_result_release(struct pull_result *result)
{
    free(result->artifacts_json);
    *result = (struct pull_result){ .mark = -1 };
}

/* Of an overflowed journal, what ran last did not touch everything that is listed. */
static bool is_artifact(const struct pull_list *list, const struct pull_item *item)
{
    bool stored = item->state == PULL_STORED || item->state == PULL_KNOWN;
    return stored && (list->all ? item->state == PULL_STORED || item->ours : item->mine);
}

/* What was stored before is described by its row. */
static int describe(struct workspace_move *move, struct pull_item *item, bool *found, struct err *err)
{
    struct workspace_file file;
    struct err problem = ERR_INIT;
    *found = true;
    if (item->state == PULL_STORED)
        return 0;
    if (workspace_repo_find(move->db, move->session_id, item->path, &file, &problem) != 0) {
        *found = false;
        if (problem.code == ERR_FILE_NOT_FOUND)
            return 0;
        *err = problem;
        return -1;
    }
    item->size = file.size;
    memcpy(item->sha256, file.sha256, sizeof(item->sha256));
    free(item->mime_type);
    item->mime_type = strdup(file.mime_type);
    return 0;
}

static bool add_artifact(struct json_object *array, const struct pull_item *item)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return false;
    json_object_object_add(object, "path", json_object_new_string(item->path));
    json_object_object_add(object, "size", json_object_new_int64(item->size));
    json_object_object_add(object, "mime_type", json_object_new_string(item->mime_type ? item->mime_type : ""));
    json_object_object_add(object, "sha256", json_object_new_string(item->sha256));
    return json_object_array_add(array, object) == 0;
}

enum move_end pull_artifacts(struct workspace_move *move, struct pull_list *list, struct pull_result *out, struct err *err)
{
    cleanup_json struct json_object *array = json_object_new_array();
    size_t bytes = 0;
    int64_t count = 0;
    out->skipped = list->skipped + list->dropped;
    for (size_t i = 0; array && i < list->count; i++) {
        struct pull_item *item = &list->items[i];
        bool found = false;
        if (!is_artifact(list, item))
            continue;
        bytes += strlen(item->path) + ARTIFACT_BYTES;
        if (count == EXECUTION_ARTIFACTS_MAX || bytes > EXECUTION_ARTIFACTS_BYTES_MAX) {
            out->skipped++;
            continue;
        }
        if (describe(move, item, &found, err) != 0)
            return move_of_database(err);
        count += found;
        if (found && !add_artifact(array, item)) {
            err_internal(err, 0, "out of memory for artifacts");
            return MOVE_BROKEN;
        }
    }
    free(out->artifacts_json);
    out->artifacts_json = array && count > 0 ? strdup(json_text(array)) : NULL;
    return MOVE_DONE;
}

static enum move_end check_place(struct workspace_move *move, struct workspace_state *state, struct err *err)
{
    if (workspace_repo_state(move->db, NULL, move->session_id, state, err) != 0)
        return move_of_database(err);
    if (state->status == SESSION_RUNNING && strcmp(state->container_id, move->container_id) == 0)
        return MOVE_DONE;
    err_set(err, ERR_CONFLICT, "The session has ended, or has another sandbox now.");
    return MOVE_FOREIGN;
}

static enum move_end settle(struct workspace_move *move, struct pull_list *list, enum move_end end, struct pull_result *out,
                            struct err *err)
{
    struct err problem = ERR_INIT;
    if (end == MOVE_DONE && list->dropped > 0) {
        err_set(err, ERR_TOO_LARGE, "A workspace holds at most %d files.", WORKSPACE_FILES_MAX);
        end = MOVE_FULL;
    }
    if (end == MOVE_DONE)
        out->mark = list->mark;
    enum move_end told = pull_artifacts(move, list, out, &problem);
    if (told == MOVE_DONE)
        return end;
    *err = problem;
    return told;
}

static enum move_end pull_round(struct workspace_move *move, struct pull_result *out, struct err *err)
{
    cleanup(pull_list_release) struct pull_list list = { 0 };
    struct workspace_state state;
    enum move_end end = check_place(move, &state, err);
    if (end == MOVE_DONE)
        end = pull_list_read(move, &list, err);
    if (end == MOVE_DONE)
        end = pull_list_judge(move, &list, err);
    if (end == MOVE_DONE)
        end = pull_list_bury(move, &list, err);
    if (end == MOVE_DONE)
        end = pull_files(move, &list, state.disk_mb * 1024 * 1024, err);
    return end == MOVE_DONE || end == MOVE_BUSY || end == MOVE_FULL ? settle(move, &list, end, out, err) : end;
}

enum move_end workspace_pull(struct workspace_move *move, struct pull_result *out, struct err *err)
{
    enum move_end end = MOVE_BUSY;
    *out = (struct pull_result){ .mark = -1 };
    for (int round = 0; end == MOVE_BUSY && round < ROUNDS_MAX; round++) {
        struct pollfd stop = { .fd = move->files->stop, .events = POLLIN };
        if (round > 0)
            (void)!poll(&stop, 1, ROUND_PAUSE_MS * round);
        end = pull_round(move, out, err);
    }
    return end;
}
