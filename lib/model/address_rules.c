/* SPDX-License-Identifier: Apache-2.0 */
/* Network addresses by prefix. */
#include "lib/model/address_rules.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 256, IPV4_AT = 12, IPV4_BITS = 96, BITS = 128, RANGE_TEXT_MAX = 64 };

static const unsigned char mapped[IPV4_AT] = { [10] = 0xff, [11] = 0xff };

/* The first that matches says it. */
static const struct {
    unsigned char first[4];
    unsigned bits;
    const char *why;
} ipv4_refused[] = {
    { { 0, 0, 0, 0 }, 8, "an address of this host" },
    { { 10, 0, 0, 0 }, 8, "a private address" },
    { { 100, 64, 0, 0 }, 10, "an address of a carrier's private network" },
    { { 127, 0, 0, 0 }, 8, "a loopback address" },
    { { 169, 254, 0, 0 }, 16, "a link-local address" },
    { { 172, 16, 0, 0 }, 12, "a private address" },
    { { 192, 0, 0, 0 }, 24, "a reserved address" },
    { { 192, 0, 2, 0 }, 24, "an address for documentation" },
    { { 192, 88, 99, 0 }, 24, "a reserved address" },
    { { 192, 168, 0, 0 }, 16, "a private address" },
    { { 198, 18, 0, 0 }, 15, "an address for benchmarks" },
    { { 198, 51, 100, 0 }, 24, "an address for documentation" },
    { { 203, 0, 113, 0 }, 24, "an address for documentation" },
    { { 224, 0, 0, 0 }, 4, "a multicast address" },
    { { 255, 255, 255, 255 }, 32, "the broadcast address" },
    { { 240, 0, 0, 0 }, 4, "a reserved address" },
};

/* Likewise; `ipv4_at`: where the IPv4 address stands by which it is judged, 0: it is refused. */
static const struct {
    unsigned char first[16];
    unsigned bits, ipv4_at;
    const char *why;
} ipv6_special[] = {
    { { [15] = 0 }, 128, 0, "an address of this host" },
    { { [15] = 1 }, 128, 0, "a loopback address" },
    { { [10] = 0xff, [11] = 0xff }, 96, 12, NULL },
    { { 0x00, 0x64, 0xff, 0x9b }, 96, 12, NULL },          /* NAT64, RFC 6052 */
    { { 0x20, 0x02 }, 16, 2, NULL },                       /* 6to4, RFC 3056 */
    { { 0xfe, 0x80 }, 10, 0, "a link-local address" },
    { { 0xfe, 0xc0 }, 10, 0, "a private address" },        /* site-local, of old */
    { { 0xfc, 0x00 }, 7, 0, "a private address" },
    { { 0xff, 0x00 }, 8, 0, "a multicast address" },
    { { 0x20, 0x01, 0x00 }, 23, 0, "a reserved address" }, /* Teredo, ORCHID, benchmarks */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, 0, "an address for documentation" },
    { { 0x3f, 0xff, 0x00 }, 20, 0, "an address for documentation" },
};
static const unsigned char global_unicast[16] = { 0x20 };
enum { GLOBAL_UNICAST_BITS = 3 };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    unsigned mask = 0xff00u >> rest & 0xffu;
    return rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

void address_of_ipv4(const unsigned char ipv4[4], struct address *out)
{
    memcpy(out->bytes, mapped, IPV4_AT);
    memcpy(out->bytes + IPV4_AT, ipv4, 4);
}

bool address_parse(const char *text, struct address *out)
{
    unsigned char ipv4[4];
    if (inet_pton(AF_INET, text, ipv4) == 1) {
        address_of_ipv4(ipv4, out);
        return true;
    }
    return inet_pton(AF_INET6, text, out->bytes) == 1;
}

void address_list_release(struct address_list *list)
{
    free(list->ranges);
    *list = (struct address_list){ 0 };
}

/* Digits alone, without a leading zero. */
static bool parse_bits(const char *text, unsigned max, unsigned *out)
{
    size_t len = strlen(text);
    if (len < 1 || len > 3 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
        return false;
    *out = (unsigned)strtoul(text, NULL, 10);
    return *out <= max;
}

static bool nothing_beyond(const struct address_range *range)
{
    for (unsigned bit = range->bits; bit < BITS; bit++)
        if (range->first.bytes[bit / 8] & (0x80u >> bit % 8))
            return false;
    return true;
}

static bool parse_range(char *text, struct address_range *out)
{
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    bool ipv4 = !strchr(text, ':');
    unsigned bits = ipv4 ? BITS - IPV4_BITS : BITS;
    if (!address_parse(text, &out->first) || (slash && !parse_bits(slash + 1, bits, &bits)))
        return false;
    out->bits = ipv4 ? bits + IPV4_BITS : bits;
    return nothing_beyond(out);
}

/* One range of `len` bytes, with spaces around it. */
static int add_range(struct address_list *list, const char *text, size_t len, struct err *err)
{
    char copy[RANGE_TEXT_MAX];
    while (len > 0 && *text == ' ')
        text++, len--;
    while (len > 0 && text[len - 1] == ' ')
        len--;
    snprintf(copy, sizeof(copy), "%.*s", len < sizeof(copy) ? (int)len : 0, text);
    if (list->count == RANGES_MAX)
        return err_set(err, ERR_INVALID, "There are more than %d ranges of addresses.", RANGES_MAX);
    if (!parse_range(copy, &list->ranges[list->count]))
        return err_set(err, ERR_INVALID, "\"%.*s\" is no range of addresses such as 10.0.0.0/8 or fd00::/8.",
                       len < RANGE_TEXT_MAX ? (int)len : RANGE_TEXT_MAX, text);
    list->count++;
    return 0;
}

int address_list_parse(const char *text, struct address_list *out, struct err *err)
{
    cleanup(address_list_release) struct address_list list = { 0 };
    *out = (struct address_list){ 0 };
    if (text[strspn(text, " ")] == '\0')
        return 0;
    list.ranges = calloc(RANGES_MAX, sizeof(*list.ranges));
    if (!list.ranges)
        return err_internal(err, 0, "out of memory for ranges of addresses");
    for (const char *next = text; next;) {
        const char *comma = strchr(next, ',');
        if (add_range(&list, next, comma ? (size_t)(comma - next) : strlen(next), err) != 0)
            return -1;
        next = comma ? comma + 1 : NULL;
    }
    *out = list;
    list = (struct address_list){ 0 };
    return 0;
}

static const char *ipv4_why(const unsigned char ipv4[4])
{
    for (size_t i = 0; i < COUNT(ipv4_refused); i++)
        if (same_prefix(ipv4, ipv4_refused[i].first, ipv4_refused[i].bits))
            return ipv4_refused[i].why;
    return NULL;
}

const char *address_refused(const struct address *address, const struct address_list *allowed)
{
    const unsigned char *bytes = address->bytes;
    for (size_t i = 0; i < allowed->count; i++)
        if (same_prefix(bytes, allowed->ranges[i].first.bytes, allowed->ranges[i].bits))
            return NULL;
    for (size_t i = 0; i < COUNT(ipv6_special); i++)
        if (same_prefix(bytes, ipv6_special[i].first, ipv6_special[i].bits))
            return ipv6_special[i].ipv4_at ? ipv4_why(bytes + ipv6_special[i].ipv4_at) : ipv6_special[i].why;
    return same_prefix(bytes, global_unicast, GLOBAL_UNICAST_BITS) ? NULL : "a reserved address";
}

bool address_port_allowed(long port)
{
    return port == 80 || port == 443 || (port >= 1024 && port <= 65535);
}
