/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read of containers' logs: Docker's frames, lines, times. What comes out is good UTF-8 in whole lines. */
#include <stdlib.h>
#include <string.h>

#include "lib/runtime/docker_frames.h"
#include "lib/runtime/log_lines.h"
#include "lib/util/clock.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

enum { MAX = 4096 };

static void on_text(void *arg, int stream, const char *text, size_t len, bool end)
{
    (void)end;
    log_lines_add(arg, text, len, stream == 2 ? "ERROR" : "INFO");
}

static void check(struct log_lines *lines)
{
    int64_t ms;
    struct strbuf out = STRBUF_INIT(MAX);
    log_lines_finish(lines, MAX, &out);
    fuzz_require(strbuf_ok(&out) && strbuf_ok(&lines->kept), "a buffer that overflows");
    fuzz_require(utf8_valid(strbuf_str(&out), out.len), "bad UTF-8");
    for (const char *at = strbuf_str(&out); *at; at = strchr(at, '\n') + 1) {
        fuzz_require(strchr(at, '\n') != NULL, "a line without an end");
        fuzz_require(clock_parse_prefix(at, strlen(at), &ms) == CLOCK_TEXT_SIZE - 1 && at[CLOCK_TEXT_SIZE - 1] == ' ',
                     "a line without a time");
    }
    strbuf_release(&out);
    log_lines_release(lines);
}

/* The input as a stream that is well formed up to its end, in two pieces. */
static void feed_framed(struct docker_frames *frames, const char *text, size_t size)
{
    size_t half = size / 2;
    const char head[8] = { (char)(size % 3), 0, 0, 0, 0, (char)(half >> 16), (char)(half >> 8), (char)half };
    fuzz_require(docker_frames_feed(frames, head, 5) && docker_frames_feed(frames, head + 5, 3), "a good head refused");
    fuzz_require(docker_frames_feed(frames, text, half) && docker_frames_whole(frames), "a good frame refused");
    if (docker_frames_feed(frames, text + half, size - half))
        (void)docker_frames_whole(frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct log_lines lines;
    log_lines_init(&lines, 10, 1000, 0);
    log_lines_add(&lines, text, size, "WARN");
    check(&lines);
    log_lines_init(&lines, 10000, 0, 1);
    struct docker_frames frames = { .on_text = on_text, .arg = &lines };
    feed_framed(&frames, text, size);
    check(&lines);
    return 0;
}
