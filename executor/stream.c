/* SPDX-License-Identifier: Apache-2.0 */
/* A growing log with readers. */
#include "executor/stream.h"

/* Twice OUTPUT_BYTES_MAX with every byte as \u0001, small events' overhead, and a return value full of escapes. */
enum { STREAM_MAX = 48 * 1024 * 1024 };

void stream_init(struct stream *stream)
{
    *stream = (struct stream){ .log = STRBUF_INIT(STREAM_MAX) };
}

void stream_release(struct stream *stream)
{
    stream_end(stream);
    strbuf_release(&stream->log);
}

static void feed(struct follower *follower)
{
    const struct strbuf *log = &follower->stream->log;
    size_t from = follower->offset;
    follower->offset = log->len;
    if (log->len > from)
        follower->on_data(follower, log->data + from, log->len - from);
}

int stream_add(struct stream *stream, const struct wire_event *event, struct err *err)
{
    size_t before = stream->log.len;
    if (wire_event_encode(event, &stream->log, err) != 0) {
        stream->log.len = before; /* no half lines, and what is smaller may still fit */
        stream->log.failed = false;
        return -1;
    }
    for (struct follower *follower = stream->followers; follower; follower = follower->next)
        feed(follower);
    return 0;
}

void stream_end(struct stream *stream)
{
    stream->ended = true;
    while (stream->followers) {
        struct follower *follower = stream->followers;
        stream->followers = follower->next;
        follower->stream = NULL;
        follower->on_end(follower);
    }
}

void stream_follow(struct stream *stream, struct follower *follower, size_t offset)
{
    follower->stream = stream;
    follower->offset = offset;
    follower->next = stream->followers;
    stream->followers = follower;
    feed(follower);
    if (stream->ended)
        stream_end(stream);
}

void stream_unfollow(struct follower *follower)
{
    if (!follower->stream)
        return;
    struct follower **at = &follower->stream->followers;
    while (*at && *at != follower)
        at = &(*at)->next;
    if (*at)
        *at = follower->next;
    follower->stream = NULL;
}
