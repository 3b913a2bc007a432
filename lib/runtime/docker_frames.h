/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's multiplexed stream of stdout and stderr: frames of 8 bytes (stream, three zeros, length in network order) and text. Pure. */
#ifndef SANDBOX_RUNTIME_DOCKER_FRAMES_H
#define SANDBOX_RUNTIME_DOCKER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker_frames {
    /* A piece of a frame's text as it arrives; `end`: its last one (which may be empty). `stream` is 0, 1 or 2: stdin, stdout, stderr. */
    void (*on_text)(void *arg, int stream, const char *text, size_t len, bool end);
    void *arg;
    /* The reader's own; zero at the start. */
    unsigned char head[8];
    size_t head_len;
    uint32_t left;
    bool malformed;
};

/* Takes bytes as they come, in pieces of any size. False: this is not such a stream; nothing more is taken. */
bool docker_frames_feed(struct docker_frames *frames, const char *data, size_t len);
/* Whether the stream may end here: not within a frame, and well formed. */
bool docker_frames_whole(const struct docker_frames *frames);

#endif
