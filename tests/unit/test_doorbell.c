/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/util/clock.h"
#include "tests/unit/unit_test.h"

static int open_any(char address[DOORBELL_ADDRESS_SIZE])
{
    struct err err = ERR_INIT;
    int fd = doorbell_open("127.0.0.1:0", address, &err);
    ck_assert_msg(fd >= 0, "%s (%s)", err.text, err.detail);
    return fd;
}

static bool rings(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    return poll(&wait, 1, 2000) == 1;
}

START_TEST(test_doorbell__text_arrives)
{
    char address[DOORBELL_ADDRESS_SIZE], other[DOORBELL_ADDRESS_SIZE], text[DOORBELL_TEXT_MAX + 1];
    cleanup_fd int fd = open_any(address);
    cleanup_fd int from = open_any(other);
    ck_assert_int_eq(strncmp(address, "127.0.0.1:", 10), 0);
    ck_assert_str_ne(address, "127.0.0.1:0");
    ck_assert_int_eq(doorbell_take(fd, text), 0);
    doorbell_ring(-1, address, "exec_1");
    ck_assert(rings(fd));
    ck_assert_int_eq(doorbell_take(fd, text), 1);
    ck_assert_str_eq(text, "exec_1");
    doorbell_ring(from, address, "");
    ck_assert(rings(fd));
    ck_assert_int_eq(doorbell_take(fd, text), 1); /* an empty one rings too */
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(doorbell_take(fd, text), 0);
}
END_TEST

static int64_t ring_and_take_late(int fd, const char *address, int64_t *after_out)
{
    char text[DOORBELL_TEXT_MAX + 1];
    int64_t moment = 0;
    doorbell_ring(-1, address, "exec_1");
    ck_assert(rings(fd));
    *after_out = clock_wall_us();
    while (clock_wall_us() < *after_out + 10000)
        usleep(5000);
    ck_assert_int_eq(doorbell_take_at(fd, text, &moment), 1);
    ck_assert_str_eq(text, "exec_1");
    return moment;
}

/* However late it is taken. The kernel begins to take moments a little after the first socket asked for them. */
START_TEST(test_doorbell__says_when_it_was_rung)
{
    char address[DOORBELL_ADDRESS_SIZE], text[DOORBELL_TEXT_MAX + 1];
    cleanup_fd int fd = open_any(address);
    int64_t moment = 7, after = 0, before = clock_wall_us();
    ck_assert_int_eq(doorbell_take_at(fd, text, &moment), 0);
    ck_assert_int_eq(moment, 7);
    for (int i = 0; i < 100 && (i == 0 || moment > after); i++)
        moment = ring_and_take_late(fd, address, &after);
    ck_assert_int_ge(moment, before);
    ck_assert_int_le(moment, after);
}
END_TEST

START_TEST(test_doorbell__long_texts_are_cut)
{
    char address[DOORBELL_ADDRESS_SIZE], text[DOORBELL_TEXT_MAX + 1], big[500];
    cleanup_fd int fd = open_any(address);
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    doorbell_ring(fd, address, big);
    ck_assert(rings(fd));
    ck_assert_int_eq(doorbell_take(fd, text), 1);
    ck_assert_uint_eq(strlen(text), DOORBELL_TEXT_MAX);
}
END_TEST

START_TEST(test_doorbell__drain_takes_all)
{
    char address[DOORBELL_ADDRESS_SIZE];
    cleanup_fd int fd = open_any(address);
    for (int i = 0; i < 10; i++)
        doorbell_ring(fd, address, "x");
    ck_assert(rings(fd));
    ck_assert_int_eq(doorbell_drain(fd), 10);
    ck_assert_int_eq(doorbell_drain(fd), 0);
}
END_TEST

START_TEST(test_doorbell__ringing_nobody_is_harmless)
{
    char address[DOORBELL_ADDRESS_SIZE], gone[DOORBELL_ADDRESS_SIZE];
    cleanup_fd int fd = open_any(address);
    int closed = open_any(gone);
    close(closed);
    static const char *const nowhere[] = { NULL, "", "nonsense", "localhost:1", "127.0.0.1:", ":1", "127.0.0.1:x", "[::1", "[::1]:9",
                                           "999.0.0.1:1", "127.0.0.1:99999999999999999999" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(nowhere); i++)
        doorbell_ring(fd, nowhere[i], "x");
    for (int i = 0; i < 3; i++)
        doorbell_ring(fd, gone, "x");
    doorbell_ring(fd, address, "still here");
    ck_assert(rings(fd));
}
END_TEST

START_TEST(test_doorbell__bad_and_busy_addresses_are_refused)
{
    char address[DOORBELL_ADDRESS_SIZE];
    struct err err = ERR_INIT;
    cleanup_fd int fd = open_any(address);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(doorbell_open(address, NULL, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "running already"));
    ck_assert_int_eq(doorbell_open("localhost:7101", NULL, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_int_eq(doorbell_open("", NULL, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_doorbell__text_arrives, test_doorbell__says_when_it_was_rung, test_doorbell__long_texts_are_cut, test_doorbell__drain_takes_all,
                                   test_doorbell__ringing_nobody_is_harmless, test_doorbell__bad_and_busy_addresses_are_refused };
    return unit_test_run("doorbell", tests, UNIT_TEST_COUNT(tests));
}
