/* SPDX-License-Identifier: BSD-2-Clause */
/* Marking packets: see mark.h. The header lies in the packet's own head, so no copy is needed. */
#include "link/mark.h"

#include "wire/offload.h"

enum { NOT_ECT = 0, CE = 3 }; /* the ECN field: the low two bits of TOS or traffic class */

#define IP6_ECN_SHIFT 4 /* where it lies in an IPv6 header's second byte (RFC 8200 3) */

bool sw_link_mark(struct sw_packet *pkt)
{
    uint8_t *ip = sw_packet_head(pkt);
    unsigned version = pkt->head_len > 0 ? ip[0] >> 4 : 0;
    unsigned shift = version == 6 ? IP6_ECN_SHIFT : 0, ecn;

    if (!(version == 4 && pkt->head_len >= SW_IP4_HDR) &&
        !(version == 6 && pkt->head_len >= SW_IP6_HDR))
        return false;
    ecn = (unsigned)ip[1] >> shift & 3U;
    if (ecn == NOT_ECT || ecn == CE)
        return false;
    if (version == 4)
        sw_offload_ip4_put(ip, 0, (uint16_t)(sw_get16(ip) | CE));
    else
        ip[1] |= CE << IP6_ECN_SHIFT;
    return true;
}
