/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes form data: whatever it is cut into, the same is seen of it, and what is given out is what came in. Input: the boundary (or a
 * Content-Type, when there is a "/" in it), a newline, the body. */
#include "fcgi/multipart.h"
#include "lib/util/strbuf.h"
#include "tests/fuzz/fuzz.h"

enum { SEEN_MAX = 1024 * 1024 };

/* What was seen, data joined. */
struct seen {
    struct strbuf text;
    size_t data;
    bool open;
};

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    fuzz_require(!seen->open, "a part within a part");
    seen->open = true;
    strbuf_addf(&seen->text, "<%s|%s|%s>", part->name, part->filename ? part->filename : "-", part->content_type);
    return 0;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    fuzz_require(seen->open && len > 0, "data outside of a part, or none");
    seen->data += len;
    strbuf_add(&seen->text, data, len);
    return 0;
}

static int on_end(void *arg, struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    fuzz_require(seen->open, "the end of no part");
    seen->open = false;
    strbuf_add_str(&seen->text, "</>");
    return 0;
}

static const struct multipart_events events = { on_begin, on_data, on_end };

/* Pieces of `piece` bytes, each in memory of just its size. */
static int read_all(const char *type, const uint8_t *body, size_t len, size_t piece, struct seen *seen, struct err *err)
{
    static struct multipart multipart;
    int status = multipart_init(&multipart, type, &events, seen, err);
    for (size_t at = 0, take; status == 0 && at < len; at += take) {
        take = len - at < piece ? len - at : piece;
        char *exact = malloc(take);
        memcpy(exact, body + at, take);
        status = multipart_feed(&multipart, exact, take, err);
        free(exact);
    }
    return status == 0 ? multipart_finish(&multipart, err) : -1;
}

static void compare(const char *type, const uint8_t *body, size_t len, size_t piece, const struct seen *whole, const struct err *why, int wanted)
{
    struct seen seen = { .text = STRBUF_INIT(SEEN_MAX) };
    struct err err = ERR_INIT;
    int status = read_all(type, body, len, piece, &seen, &err);
    fuzz_require(status == wanted && err.code == why->code && strcmp(err.text, why->text) == 0, "another end for other pieces");
    fuzz_require(seen.data == whole->data && seen.text.len == whole->text.len &&
                 memcmp(strbuf_str(&seen.text), strbuf_str(&whole->text), seen.text.len) == 0, "something else is seen of other pieces");
    strbuf_release(&seen.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - data) : size;
    char *line = fuzz_string(data, first);
    struct strbuf type = STRBUF_INIT(SEEN_MAX);
    strbuf_addf(&type, "%s%s", strchr(line, '/') ? "" : "multipart/form-data; boundary=", line);
    const uint8_t *body = data + first + (newline ? 1 : 0);
    size_t len = size - first - (newline ? 1 : 0);
    struct seen whole = { .text = STRBUF_INIT(SEEN_MAX) };
    struct err err = ERR_INIT;
    int status = read_all(strbuf_str(&type), body, len, len + 1, &whole, &err);
    fuzz_require(status == 0 || err.code == ERR_INVALID || err.code == ERR_MEDIA_TYPE, "a refusal without a reason");
    fuzz_require(status != 0 || !whole.open, "a part without an end");
    fuzz_require(whole.data <= len, "more data than came");
    static const size_t pieces[] = { 1, 2, 7, 80 };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        compare(strbuf_str(&type), body, len, pieces[i], &whole, &err, status);
    strbuf_release(&whole.text);
    strbuf_release(&type);
    free(line);
    return 0;
}
