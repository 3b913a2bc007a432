/* SPDX-License-Identifier: Apache-2.0 */
/* Takes Docker's frames apart, however they are cut. */
#include "lib/runtime/docker_frames.h"

#include <string.h>

enum { STREAMS = 3 };

static bool head_is_good(const unsigned char *head)
{
    return head[0] < STREAMS && head[1] == 0 && head[2] == 0 && head[3] == 0;
}

static size_t take_head(struct docker_frames *frames, const char *data, size_t len)
{
    size_t want = sizeof(frames->head) - frames->head_len, take = len < want ? len : want;
    memcpy(frames->head + frames->head_len, data, take);
    frames->head_len += take;
    if (frames->head_len < sizeof(frames->head))
        return take;
    const unsigned char *head = frames->head;
    frames->malformed = !head_is_good(head);
    frames->left = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
    return take;
}

static size_t take_text(struct docker_frames *frames, const char *data, size_t len)
{
    size_t take = len < frames->left ? len : frames->left;
    frames->left -= (uint32_t)take;
    frames->on_text(frames->arg, frames->head[0], data, take, frames->left == 0);
    if (frames->left == 0)
        frames->head_len = 0;
    return take;
}

bool docker_frames_feed(struct docker_frames *frames, const char *data, size_t len)
{
    size_t at = 0;
    while (!frames->malformed) {
        bool in_text = frames->head_len == sizeof(frames->head);
        if (at == len && !(in_text && frames->left == 0))
            break;
        at += in_text ? take_text(frames, data + at, len - at) : take_head(frames, data + at, len - at);
    }
    return !frames->malformed;
}

bool docker_frames_whole(const struct docker_frames *frames)
{
    return !frames->malformed && frames->head_len == 0;
}
