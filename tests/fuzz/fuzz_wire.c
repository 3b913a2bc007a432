/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what the executor and the dispatcher read of each other. What is taken must survive being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/execute.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
    "{\"execution_id\":\"exec_1\",\"language\":\"python\",\"code\":\"print(1)\",\"event\":\"{\\\"a\\\":[1.5e3,null]}\","
    "\"env_vars\":{\"A\":\"b\"},\"timeout_ms\":1000,\"limits\":{\"memory_mb\":1,\"disk_mb\":2,\"max_processes\":3}}",
    "{\"type\":\"stdout\",\"data\":\"a\\u0000\\ud83d\\ude00\xc3\xa9\",\"skipped\":5}",
    "{\"type\":\"result\",\"failure\":\"exception\",\"message\":\"m\",\"exit_code\":1,\"signal\":0,\"return\":\"[1,{\\\"a\\\":\\\"b\\\"}]\","
    "\"duration_ms\":1.5,\"cpu_time_ms\":2,\"peak_memory_mb\":3.25,\"stdout_truncated\":true,\"changed\":[\"a/b\"]}",
    "{\"type\":\"started\"}",
    "{\"status\":\"ok\",\"version\":\"1\",\"isolation\":\"x\",\"uptime_ms\":1,\"running\":0}",
    NULL,
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void fuzz_event(const char *text, size_t size)
{
    struct wire_event event, again;
    struct err err = ERR_INIT;
    if (wire_event_decode(text, size, &event, &err) != 0)
        return;
    struct strbuf line = STRBUF_INIT(WIRE_EVENT_MAX);
    require(wire_event_encode(&event, &line, &err) == 0);
    require(wire_event_decode(line.data, line.len - 1, &again, &err) == 0);
    require(again.type == event.type && again.data_len == event.data_len);
    require(event.data_len == 0 || memcmp(again.data, event.data, event.data_len) == 0);
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
    require(wire_execute_encode(&request, &body, &err) == 0);
    require(wire_execute_decode(body.data, body.len, &again, &err) == 0);
    require(strcmp(again.code, request.code) == 0);
    wire_execute_release(&again);
    wire_execute_release(&request);
    strbuf_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct strbuf repaired = STRBUF_INIT(3 * size + 1);
    struct wire_health health;
    struct err err = ERR_INIT;
    fuzz_event(text, size);
    fuzz_execute(text, size);
    if (wire_health_decode(text, size, &health, &err) != 0)
        require(err.code != ERR_NONE);
    utf8_repair(text, size, &repaired);
    require(strbuf_ok(&repaired) && utf8_valid(strbuf_str(&repaired), repaired.len));
    require(utf8_open_tail(text, size) <= 3);
    require(!json_strict_valid(text, size) || utf8_valid(text, size));
    strbuf_release(&repaired);
    return 0;
}
