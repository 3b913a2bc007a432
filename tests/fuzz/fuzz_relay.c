/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a relay reads: the head of a client's request, the head of an engine's answer, the id in it. What is taken is well formed, and was
 * not yet whole a byte earlier. */
#include "config.h"

#include <ctype.h>

#include "lib/runtime/driver.h"
#include "lib/runtime/relay_parse.h"
#include "tests/fuzz/fuzz.h"

static void check_host(const char *text, size_t size)
{
    char id[CONTAINER_ID_SIZE];
    enum relay_read whole = relay_read_host(text, size, id);
    if (whole == RELAY_READ_DONE) {
        fuzz_require(runtime_id_valid(id), "a container's id that is none");
        fuzz_require(memmem(text, size, id, CONTAINER_ID_SIZE - 1) != NULL, "an id from nowhere");
    }
    if (whole == RELAY_READ_MORE)
        fuzz_require(memmem(text, size, "\r\n\r\n", 4) == NULL, "it waits for more than a head");
}

static void check_answer(const char *text, size_t size)
{
    struct relay_answer answer = { 0 }, again = { 0 };
    if (relay_read_answer(text, size, &answer) != RELAY_READ_DONE)
        return;
    fuzz_require(answer.status >= 100 && answer.status <= 599, "a status that is none");
    fuzz_require(answer.head_len >= 16 && answer.head_len <= size, "a head longer than what came");
    fuzz_require(memcmp(text + answer.head_len - 4, "\r\n\r\n", 4) == 0, "a head without end");
    fuzz_require(answer.body_len <= RELAY_BODY_MAX, "a body over the limit");
    fuzz_require(relay_read_answer(text, answer.head_len - 1, &again) == RELAY_READ_MORE, "a head before its end");
    fuzz_require(relay_read_answer(text, answer.head_len, &again) == RELAY_READ_DONE && again.body_len == answer.body_len,
                 "a head that depends on what follows");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char exec[RELAY_EXEC_SIZE];
    char *text = malloc(size + 1); /* of exactly this size, so that a read beyond it is seen */
    fuzz_require(text != NULL, "out of memory");
    memcpy(text, data, size);
    text[size] = '\0';
    check_host(text, size);
    check_answer(text, size);
    if (relay_read_exec(text, size, exec) == 0) {
        fuzz_require(exec[0] != '\0' && strlen(exec) < RELAY_EXEC_SIZE, "an id of no length");
        for (const char *at = exec; *at; at++)
            fuzz_require(isalnum((unsigned char)*at), "an id that could change a path");
    }
    free(text);
    return 0;
}
