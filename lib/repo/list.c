/* SPDX-License-Identifier: Apache-2.0 */
/* Releases lists and what their items own. */
#include "lib/repo/list.h"

#include <stdlib.h>

#define DEFINE_RELEASE(list_type, release_item)                                                    \
    void list_type##_release(struct list_type *list)                                               \
    {                                                                                              \
        for (size_t i = 0; i < list->count; i++)                                                   \
            release_item(&list->items[i]);                                                         \
        free(list->items);                                                                         \
        *list = (struct list_type){ 0 };                                                           \
    }

static void job_release(struct job_beat *job)
{
    (void)job; /* owns nothing */
}

static void string_release(char **string)
{
    free(*string);
}

DEFINE_RELEASE(template_list, template_release)
DEFINE_RELEASE(session_list, session_release)
DEFINE_RELEASE(container_list, container_release)
DEFINE_RELEASE(execution_list, execution_release)
DEFINE_RELEASE(claim_list, execution_claim_release)
DEFINE_RELEASE(node_list, node_release)
DEFINE_RELEASE(job_list, job_release)
DEFINE_RELEASE(string_list, string_release)

void seq_list_release(struct seq_list *list)
{
    free(list->items);
    *list = (struct seq_list){ 0 };
}
