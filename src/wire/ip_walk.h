/* SPDX-License-Identifier: BSD-2-Clause */
/* What ip.c, ip6_ext.c and icmp.c of this layer share. */
#ifndef SW_WIRE_IP_WALK_H
#define SW_WIRE_IP_WALK_H

#include "wire/wire.h"

enum { SW_IP6_NEXT_FRAGMENT = 44 }; /* IANA, Internet protocol numbers */

/* Walks the extension headers behind a fixed IPv6 header that was read into hdr, in a packet that
 * ends at `total` and is contiguous up to `have`. Moves hdr->hdr_len and hdr->proto on, and fills
 * in the fragment's fields. Stops behind the fragment header of a fragment: what follows it belongs
 * to the reassembled packet. */
enum sw_drop sw_ip6_walk(const uint8_t *p, size_t have, size_t total, struct sw_ip_hdr *hdr);

/* Prepends extension headers to what begins with header `next`. Returns what they begin with. */
uint8_t sw_ip6_push_extensions(struct sw_packet *pkt, const struct sw_extensions *extensions,
                               uint8_t next);

/* The headers of a packet that an ICMP error quotes: cut off anywhere behind them, checksums not
 * looked at, for routers on the way change them. False: not even the headers are there. */
bool sw_ip_read_quoted(const uint8_t *p, size_t have, struct sw_ip_hdr *ret_hdr);

#endif
