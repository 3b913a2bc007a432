/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lists of address ranges. The first address of each range that was taken is allowed, and the list reads the same with spaces around it. */
#include <stdio.h>
#include <string.h>

#include "lib/model/address_rules.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *text, const struct address_list *list)
{
    struct address_list again;
    struct err err = ERR_INIT;
    size_t size = strlen(text) + 3;
    char *spaced = malloc(size);
    fuzz_require(spaced != NULL, "memory");
    snprintf(spaced, size, " %s ", text);
    fuzz_require(address_list_parse(spaced, &again, &err) == 0 && again.count == list->count, "spaces make a difference");
    for (size_t i = 0; i < list->count; i++)
        fuzz_require(list->ranges[i].bits <= 128 && address_refused(&list->ranges[i].first, list) == NULL, "a range without its first address");
    address_list_release(&again);
    free(spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    struct address_list list;
    struct err err = ERR_INIT;
    if (address_list_parse(text, &list, &err) == 0)
        check(text, &list);
    else
        fuzz_require(list.count == 0 && list.ranges == NULL && err.code == ERR_INVALID, "leavings of a list that was refused");
    address_list_release(&list);
    free(text);
    return 0;
}
