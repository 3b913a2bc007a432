/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses may be connected to on a client's word. */
#include <string.h>

#include "lib/model/address_rules.h"
#include "tests/unit/unit_test.h"

static const struct address_list nothing;

static const char *refused(const char *text, const struct address_list *allowed)
{
    struct address address;
    ck_assert_msg(address_parse(text, &address), "%s", text);
    return address_refused(&address, allowed);
}

START_TEST(test_address_rules__public_ones)
{
    static const char *const cases[] = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "2001:db9::1", "3fff:1000::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++)
        ck_assert_msg(refused(cases[i], &nothing) == NULL, "%s is %s", cases[i], refused(cases[i], &nothing));
}
END_TEST

START_TEST(test_address_rules__all_others)
{
    static const struct { const char *text, *why; } cases[] = {
        { "0.0.0.0", "this host" }, { "0.1.2.3", "this host" }, { "10.0.0.1", "private" }, { "10.255.255.255", "private" },
        { "100.64.0.0", "carrier" }, { "100.127.255.255", "carrier" }, { "127.0.0.1", "loopback" }, { "127.255.0.9", "loopback" },
        { "169.254.169.254", "link-local" }, { "169.254.0.0", "link-local" }, { "172.16.0.0", "private" }, { "172.31.255.255", "private" },
        { "192.0.0.192", "reserved" }, { "192.0.2.1", "documentation" }, { "192.88.99.1", "reserved" }, { "192.168.1.1", "private" },
        { "198.18.0.1", "benchmarks" }, { "198.19.255.255", "benchmarks" }, { "198.51.100.1", "documentation" },
        { "203.0.113.9", "documentation" }, { "224.0.0.1", "multicast" }, { "239.255.255.255", "multicast" }, { "240.0.0.1", "reserved" },
        { "255.255.255.254", "reserved" }, { "255.255.255.255", "broadcast" },
        { "::", "this host" }, { "::1", "loopback" }, { "::2", "reserved" }, { "::127.0.0.1", "reserved" }, { "::8.8.8.8", "reserved" },
        { "::ffff:127.0.0.1", "loopback" }, { "::ffff:7f00:1", "loopback" }, { "::ffff:169.254.169.254", "link-local" },
        { "::ffff:10.1.2.3", "private" }, { "::ffff:0.0.0.0", "this host" }, { "::ffff:0:127.0.0.1", "reserved" },
        { "64:ff9b::127.0.0.1", "loopback" }, { "64:ff9b::a9fe:a9fe", "link-local" }, { "64:ff9b::192.168.0.1", "private" },
        { "64:ff9b:1::8.8.8.8", "reserved" }, { "2002:7f00:1::", "loopback" }, { "2002:a9fe:a9fe::1", "link-local" },
        { "2002:c0a8:101::5", "private" }, { "2002:0a00:1::", "private" }, { "2001::1", "reserved" }, { "2001:0:4136:e378:8000:63bf:3fff:fdd2", "reserved" },
        { "2001:1ff::1", "reserved" }, { "2001:db8::1", "documentation" }, { "2001:db8:ffff::1", "documentation" }, { "3fff::1", "documentation" },
        { "3fff:fff::1", "documentation" }, { "fe80::1", "link-local" }, { "febf::1", "link-local" }, { "fec0::1", "private" },
        { "fc00::1", "private" }, { "fd00:ec2::254", "private" }, { "ff02::1", "multicast" }, { "100::1", "reserved" },
        { "4000::1", "reserved" }, { "1fff::1", "reserved" }, { "5f00::1", "reserved" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        const char *why = refused(cases[i].text, &nothing);
        ck_assert_msg(why && strstr(why, cases[i].why), "%s: %s", cases[i].text, why ? why : "allowed");
    }
}
END_TEST

/* Other notations of IPv4 are for resolvers, whose outcome is looked at. */
START_TEST(test_address_rules__literals)
{
    static const char *const cases[] = { "", "127.1", "0177.0.0.1", "2130706433", "0x7f.1", "127.0.0.1.", " 127.0.0.1", "127.0.0.1 ", "1.2.3.4.5",
                                         "256.1.1.1", "[::1]", "fe80::1%lo", "::1/128", ":::", "localhost", "1.2.3.4:80" };
    struct address address;
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++)
        ck_assert_msg(!address_parse(cases[i], &address), "%s", cases[i]);
}
END_TEST

START_TEST(test_address_rules__what_is_allowed)
{
    cleanup(address_list_release) struct address_list list = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(address_list_parse("127.0.0.0/8, ::1,10.1.2.0/23 , fd00:1::/33", &list, &err), 0);
    ck_assert_uint_eq(list.count, 4);
    static const char *const allowed[] = { "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.0", "10.1.3.255", "fd00:1::1", "fd00:1:7fff::1",
                                           "8.8.8.8" };
    static const char *const still[] = { "10.1.1.255", "10.1.4.0", "::2", "fd00:1:8000::1", "169.254.169.254", "0.0.0.0",
                                         "64:ff9b::127.0.0.1", "2002:7f00:1::" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(allowed); i++)
        ck_assert_msg(!refused(allowed[i], &list), "%s", allowed[i]);
    for (size_t i = 0; i < UNIT_TEST_COUNT(still); i++)
        ck_assert_msg(refused(still[i], &list), "%s", still[i]);
}
END_TEST

START_TEST(test_address_rules__lists)
{
    static const char *const good[] = { "", " ", "0.0.0.0/0", "::/0", "::ffff:0:0/96", "1.2.3.4", "1.2.3.4/32", "::1/128", "255.255.255.255/32" };
    static const char *const bad[] = { ",", "1.2.3.4,", ",1.2.3.4", "1.2.3.4 5.6.7.8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
                                       "10.0.0.0/08", "10.0.0.0/8/8", "10/8", "::1/129", "fe80::1/64", "localhost", "1.2.3.4/ 32", "/8", "10.0.0.0/8;",
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    struct address_list list;
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(address_list_parse(good[i], &list, &err) == 0, "%s: %s", good[i], err.text);
        address_list_release(&list);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(address_list_parse(bad[i], &list, &err) != 0 && err.code == ERR_INVALID && list.count == 0, "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_address_rules__ports)
{
    static const long good[] = { 80, 443, 1024, 8080, 65535 }, bad[] = { -1, 0, 1, 22, 25, 53, 79, 81, 445, 993, 1023, 65536 };
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++)
        ck_assert_msg(address_port_allowed(good[i]), "%ld", good[i]);
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++)
        ck_assert_msg(!address_port_allowed(bad[i]), "%ld", bad[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_address_rules__public_ones, test_address_rules__all_others, test_address_rules__literals,
                                          test_address_rules__what_is_allowed, test_address_rules__lists, test_address_rules__ports };
    return unit_test_run("address_rules", tests, UNIT_TEST_COUNT(tests));
}
