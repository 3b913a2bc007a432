/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read to pull an image: its name, the engine's stream, a file of credentials. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/image_name.h"
#include "lib/runtime/pull_progress.h"
#include "lib/runtime/registry_auth.h"
#include "tests/fuzz/fuzz.h"

static void read_name(const char *text)
{
    struct image_name name = { 0 }, again = { 0 };
    struct err err = ERR_INIT;
    char normal[IMAGE_NAME_SIZE], twice[IMAGE_NAME_SIZE];
    if (image_name_parse(text, &name, &err) != 0)
        return;
    image_name_familiar(&name, normal);
    fuzz_require(image_name_parse(normal, &again, &err) == 0, "a name's normal form is no name");
    image_name_familiar(&again, twice);
    fuzz_require(strcmp(normal, twice) == 0, "a normal form that is not its own");
    fuzz_require(!strpbrk(name.repository, "?&#% \r\n") && !strpbrk(name.registry, "?&#% /\r\n"), "what must be encoded in a query");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pull_progress progress;
    struct err err = ERR_INIT;
    struct strbuf header = STRBUF_INIT(4096);
    char text[PULL_TEXT_SIZE];
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    read_name(copy);
    pull_progress_init(&progress);
    pull_progress_feed(&progress, copy, size / 2);
    pull_progress_feed(&progress, copy + size / 2, size - size / 2);
    pull_progress_end(&progress);
    fuzz_require(progress.line.len == 0 && progress.count <= PULL_LAYERS_MAX, "more than its bounds");
    pull_progress_text(&progress, text);
    pull_progress_release(&progress);
    if (registry_auth_find(copy, size, "r.example", &header, &err) == 0)
        fuzz_require(!strpbrk(strbuf_str(&header), "\r\n"), "a header of two lines");
    strbuf_release(&header);
    free(copy);
    return 0;
}
