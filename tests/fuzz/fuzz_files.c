/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a download reads from headers, and what it writes into them. First line: Range, second: If-None-Match, third: a file's name. A
 * part lies within the file; a header has one line, and is ASCII. */
#include "fcgi/codec/file_codec.h"
#include "fcgi/conditional.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

#define TAG "\"0123\""

static char *take_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (end)
        *end = '\0';
    *at = end ? end + 1 : line + strlen(line);
    return line;
}

static void check_range(const char *range, int64_t size)
{
    struct byte_range got;
    enum range_kind kind = conditional_range(range, NULL, TAG, size, &got);
    fuzz_require(got.first >= 0 && got.length >= 0 && got.length <= size && got.first <= size - got.length, "a range outside the file");
    fuzz_require(kind != RANGE_PART || got.length > 0, "an empty part");
    fuzz_require(kind == RANGE_PART || (got.first == 0 && got.length == size), "a whole that is a part");
}

static void check_name(const char *name)
{
    cleanup_strbuf struct strbuf header = STRBUF_INIT(8192);
    if (strlen(name) > WORKSPACE_NAME_MAX || !utf8_valid(name, strlen(name)))
        return;
    file_disposition(name, &header);
    fuzz_require(strbuf_ok(&header), "a header that is too long");
    int quotes = 0;
    for (const char *c = strbuf_str(&header); *c; c++) {
        fuzz_require(*c >= ' ' && *c < 0x7f && *c != '\\', "a header that is not plain");
        quotes += *c == '"';
    }
    fuzz_require(quotes == 2, "a name that ends its quotes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t sizes[] = { 0, 1, 100, INT64_MAX };
    char *text = fuzz_string(data, size), *at = text;
    const char *range = take_line(&at), *condition = take_line(&at), *name = take_line(&at);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_range(range, sizes[i]);
    if (conditional_unchanged(condition, TAG))
        fuzz_require(strstr(condition, TAG) || strchr(condition, '*'), "a tag that is not there");
    check_name(name);
    free(text);
    return 0;
}
