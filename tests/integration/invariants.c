/* SPDX-License-Identifier: Apache-2.0 */
/* The list of invariants, asked until it holds. */
#include "config.h"

#include "tests/integration/invariants.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/clock.h"

enum { LIMIT_MS = 40000, PAUSE_MS = 30, LINE_MAX_ = 2048, SAID_MAX = 512 };

/* Whether each counts nothing; `said` is what the first other one counts. */
static bool rows_hold(struct stage *stage, char said[SAID_MAX])
{
    char name[LINE_MAX_] = "", line[LINE_MAX_], path[512];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof(path), "%s/tests/invariants.sql", top ? top : "..");
    cleanup_file FILE *file = fopen(path, "re");
    ck_assert_msg(file, "%s cannot be read", path);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "-- ", 3) == 0) {
            memcpy(name, line + 3, sizeof(line) - 3);
            continue;
        }
        int64_t count = stage_count(stage, line);
        if (count == 0)
            continue;
        snprintf(said, SAID_MAX, "%lld %.400s", (long long)count, name);
        return false;
    }
    return true;
}

static bool engine_holds(struct stage *stage, char said[SAID_MAX])
{
    struct err err = ERR_INIT;
    struct runtime *runtime = runtime_open(&stage->settings->runtime, &err);
    cleanup_free struct runtime_status *found = NULL;
    size_t count = 0;
    ck_assert_msg(runtime && runtime_list(runtime, &found, &count, &err) == 0, "%s %s", err.text, err.detail);
    runtime_free(runtime);
    int64_t rows = stage_count(stage, "SELECT COUNT(*) FROM containers WHERE status IN ('warm', 'running')");
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM containers WHERE status IN ('warm', 'running') AND id = '%s'", found[i].container_id);
        known += found[i].state == RUNTIME_RUNNING && stage_count(stage, sql) == 1;
    }
    snprintf(said, SAID_MAX, "the engine has %zu containers, the database %lld, both %zu that run", count, (long long)rows, known);
    return known == count && (int64_t)count == rows;
}

static void await(struct stage *stage, bool engine)
{
    char said[SAID_MAX] = "";
    for (int64_t end = clock_mono_ms() + LIMIT_MS; clock_mono_ms() < end; poll(NULL, 0, PAUSE_MS))
        if (rows_hold(stage, said) && (!engine || engine_holds(stage, said)))
            return;
    ck_abort_msg("%s", said);
}

void invariants_await(struct stage *stage)
{
    await(stage, true);
}

void invariants_await_rows(struct stage *stage)
{
    await(stage, false);
}
