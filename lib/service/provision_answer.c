/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what the web tier asks about this node's containers. */
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/question_repo.h"
#include "lib/service/provision_internal.h"

static int ask_engine(struct provisioner *provisioner, const struct question *question, struct strbuf *out,
                      struct err *err)
{
    struct runtime *runtime = provision_runtime(provisioner, err);
    if (!runtime)
        return -1;
    if (runtime_logs(runtime, question->container_id, question->tail, question->since_ms, out, err) == 0)
        return 0;
    /* its row is there: it is about to be made, or to be gone, and has nothing to say */
    return err->code == ERR_CONTAINER_NOT_FOUND ? 0 : -1;
}

static int fail(struct provisioner *provisioner, const struct question *question, const struct err *problem,
                bool *changed_out, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    const char *reason = problem->code == ERR_INTERNAL ? "The container's log cannot be read." : problem->text;
    config->report(LOG_LEVEL_WARN, "a container's log cannot be read", problem, "container_id", question->container_id);
    return question_repo_fail(config->db, question->id, reason, changed_out, err);
}

int provision_answer(struct provisioner *provisioner, bool *worked_out, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(RUNTIME_LOGS_MAX);
    struct err problem = ERR_INIT;
    struct question question;
    bool found = false, changed = false;
    if (question_repo_take(config->db, config->node_id, &question, &found, err) != 0)
        return -1;
    if (!found)
        return 0;
    *worked_out = true;
    int status = ask_engine(provisioner, &question, &text, &problem) == 0
        ? question_repo_settle(config->db, question.id, strbuf_str(&text), text.len, &changed, err)
        : fail(provisioner, &question, &problem, &changed, err);
    if (status == 0 && changed)
        doorbell_ring(config->doorbell, question.notify, question.id);
    return status;
}
