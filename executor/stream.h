/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events of one execution: kept from its start, and followed by any number of readers from any offset. */
#ifndef SANDBOX_EXECUTOR_STREAM_H
#define SANDBOX_EXECUTOR_STREAM_H

#include <stdbool.h>

#include "lib/util/strbuf.h"
#include "lib/wire/execute.h"

struct stream;

/* A reader; embedded in its owner. on_data gets bytes in order; on_end is last, after which the stream forgets it. */
struct follower {
    void (*on_data)(struct follower *follower, const char *data, size_t len);
    void (*on_end)(struct follower *follower);
    size_t offset;
    struct stream *stream;
    struct follower *next;
};

struct stream {
    struct strbuf log; /* encoded lines */
    bool ended;
    struct follower *followers;
};

void stream_init(struct stream *stream);
/* Readers that are left are told that the stream ended. */
void stream_release(struct stream *stream);
/* Appends an event and passes it to the readers. What does not fit is left out, with err set. */
int stream_add(struct stream *stream, const struct wire_event *event, struct err *err) must_use;
/* No more events: ends the readers. */
void stream_end(struct stream *stream);
/* Gives what is there from `offset` on and what follows. `offset` must not be beyond the end. */
void stream_follow(struct stream *stream, struct follower *follower, size_t offset);
/* The reader went away. */
void stream_unfollow(struct follower *follower);

#endif
