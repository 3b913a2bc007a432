/* SPDX-License-Identifier: Apache-2.0 */
/* Asks, waits, takes the answer, clears up. */
#include "lib/service/container_logs.h"

#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/question_repo.h"
#include "lib/repo/session_repo.h"

#define SINCE_MAX_MS INT64_C(253402300799999) /* the last that a row can hold; an offset reaches beyond it */

static int not_found(const char *id, struct err *err)
{
    return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%.64s' does not exist.", id);
}

/* A container is its session's owner's; a warm one nobody's. */
static int check_owner(const struct context *context, const struct container *container, const char *owner,
                       struct err *err)
{
    cleanup(session_release) struct session session = { 0 };
    if (!owner)
        return 0;
    if (!container->session_id[0])
        return not_found(container->id, err);
    if (session_repo_get(context->db, owner, container->session_id, &session, err) != 0)
        return err->code == ERR_SESSION_NOT_FOUND ? not_found(container->id, err) : -1;
    return 0;
}

static int make_question(const struct context *context, const struct container_logs_request *request,
                         struct question *out, struct err *err)
{
    cleanup(container_release) struct container container = { 0 };
    if (container_repo_get(context->db, request->container_id, &container, err) != 0)
        return -1;
    if (container.status == CONTAINER_DELETED)
        return not_found(container.id, err);
    if (check_owner(context, &container, request->owner, err) != 0)
        return -1;
    *out = (struct question){ .tail = request->tail };
    out->since_ms = request->since_ms < SINCE_MAX_MS ? request->since_ms : SINCE_MAX_MS;
    context->random_id(out->id, QUESTION_ID_RANDOM);
    memcpy(out->node_id, container.node_id, sizeof(out->node_id));
    memcpy(out->container_id, container.id, sizeof(out->container_id));
    snprintf(out->notify, sizeof(out->notify), "%s", context->doorbell_address);
    return 0;
}

static int look(const struct context *context, void *arg, bool rung, bool *done_out, struct err *err)
{
    const struct question *question = arg;
    (void)rung;
    return question_repo_settled(context->db, question->id, done_out, err);
}

int container_logs_fetch(const struct context *context, const struct wait *wait,
                         const struct container_logs_request *request, struct strbuf *out, struct err *err)
{
    struct question question;
    struct err ignored = ERR_INIT; /* what stays is purged */
    if (make_question(context, request, &question, err) != 0 || question_repo_ask(context->db, &question, err) != 0)
        return -1;
    doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, question.id);
    int status = wait_until(context, wait, question.id, look, &question, err);
    if (status == 0)
        status = question_repo_answer(context->db, question.id, out, err);
    (void)!question_repo_drop(context->db, question.id, &ignored);
    return status;
}
