/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a name server of the run says: names to addresses and back (RFC 1035), from a short list.
 *
 * Pure: a query goes in, an answer comes out. Known are the names given here, `localhost` and all
 * below it (RFC 6761 6.3), and nothing else: the answer for another name is that it does not exist,
 * at once, so that no program waits for a network that is not there. Messages are taken apart and
 * names compressed by the C library's resolver(3).
 */
#ifndef SW_RUN_DNS_H
#define SW_RUN_DNS_H

#include <stddef.h>
#include <stdint.h>

#include <sockworks/sockworks.h>

enum {
    DNS_PORT = 53,         /* RFC 1035 4.2 */
    DNS_MESSAGE_MAX = 512, /* bytes of an answer over UDP: RFC 1035 4.2.1 */
    DNS_NAME_MAX = 253,    /* bytes of a name as text: RFC 1035 3.1, 255 on the wire */
    DNS_NAMES_MAX = 64,
};

/* One name. Without an address of its own it is at both loopback addresses. */
struct dns_name {
    char text[DNS_NAME_MAX + 1]; /* no dot at its end */
    bool has_ip;
    struct sw_ip ip;
};

struct dns_names {
    struct dns_name list[DNS_NAMES_MAX];
    size_t n;
};

/* Adds "NAME" or "NAME=ADDRESS". 0, or -EINVAL (no such name or address), -ENOSPC. */
int dns_names_add(struct dns_names *names, const char *text);

/* The answer to a query of `len` bytes: its length, or 0 where nothing is to be said (no query, or
 * too short to be told anything). */
size_t dns_answer(const struct dns_names *names, const uint8_t *query, size_t len,
                  uint8_t ret_answer[DNS_MESSAGE_MAX]);

#endif
