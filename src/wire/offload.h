/* SPDX-License-Identifier: BSD-2-Clause */
/* What gso.c and gro.c share. */
#ifndef SW_WIRE_OFFLOAD_H
#define SW_WIRE_OFFLOAD_H

#include "wire/wire.h"

enum { TCP_SEQ = 4, TCP_ACK = 8, TCP_FLAGS = 12, TCP_WINDOW = 14, TCP_CSUM = 16 }; /* offsets */
enum { IP4_TOTAL_LEN = 2, IP4_ID = 4, IP4_CSUM = 10, IP6_PAYLOAD_LEN = 4 };

/* Changes a word of an IPv4 header and its checksum with it (RFC 1624). */
void sw_offload_ip4_put(uint8_t *ip, unsigned at, uint16_t to);

/* Makes the headers agree with the packet's length: the IP length and checksum, and the length in
 * the pseudo-header's sum, which lies in TCP's checksum field. */
void sw_offload_fix_lengths(struct sw_packet *pkt, uint32_t ip_len);

/* Puts the pseudo-header's sum in place of a whole checksum that was right. */
void sw_offload_unfill_csum(struct sw_packet *pkt, uint32_t ip_len);

#endif
