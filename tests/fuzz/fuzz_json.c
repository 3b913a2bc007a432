/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what reads JSON text: json-c with our checks, the walk over names, the search for a member. They must agree. */
#include "lib/util/json.h"
#include "lib/util/json_names.h"
#include "lib/util/json_span.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

/* With no name twice, the member found as text is the one that json-c has. */
static void check_member(struct json_object *object, const char *text, size_t len)
{
    size_t start = 0, span = 0;
    struct json_object *member = NULL;
    bool there = json_object_object_get_ex(object, "event", &member);
    fuzz_require(json_member_span(text, len, "event", &start, &span) == there, "a member that only one of two sees");
    if (!there)
        return;
    struct json_object *again = NULL;
    struct err err = ERR_INIT;
    fuzz_require(start <= len && span <= len - start, "a member beyond its text");
    fuzz_require(json_parse(text + start, span, &again, &err) == 0, "a member that is no JSON");
    fuzz_require(json_object_equal(member, again), "another member");
    json_object_put(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct json_object *value = NULL;
    struct err err = ERR_INIT, names = ERR_INIT;
    size_t start = 0, span = 0;
    int parsed = json_parse(text, size, &value, &err);
    int unique = json_check_names(text, size, "event", &names);
    bool strict = json_strict_valid(text, size);
    fuzz_require(!strict || utf8_valid(text, size), "JSON that is no UTF-8");
    fuzz_require(parsed != 0 || strict, "parsed, but no JSON");
    fuzz_require(parsed == 0 || err.code == ERR_INVALID, "a refusal without a reason");
    fuzz_require(unique == 0 || names.code == ERR_INVALID, "a refusal without a reason");
    if (json_member_span(text, size, "event", &start, &span))
        fuzz_require(start <= size && span <= size - start, "a member beyond its text");
    if (parsed == 0 && unique == 0 && json_object_is_type(value, json_type_object))
        check_member(value, text, size);
    json_object_put(value);
    return 0;
}
