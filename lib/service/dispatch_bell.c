/* SPDX-License-Identifier: Apache-2.0 */
/* A word, a blank, a value. */
#include "lib/service/dispatch_bell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"

static const char run_word[] = "run ", take_word[] = "take ", wait_word[] = "wait ";

void dispatch_bell_submitted(const struct context *context, int64_t seq, const struct submit_result *submitted)
{
    char text[DOORBELL_TEXT_MAX + 1];
    snprintf(text, sizeof(text), "%s%" PRId64, submitted->assigned ? take_word : run_word, seq);
    doorbell_ring(context->doorbell, submitted->assigned ? submitted->doorbell : context->settings->doorbell.dispatchd, text);
}

void dispatch_bell_wait(const struct context *context, const char *execution_id)
{
    char text[DOORBELL_TEXT_MAX + 1];
    snprintf(text, sizeof(text), "%s%s", wait_word, execution_id);
    doorbell_ring(context->doorbell, context->settings->doorbell.dispatchd, text);
}

static bool read_seq(const char *text, int64_t *out)
{
    char *end = NULL;
    if (text[0] < '1' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

void dispatch_bell_read(const char *text, struct dispatch_word *out)
{
    *out = (struct dispatch_word){ .kind = DISPATCH_LOOK };
    if (strncmp(text, run_word, sizeof(run_word) - 1) == 0 && read_seq(text + sizeof(run_word) - 1, &out->seq)) {
        out->kind = DISPATCH_RUN;
    } else if (strncmp(text, take_word, sizeof(take_word) - 1) == 0 && read_seq(text + sizeof(take_word) - 1, &out->seq)) {
        out->kind = DISPATCH_TAKE;
    } else if (strncmp(text, wait_word, sizeof(wait_word) - 1) == 0 && strlen(text) < sizeof(wait_word) - 1 + EXECUTION_ID_SIZE) {
        out->kind = DISPATCH_WAIT;
        snprintf(out->id, sizeof(out->id), "%s", text + sizeof(wait_word) - 1);
    }
}
