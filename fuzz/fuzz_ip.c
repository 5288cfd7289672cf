/* SPDX-License-Identifier: BSD-2-Clause */
/* IP headers of both versions. Byte 0 says how much of the packet behind it is contiguous. */
#include "fuzz.h"

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const uint8_t *p = data + 1;
    size_t total = size - 1, have = data[0] == 0 ? total : data[0];
    if (have > total)
        have = total;
    struct sw_ip_hdr hdr;
    if (sw_ip_parse_hdr(p, have, total, &hdr) != SW_DROP_NONE)
        return 0;
    SW_ASSERT(hdr.version == p[0] >> 4);
    SW_ASSERT(hdr.hdr_len >= (hdr.version == 4 ? SW_IP4_HDR : SW_IP6_HDR) && hdr.hdr_len <= have);
    SW_ASSERT(hdr.hdr_len + hdr.payload_len <= total);
    SW_ASSERT(hdr.frag_off % 8 == 0 &&
              hdr.frag_off + hdr.payload_len <= SW_PACKET_MAX + SW_IP4_HDR);
    SW_ASSERT(hdr.fragment == (hdr.more_fragments || hdr.frag_off > 0));
    SW_ASSERT((hdr.version == 4) == sw_ip_is4(&hdr.src) &&
              (hdr.version == 4) == sw_ip_is4(&hdr.dst));

    /* What was read, written again, reads the same. */
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip_hdr again, fixed = hdr;
    if (hdr.fragment) /* the packet is empty here, and no fragment may be */
        fixed.fragment = fixed.more_fragments = false, fixed.frag_off = 0;
    sw_ip_push_hdr(pkt, &fixed);
    SW_ASSERT(sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, pkt->head_len, &again) ==
                  SW_DROP_NONE ||
              hdr.proto == 0 || hdr.proto == 43 || hdr.proto == 44 || hdr.proto == 60);
    sw_packet_free(pkt);
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
    return 0;
}
