/* SPDX-License-Identifier: Apache-2.0 */
/* Singly linked lists of interpreters: there are never many. */
#include "executor/interpreter_list.h"

#include <errno.h>

struct interpreter *interpreter_new(enum language language, uint64_t number, struct err *err)
{
    struct interpreter *interpreter = calloc(1, sizeof(*interpreter));
    if (!interpreter || channel_open(&interpreter->channel, err) != 0) {
        if (!interpreter)
            err_internal(err, errno, "out of memory");
        free(interpreter);
        return NULL;
    }
    interpreter->language = language;
    interpreter->number = number;
    return interpreter;
}

void interpreter_free(struct interpreter *interpreter)
{
    if (!interpreter)
        return;
    channel_close(&interpreter->channel);
    free(interpreter);
}

void interpreter_push(struct interpreter **list, struct interpreter *interpreter)
{
    interpreter->next = *list;
    *list = interpreter;
}

bool interpreter_unlink(struct interpreter **list, const struct interpreter *interpreter)
{
    for (; *list; list = &(*list)->next)
        if (*list == interpreter) {
            *list = interpreter->next;
            return true;
        }
    return false;
}

struct interpreter *interpreter_find(struct interpreter *list, uint64_t number)
{
    while (list && list->number != number)
        list = list->next;
    return list;
}

struct interpreter *interpreter_find_free(struct interpreter *list, enum language language)
{
    while (list && (list->language != language || list->on_ready))
        list = list->next;
    return list;
}

void interpreter_drop_others(struct interpreter **list, const struct interpreter *kept)
{
    while (*list) {
        struct interpreter *first = *list;
        if (first->language != kept->language || first->generation == kept->generation) {
            list = &first->next;
            continue;
        }
        *list = first->next;
        interpreter_free(first);
    }
}
