/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a try to deliver a webhook, which URLs are taken, and signatures as the standard's own example has them. */
#include <string.h>

#include "lib/io/digest.h"
#include "lib/io/url.h"
#include "lib/service/delivery.h"
#include "lib/service/delivery_rules.h"
#include "lib/service/webhooks.h"
#include "tests/unit/unit_test.h"

static struct delivery_verdict judge(struct delivery_try delivery_try)
{
    struct delivery_verdict verdict;
    delivery_judge(&delivery_try, &verdict);
    return verdict;
}

START_TEST(test_delivery_rules__what_counts_as_delivered)
{
    static const struct { int status; enum webhook_status outcome; } cases[] = {
        { 200, WEBHOOK_DELIVERED }, { 201, WEBHOOK_DELIVERED }, { 204, WEBHOOK_DELIVERED }, { 299, WEBHOOK_DELIVERED }, { 199, WEBHOOK_WAITING },
        { 301, WEBHOOK_WAITING }, { 308, WEBHOOK_WAITING }, { 400, WEBHOOK_WAITING }, { 404, WEBHOOK_WAITING }, { 410, WEBHOOK_GIVEN_UP },
        { 429, WEBHOOK_WAITING }, { 500, WEBHOOK_WAITING }, { 0, WEBHOOK_WAITING },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++)
        ck_assert_msg(judge((struct delivery_try){ .attempts = 1, .status = cases[i].status }).status == cases[i].outcome, "%d", cases[i].status);
    /* an answer that came counts, whatever address was refused besides */
    ck_assert_int_eq(judge((struct delivery_try){ .attempts = 1, .refused = "x" }).status, WEBHOOK_GIVEN_UP);
    ck_assert_int_eq(judge((struct delivery_try){ .attempts = 1, .refused = "x", .status = 200 }).status, WEBHOOK_DELIVERED);
}
END_TEST

/* Longer each time, never the same, for a day. */
START_TEST(test_delivery_rules__pauses)
{
    static const int64_t wanted_s[] = { 5, 30, 120, 600, 1800, 3600, 7200, 14400, 14400, 14400 };
    int64_t age_ms = 0;
    for (int64_t i = 0; i < (int64_t)UNIT_TEST_COUNT(wanted_s); i++) {
        int64_t low = judge((struct delivery_try){ .attempts = i + 1, .random = 0 }).due_in_ms;
        int64_t high = judge((struct delivery_try){ .attempts = i + 1, .random = 30 }).due_in_ms;
        ck_assert_int_eq(low, wanted_s[i] * 850);
        ck_assert_int_eq(high, wanted_s[i] * 1150);
    }
    int64_t tries = 0;
    for (struct delivery_verdict verdict = { 0 }; verdict.status == WEBHOOK_WAITING; age_ms += verdict.due_in_ms)
        verdict = judge((struct delivery_try){ .attempts = ++tries, .age_ms = age_ms, .random = 15 });
    ck_assert_int_ge(tries, 11);
    ck_assert_int_le(tries, 14);
    ck_assert_int_eq(judge((struct delivery_try){ .attempts = 1, .age_ms = DELIVERY_DAY_MS - 4000 }).status, WEBHOOK_GIVEN_UP);
}
END_TEST

START_TEST(test_delivery_rules__retry_after_within_bounds)
{
    static const struct { int64_t asked_s, from_s, to_s; } cases[] = { { 1, 4, 6 }, { 100, 100, 100 }, { 1000000000000, 14400, 14400 }, { -5, 4, 6 } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        int64_t due = judge((struct delivery_try){ .attempts = 1, .status = 503, .retry_after_s = cases[i].asked_s }).due_in_ms / 1000;
        ck_assert_msg(due >= cases[i].from_s && due <= cases[i].to_s, "%d", (int)i);
    }
}
END_TEST

START_TEST(test_delivery_rules__urls)
{
    static const struct { const char *url, *host; long port; } good[] = {
        { "http://a.example", "a.example", 80 }, { "https://a.example/x?y=z", "a.example", 443 }, { "HTTPS://A.example:8443/", "A.example", 8443 },
        { "http://[2001:db8::1]:9000/", "2001:db8::1", 9000 }, { "http://127.1/", "127.0.0.1", 80 }, { "http://0x7f000001/", "127.0.0.1", 80 },
        { "http://2130706433/", "127.0.0.1", 80 }, { "http://0177.0.0.1/", "127.0.0.1", 80 }, { "http://a.example?x", "a.example", 80 },
    };
    static const char *const bad[] = { "", "a", "http:", "http://", "http:///x", "http:/a", "//a", "http://a b", "http://a\\b", "http://u@a/", "http://u:p@a/",
                                       "http://:p@a/", "http://@a/", "http://a/#f", "http://a/#", "http://a:99999/", "http://a:x/", "http://[::1%25lo]/", "http://[::1", "http://\xc3\xa4/",
                                       "http://a/\n", "http://a%20b/", "nothing://a/", "http://?x", "http://#" };
    struct url_parts parts;
    for (size_t i = 0; i < UNIT_TEST_COUNT(good); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(url_parse(good[i].url, &parts, &err) == 0, "%s: %s", good[i].url, err.text);
        ck_assert_str_eq(parts.host, good[i].host);
        ck_assert_int_eq(parts.port, good[i].port);
    }
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        struct err err = ERR_INIT;
        ck_assert_msg(url_parse(bad[i], &parts, &err) != 0 && err.code == ERR_INVALID, "%s", bad[i]);
    }
}
END_TEST

/* RFC 4231, test case 2. */
START_TEST(test_delivery_rules__hmac)
{
    static const unsigned char expected[4] = { 0x5b, 0xdc, 0xc1, 0x46 };
    unsigned char digest[DIGEST_SIZE];
    char text[DIGEST_BASE64_SIZE];
    struct err err = ERR_INIT;
    ck_assert_int_eq(digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest, &err), 0);
    ck_assert_mem_eq(digest, expected, sizeof(expected));
    digest_base64(digest, text);
    ck_assert_str_eq(text, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}
END_TEST

START_TEST(test_delivery_rules__secrets_differ_by_owner_and_key)
{
    struct webhook_settings settings = { .key = (char *)"0123456789abcdef0123456789abcdef", .key_before = (char *)"", .schemes = (char *)"https" };
    char mine[WEBHOOK_SECRET_SIZE], again[WEBHOOK_SECRET_SIZE], yours[WEBHOOK_SECRET_SIZE];
    struct err err = ERR_INIT;
    ck_assert_int_eq(webhook_secret(&settings, "me", false, mine, &err), 0);
    ck_assert_int_eq(webhook_secret(&settings, "me", false, again, &err), 0);
    ck_assert_int_eq(webhook_secret(&settings, "you", false, yours, &err), 0);
    ck_assert(strncmp(mine, "whsec_", 6) == 0 && strlen(mine) == WEBHOOK_SECRET_SIZE - 1);
    ck_assert_str_eq(mine, again);
    ck_assert_str_ne(mine, yours);
    ck_assert_int_ne(webhook_secret(&settings, "me", true, again, &err), 0);
    settings.key = (char *)"1123456789abcdef0123456789abcdef";
    ck_assert_int_eq(webhook_secret(&settings, "me", false, again, &err), 0);
    ck_assert_str_ne(mine, again);
    ck_assert_int_ne(webhook_check_url(&settings, "http://a.example/", &err), 0); /* https only */
    ck_assert_int_eq(webhook_check_url(&settings, "https://a.example/", &err), 0);
    ck_assert_int_eq(webhook_check_url(&settings, NULL, &err), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_delivery_rules__what_counts_as_delivered, test_delivery_rules__pauses, test_delivery_rules__retry_after_within_bounds,
                                   test_delivery_rules__urls, test_delivery_rules__hmac, test_delivery_rules__secrets_differ_by_owner_and_key };
    return unit_test_run("delivery_rules", tests, UNIT_TEST_COUNT(tests));
}
