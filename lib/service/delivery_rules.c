/* SPDX-License-Identifier: Apache-2.0 */
/* Delivered, again, or never. */
#include "lib/service/delivery_rules.h"

#include <stdio.h>

#include "lib/service/delivery.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, JITTER_PERCENT = 15, GONE = 410 };

/* After so many tries; the last one from then on. */
static const int64_t pauses[] = { 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1 * HOUR, 2 * HOUR, 4 * HOUR };
enum { PAUSES = sizeof(pauses) / sizeof(pauses[0]) };

/* Many that failed at once are not tried again at once. What the receiver asks for is kept within the longest pause. */
static int64_t pause_after(const struct delivery_try *delivery_try)
{
    int64_t index = delivery_try->attempts > PAUSES ? PAUSES - 1 : delivery_try->attempts > 0 ? delivery_try->attempts - 1 : 0;
    int64_t pause = pauses[index] * (100 - JITTER_PERCENT + (int64_t)(delivery_try->random % (2 * JITTER_PERCENT + 1))) / 100;
    int64_t longest = pauses[PAUSES - 1] / SECOND;
    int64_t asked = (delivery_try->retry_after_s < longest ? delivery_try->retry_after_s : longest) * SECOND;
    return asked > pause ? asked : pause;
}

static void explain(const struct delivery_try *delivery_try, char *out, size_t size)
{
    const struct err *err = delivery_try->err;
    if (delivery_try->status == GONE)
        snprintf(out, size, "It answered 410: it wants no more.");
    else if (delivery_try->status >= 300 && delivery_try->status < 400)
        snprintf(out, size, "It answered %d: redirects are not followed.", delivery_try->status);
    else if (delivery_try->status > 0)
        snprintf(out, size, "It answered %d.", delivery_try->status);
    else if (delivery_try->refused)
        snprintf(out, size, "It would go to %s, which is not allowed.", delivery_try->refused);
    else
        snprintf(out, size, "%.200s%s%.250s%s", err ? err->text : "There was no answer.", err && err->detail[0] ? " (" : "",
                 err ? err->detail : "", err && err->detail[0] ? ")" : "");
}

void delivery_judge(const struct delivery_try *delivery_try, struct delivery_verdict *out)
{
    *out = (struct delivery_verdict){ .status = WEBHOOK_DELIVERED };
    if (delivery_try->status >= 200 && delivery_try->status < 300)
        return;
    explain(delivery_try, out->error, sizeof(out->error));
    out->due_in_ms = pause_after(delivery_try);
    bool never = delivery_try->status == GONE || (delivery_try->status == 0 && delivery_try->refused);
    bool too_late = delivery_try->age_ms + out->due_in_ms > DELIVERY_DAY_MS;
    out->status = never || too_late ? WEBHOOK_GIVEN_UP : WEBHOOK_WAITING;
}
