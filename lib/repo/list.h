/* SPDX-License-Identifier: Apache-2.0 */
/* Results of more than one row: owned arrays with the number of all that match. */
#ifndef SANDBOX_REPO_LIST_H
#define SANDBOX_REPO_LIST_H

#include "lib/model/entities.h"

/* items is malloc()ed; each item is owned. total counts all matching rows, not only this page. */
struct template_list { struct template *items; size_t count; int64_t total; };
struct session_list { struct session *items; size_t count; int64_t total; };
struct container_list { struct container *items; size_t count; int64_t total; };
struct execution_list { struct execution *items; size_t count; int64_t total; };
struct claim_list { struct execution_claim *items; size_t count; };
struct node_list { struct node *items; size_t count; };
struct job_list { struct job_beat *items; size_t count; };
/* Plain strings: ids, doorbell addresses. */
struct string_list { char **items; size_t count; };
/* Rows by their seq. */
struct seq_list { int64_t *items; size_t count; };

void template_list_release(struct template_list *list);
void session_list_release(struct session_list *list);
void container_list_release(struct container_list *list);
void execution_list_release(struct execution_list *list);
void claim_list_release(struct claim_list *list);
void node_list_release(struct node_list *list);
void job_list_release(struct job_list *list);
void string_list_release(struct string_list *list);
void seq_list_release(struct seq_list *list);

#endif
