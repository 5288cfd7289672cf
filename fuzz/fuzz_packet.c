/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets from bytes: any bytes give a packet of the same bytes, and its checksum can be looked at,
 * filled in and verified. */
#include "fuzz.h"

#include <string.h>

#include "wire/wire.h"

static void assert_same(const struct sw_packet *pkt, const uint8_t *data, size_t size)
{
    static uint8_t back[SW_PACKET_MAX + SW_IP6_HDR];
    SW_ASSERT(sw_packet_len(pkt) == size);
    SW_ASSERT(sw_packet_copy(pkt, 0, back, sizeof(back)) == size);
    SW_ASSERT(memcmp(back, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_from_bytes(mem, data, size);
    SW_ASSERT((pkt != NULL) == (size > 0 && size <= SW_PACKET_MAX + SW_IP6_HDR));
    if (pkt) {
        assert_same(pkt, data, size);
        struct sw_ip_hdr ip;
        enum sw_drop why = sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, size, &ip);
        if (why == SW_DROP_NONE && !ip.fragment) {
            /* Pretend it was made here, with the pseudo-header's sum in its place. */
            struct sw_packet *made = sw_packet_clone(pkt);
            made->csum = SW_CSUM_NEEDED;
            sw_packet_fill_csum(made);
            sw_packet_free(made);
            sw_packet_pull(pkt, (uint16_t)ip.hdr_len);
            (void)sw_transport_csum_ok(pkt, &ip, ip.payload_len);
            sw_packet_push(pkt, (uint16_t)ip.hdr_len);
        }
        assert_same(pkt, data, size);
        if (sw_packet_need(pkt, 100) == 0)
            assert_same(pkt, data, size);
        if (sw_packet_head_to_data(pkt) == 0)
            assert_same(pkt, data, size);
        sw_packet_free(pkt);
    }
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
    return 0;
}
