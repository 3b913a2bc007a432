/* SPDX-License-Identifier: Apache-2.0 */
/* A turn that threads hold one after the other: its holder looks for work and does at once what is short; before something longer it passes the turn on.
 * A holder that works for longer than it should (what it waits for hangs) loses the turn to the next. */
#ifndef SANDBOX_UTIL_TURN_H
#define SANDBOX_UTIL_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct turn;

/* `patience_ms`: who works longer loses the turn, within twice that time. */
struct turn *turn_new(int patience_ms, struct err *err) must_use;
/* When no thread uses it any more. */
void turn_free(struct turn *turn);

/* Waits for the turn. The number is that of this time of holding it. */
uint64_t turn_take(struct turn *turn) must_use;
/* The holder works from now on; until it says that it is done, it may lose the turn. */
void turn_work(struct turn *turn, uint64_t number);
/* It waits again. false: the turn is no longer its own. */
bool turn_done(struct turn *turn, uint64_t number) must_use;
/* Gives the turn to whoever waits. Nothing when it was lost before, or passed on. */
void turn_pass(struct turn *turn, uint64_t number);

#endif
