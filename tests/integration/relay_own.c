/* SPDX-License-Identifier: Apache-2.0 */
/* Relays within the test's own process: one that ends, one that is full. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/runtime/relay.h"
#include "lib/util/clock.h"
#include "tests/integration/relay_stage.h"

static const struct relay_stage *stage;
static const char health[] = "GET /health HTTP/1.1\r\nHost: executor-%s\r\nAuthorization: Bearer " RELAY_STAGE_SECRET "\r\n\r\n";

/* Whatever its connections are at; and nothing stays. */
START_TEST(test_relay__ends)
{
    struct err err = ERR_INIT;
    char directory[] = "/var/tmp/test-relay-XXXXXX", path[64];
    struct relay_stage own = *stage;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    memcpy(own.directory, directory, sizeof(directory));
    own.settings.directory = own.directory;
    struct relay *relay = relay_new(&own.settings, NULL, NULL, &err);
    ck_assert_msg(relay != NULL, "%s %s", err.text, err.detail);
    char request[256];
    snprintf(request, sizeof(request), health, stage->id[0]);
    int fds[6];
    for (int i = 0; i < 6; i++)
        fds[i] = relay_stage_send(&own, i % 3 == 0 ? "GET" : i % 3 == 1 ? "\r\n\r\n" : request, i % 3 == 0 ? 3 : i % 3 == 1 ? 4 : strlen(request));
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(relay_step(relay, 20, &err), 0);
    relay_free(relay);
    snprintf(path, sizeof(path), "%s/relay/relay.sock", directory);
    ck_assert_int_ne(access(path, F_OK), 0);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    rmdir(directory);
}
END_TEST

/* Those that are kept for nothing give way; those that are used do not. */
START_TEST(test_relay__full)
{
    enum { PLACES = 3 };
    struct err err = ERR_INIT;
    struct relay_stage own = *stage;
    char request[256], text[1024];
    strcpy(own.directory, "/var/tmp/test-relay-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(own.directory));
    own.settings.directory = own.directory;
    struct relay *relay = relay_new(&own.settings, NULL, NULL, &err);
    ck_assert_ptr_nonnull(relay);
    relay_limit(relay, PLACES, 300);
    snprintf(request, sizeof(request), health, stage->id[0]);
    for (int i = 0; i < 2 * PLACES; i++) {
        int fd = relay_stage_send(&own, request, strlen(request));
        ssize_t got = -1;
        for (int64_t end = clock_mono_ms() + 10000; got < 0 && clock_mono_ms() < end; got = recv(fd, text, sizeof(text), MSG_DONTWAIT))
            ck_assert_int_eq(relay_step(relay, 20, &err), 0);
        ck_assert_msg(got > 12 && strncmp(text, "HTTP/1.1 200", 12) == 0, "the %d. connection: %zd", i + 1, got);
    } /* which stay open */
    relay_free(relay);
    rmdir(own.directory);
}
END_TEST

void relay_add_own(TCase *cases, const struct relay_stage *on)
{
    stage = on;
    tcase_add_test(cases, test_relay__ends);
    tcase_add_test(cases, test_relay__full);
}
