/* SPDX-License-Identifier: Apache-2.0 */
/* Releases what the entities own. */
#include "lib/model/entities.h"

#include <stdlib.h>

void template_release(struct template *template)
{
    free(template->name);
    free(template->image);
    free(template->base_image);
    free(template->packages_json);
    free(template->languages);
    free(template->preload_json);
    free(template->oci_runtime);
    *template = (struct template){ 0 };
}

void session_release(struct session *session)
{
    free(session->env_json);
    free(session->labels_json);
    free(session->error);
    free(session->callback_url);
    *session = (struct session){ 0 };
}

void container_release(struct container *container)
{
    free(container->image);
    free(container->languages);
    free(container->preload_json);
    free(container->oci_runtime);
    free(container->error);
    *container = (struct container){ 0 };
}

void execution_outcome_release(struct execution_outcome *outcome)
{
    free(outcome->stdout_text);
    free(outcome->stderr_text);
    free(outcome->return_json);
    free(outcome->error_kind);
    free(outcome->error_message);
    free(outcome->artifacts_json);
    free(outcome->trace_json);
    *outcome = (struct execution_outcome){ 0 };
}

void execution_release(struct execution *execution)
{
    free(execution->code);
    free(execution->event_json);
    free(execution->env_json);
    free(execution->callback_url);
    free(execution->trace_json);
    free(execution->last_loss);
    execution_outcome_release(&execution->outcome);
    *execution = (struct execution){ 0 };
}

void execution_claim_release(struct execution_claim *claim)
{
    execution_release(&claim->execution);
    free(claim->session_env_json);
    *claim = (struct execution_claim){ 0 };
}

void node_release(struct node *node)
{
    free(node->isolation);
    free(node->error);
    free(node->engine);
    free(node->tls_directory);
    *node = (struct node){ 0 };
}
