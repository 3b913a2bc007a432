/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of the workspace were touched, and when: by inotify(7), so that what is not touched costs nothing. The kernel gathers the
 * events; they are read at a few moments only (journal_read()), each of which gets a number. What happened before a moment carries its
 * number, or an earlier one.
 *
 * When the kernel cannot tell (its queue ran over, there are no more watches, a file has several names, there is no inotify) everything
 * counts as touched: journal_all(). */
#ifndef SANDBOX_EXECUTOR_JOURNAL_H
#define SANDBOX_EXECUTOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/setup.h"
#include "executor/touched.h"

enum { JOURNAL_PATHS_MAX = 100000, JOURNAL_BYTES_MAX = 8 * 1024 * 1024 };

struct journal;

/* Begins to watch. NULL: no memory. */
struct journal *journal_new(const struct setup *setup, struct err *err) must_use;
void journal_free(struct journal *journal);

/* Reads what the kernel has; the number of this moment, from 1. */
int64_t journal_read(struct journal *journal);
/* Whether anything happened since the last journal_read(): costs one system call. */
bool journal_stirred(const struct journal *journal);
/* Names (within the workspace's own directory) that are the executor's own and never touched: `name` until it is called with the same
 * slot and NULL. */
enum { JOURNAL_HIDDEN_MAX = 64 };
void journal_hide(struct journal *journal, int slot, const char *name);
/* Puts back what was known of the path at `moment`, if it was touched since: it was the executor itself. */
void journal_forget(struct journal *journal, const char *path, int64_t moment);

/* Everything may have changed after `moment`. */
bool journal_all(const struct journal *journal, int64_t moment);
void journal_set_all(struct journal *journal);
/* Something was touched after `moment`, or before and is not stored. */
bool journal_pending(const struct journal *journal, int64_t moment);

/* Calls on_path for all that was touched after `moment`. */
void journal_since(const struct journal *journal, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg);
/* Calls on_path for all that journal_pending() means. */
void journal_each(const struct journal *journal, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg);

/* All up to `moment` is stored; what nobody who began before `oldest` can still ask for is dropped. */
void journal_stored(struct journal *journal, int64_t moment, int64_t oldest);
/* The number of the last moment. */
int64_t journal_moment(const struct journal *journal);
/* Whether everything counts as touched after `moment`, stored or not. */
bool journal_all_since(const struct journal *journal, int64_t moment);

#endif
