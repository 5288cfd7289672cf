/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP headers and options: what is read can be written, and reads the same again. */
#include "fuzz.h"

#include <string.h>

#include "wire/wire.h"

static void round_trip(const struct sw_tcp_hdr *hdr)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip src = SW_IP4(10, 0, 0, 1), dst = SW_IP4(10, 0, 0, 2);
    uint8_t len = sw_tcp_push_hdr(pkt, hdr, &src, &dst);
    struct sw_tcp_hdr again;
    SW_ASSERT(len == pkt->head_len && len <= SW_TCP_HDR_MAX);
    SW_ASSERT(sw_tcp_parse(sw_packet_head(pkt), len, len, &again) == SW_DROP_NONE);
    SW_ASSERT(again.flags == hdr->flags && again.seq.v == hdr->seq.v && again.ack.v == hdr->ack.v);
    SW_ASSERT(again.has_mss == hdr->has_mss && again.mss == hdr->mss);
    SW_ASSERT(again.has_wscale == hdr->has_wscale && again.wscale == hdr->wscale);
    SW_ASSERT(again.has_ts == hdr->has_ts && again.ts_val == hdr->ts_val &&
              again.ts_ecr == hdr->ts_ecr);
    SW_ASSERT(again.sack_ok == hdr->sack_ok && again.has_tfo == hdr->has_tfo);
    SW_ASSERT(again.tfo_len == hdr->tfo_len &&
              memcmp(again.tfo_cookie, hdr->tfo_cookie, hdr->tfo_len) == 0);
    SW_ASSERT(again.n_sacks <= hdr->n_sacks);
    sw_packet_free(pkt);
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_tcp_hdr hdr;
    for (size_t have = 0; have < size && have < SW_TCP_HDR_MAX; have++)
        (void)sw_tcp_parse(data, have, size, &hdr);
    if (sw_tcp_parse(data, size, size, &hdr) != SW_DROP_NONE)
        return 0;
    SW_ASSERT(hdr.hdr_len >= SW_TCP_HDR && hdr.hdr_len <= SW_TCP_HDR_MAX && hdr.hdr_len <= size);
    SW_ASSERT(hdr.wscale <= 14 && hdr.n_sacks <= SW_TCP_SACKS &&
              hdr.tfo_len <= sizeof(hdr.tfo_cookie));
    SW_ASSERT(!hdr.has_mss || hdr.mss > 0);
    round_trip(&hdr);
    return 0;
}
