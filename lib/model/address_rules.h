/* SPDX-License-Identifier: Apache-2.0 */
/* Which network addresses may be connected to on a client's word: public ones, and what an operator allows.
 *
 * Public is IPv6 global unicast (2000::/3) and IPv4 without what IANA's special-purpose registries (RFC 6890 and after) keep for other
 * uses: this host, loopback, private, link-local (with the metadata services of clouds), shared (CGNAT), multicast, broadcast, documentation,
 * benchmarks. An IPv6 address that stands for an IPv4 address (mapped, NAT64, 6to4) is judged by that; Teredo and the rest never are public. */
#ifndef SANDBOX_MODEL_ADDRESS_RULES_H
#define SANDBOX_MODEL_ADDRESS_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* IPv4 addresses are kept as ::ffff:a.b.c.d, so that both forms are one. */
struct address {
    unsigned char bytes[16];
};

struct address_range {
    struct address first;
    unsigned bits; /* of the prefix, 0..128 */
};

struct address_list {
    struct address_range *ranges; /* owned */
    size_t count;
};
void address_list_release(struct address_list *list);

/* A literal address, "192.0.2.1" or "2001:db8::1"; no zone, no brackets, no other notations of IPv4. */
bool address_parse(const char *text, struct address *out);
/* Four bytes in network order. */
void address_of_ipv4(const unsigned char ipv4[4], struct address *out);

/* "10.0.0.0/8, fd00::/8, 192.0.2.1": ranges separated by commas, a single address is a range of its own. A prefix must cover all bits that
 * are set. At most 256. ERR_INVALID says which is wrong. */
int address_list_parse(const char *text, struct address_list *out, struct err *err) must_use;

/* NULL when it may be connected to; else why not: "a private address". */
const char *address_refused(const struct address *address, const struct address_list *allowed);
/* The same for ports: 80, 443 and all from 1024 on may be; those below belong to services that a POST must not reach. */
bool address_port_allowed(long port);

#endif
