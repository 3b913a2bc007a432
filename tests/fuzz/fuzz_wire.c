/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what the executor and the dispatcher read of each other. What is taken must survive being written and read again. */
#include "lib/wire/changes.h"
#include "lib/wire/execute.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_event(const char *text, size_t size)
{
    struct wire_event event, again;
    struct err err = ERR_INIT;
    if (wire_event_decode(text, size, &event, &err) != 0)
        return;
    struct strbuf line = STRBUF_INIT(WIRE_EVENT_MAX);
    fuzz_require(wire_event_encode(&event, &line, &err) == 0, "read, written and read again");
    fuzz_require(wire_event_decode(line.data, line.len - 1, &again, &err) == 0, "read, written and read again");
    fuzz_require(again.type == event.type && again.data_len == event.data_len, "read, written and read again");
    fuzz_require(event.data_len == 0 || memcmp(again.data, event.data, event.data_len) == 0, "read, written and read again");
    wire_event_release(&again);
    wire_event_release(&event);
    strbuf_release(&line);
}

static void fuzz_execute(const char *text, size_t size)
{
    struct wire_execute request, again;
    struct err err = ERR_INIT;
    if (wire_execute_decode(text, size, &request, &err) != 0)
        return;
    struct strbuf body = STRBUF_INIT(WIRE_REQUEST_MAX);
    fuzz_require(wire_execute_encode(&request, &body, &err) == 0, "read, written and read again");
    fuzz_require(wire_execute_decode(body.data, body.len, &again, &err) == 0, "read, written and read again");
    fuzz_require(strcmp(again.code, request.code) == 0, "read, written and read again");
    wire_execute_release(&again);
    wire_execute_release(&request);
    strbuf_release(&body);
}

static void fuzz_change(const char *text, size_t size)
{
    struct wire_change change, again;
    struct err err = ERR_INIT;
    if (wire_change_decode(text, size, &change, &err) != 0)
        return;
    struct strbuf line = STRBUF_INIT(WIRE_CHANGE_MAX);
    fuzz_require(wire_change_encode(&change, &line, &err) == 0, "read, written and read again");
    fuzz_require(wire_change_decode(line.data, line.len - 1, &again, &err) == 0, "read, written and read again");
    fuzz_require(memcmp(&again, &change, sizeof(change)) == 0, "read, written and read again");
    fuzz_require(change.type == WIRE_CHANGE_END || workspace_path_valid(change.path, strlen(change.path)), "a path that leads out");
    strbuf_release(&line);
}

static void fuzz_stored(const char *text, size_t size)
{
    struct wire_stored stored, again;
    struct err err = ERR_INIT;
    if (wire_stored_decode(text, size, &stored, &err) != 0)
        return;
    struct strbuf line = STRBUF_INIT(WIRE_CHANGE_MAX);
    fuzz_require(wire_stored_encode(&stored, &line, &err) == 0, "read, written and read again");
    fuzz_require(wire_stored_decode(line.data, line.len - 1, &again, &err) == 0, "read, written and read again");
    fuzz_require(again.size == stored.size && strcmp(again.version, stored.version) == 0, "read, written and read again");
    strbuf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct strbuf repaired = STRBUF_INIT(3 * size + 1);
    struct wire_health health;
    struct err err = ERR_INIT;
    fuzz_event(text, size);
    fuzz_execute(text, size);
    fuzz_change(text, size);
    fuzz_stored(text, size);
    if (wire_health_decode(text, size, &health, &err) != 0)
        fuzz_require(err.code != ERR_NONE, "a refusal without a reason");
    utf8_repair(text, size, &repaired);
    fuzz_require(strbuf_ok(&repaired) && utf8_valid(strbuf_str(&repaired), repaired.len), "a repair that is no UTF-8");
    fuzz_require(utf8_open_tail(text, size) <= 3, "an open tail that is too long");
    fuzz_require(!json_strict_valid(text, size) || utf8_valid(text, size), "JSON that is no UTF-8");
    strbuf_release(&repaired);
    return 0;
}
