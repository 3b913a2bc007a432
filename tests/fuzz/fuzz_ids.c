/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the checks of ids in paths. What is taken has the length and the letters that the database's columns are made for. */
#include "fcgi/call.h"
#include "fcgi/codec/template_codec.h"
#include "lib/model/limits.h"
#include "lib/util/id.h"
#include "tests/fuzz/fuzz.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static void check_taken(const char *id, const char *prefix, size_t len, const char *more)
{
    char fine[64];
    snprintf(fine, sizeof(fine), "%s%s", letters, more);
    fuzz_require(strncmp(id, prefix, strlen(prefix)) == 0 && strlen(id) == len && strspn(id, fine) == len, "an id that is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *id = fuzz_string(data, size);
    const struct call call = { .id = id };
    struct err err = ERR_INIT;
    if (call_check_session_id(&call, &err) == 0)
        check_taken(id, "sess_", SESSION_ID_SIZE - 1, "_");
    else
        fuzz_require(err.code == ERR_SESSION_NOT_FOUND, "another reason");
    if (call_check_execution_id(&call, &err) == 0)
        check_taken(id, "exec_", EXECUTION_ID_SIZE - 1, "_");
    else
        fuzz_require(err.code == ERR_EXECUTION_NOT_FOUND, "another reason");
    if (call_check_container_id(&call, &err) == 0)
        fuzz_require(strlen(id) == CONTAINER_ID_HEX && strspn(id, "0123456789abcdef") == CONTAINER_ID_HEX, "a container's id that is none");
    else
        fuzz_require(err.code == ERR_CONTAINER_NOT_FOUND, "another reason");
    if (template_id_valid(id)) {
        fuzz_require(strlen(id) < TEMPLATE_ID_SIZE && id[0] != '-', "a template's id that is none");
        check_taken(id, "", strlen(id), "-");
    }
    free(id);
    return 0;
}
