/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors between the executor and one interpreter: output, result, and the job with its "go". */
#ifndef SANDBOX_EXECUTOR_CHANNEL_H
#define SANDBOX_EXECUTOR_CHANNEL_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Of an interpreter, by descriptor number less one. */
enum { CHANNEL_OUT, CHANNEL_ERR, CHANNEL_RESULT, CHANNEL_JOB, CHANNEL_GO, CHANNEL_FDS };

struct channel {
    int own[CHANNEL_FDS];   /* reading ends, non-blocking; JOB: a file in memory; GO: a writing end */
    int child[CHANNEL_FDS]; /* the interpreter's ends, until it has them */
};

#define CHANNEL_NONE ((struct channel){ { -1, -1, -1, -1, -1 }, { -1, -1, -1, -1, -1 } })

int channel_open(struct channel *out, struct err *err) must_use;
void channel_close_child(struct channel *channel);
void channel_close(struct channel *channel);
/* Puts the job's text into the file in memory. */
int channel_write_job(struct channel *channel, const char *text, size_t len, struct err *err) must_use;
/* Lets a waiting interpreter go. */
int channel_go(struct channel *channel, struct err *err) must_use;

#endif
