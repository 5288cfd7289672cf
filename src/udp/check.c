/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a datagram? Length and checksum (RFC 768; RFC 1122 4.1.3.4; RFC 8200 8.1). A checksum of
 * zero means "none" in IPv4 and is an error in IPv6: nothing else there protects the addresses.
 */
#include "udp/udp.h"

/* RFC 3828 3.1: there is a checksum, it need not cover all, and the length is IP's. */
static enum sw_drop check_lite(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                               struct sw_udp_hdr *ret_hdr)
{
    struct sw_udp_hdr hdr;
    uint32_t len = sw_packet_len(pkt);
    enum sw_drop why = sw_udplite_parse(sw_packet_head(pkt), pkt->head_len, len, &hdr);
    if (why != SW_DROP_NONE)
        return why;
    uint64_t sum = sw_csum_packet(pkt, 0, hdr.coverage);
    sum += sw_csum_pseudo(&ip->src, &ip->dst, SW_PROTO_UDPLITE, len);
    if (!hdr.has_csum || sw_csum_fold(sum) != 0xffff)
        return SW_DROP_UDP_CHECKSUM;
    *ret_hdr = hdr;
    return SW_DROP_NONE;
}

enum sw_drop sw_udp_check(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                          struct sw_udp_hdr *ret_hdr)
{
    struct sw_udp_hdr hdr;
    uint32_t len = sw_packet_len(pkt);
    if (len < SW_UDP_HDR)
        return SW_DROP_UDP_TRUNCATED;
    if (sw_packet_need(pkt, SW_UDP_HDR) != 0)
        return SW_DROP_NO_MEMORY;
    if (ip->proto == SW_PROTO_UDPLITE)
        return check_lite(pkt, ip, ret_hdr);
    enum sw_drop why = sw_udp_parse(sw_packet_head(pkt), pkt->head_len, len, &hdr);
    if (why != SW_DROP_NONE)
        return why;
    if (!sw_transport_csum_ok(pkt, ip, hdr.len))
        return SW_DROP_UDP_CHECKSUM;

    /* The datagram may be shorter than what IP carried (RFC 768, "Length"). */
    uint32_t extra = len - hdr.len;
    uint32_t behind = extra < pkt->data_len ? extra : pkt->data_len;
    if (behind)
        sw_packet_trim_back(pkt, behind);
    pkt->head_len = (uint16_t)(pkt->head_len - (extra - behind));
    *ret_hdr = hdr;
    return SW_DROP_NONE;
}
