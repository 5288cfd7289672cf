/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of the BPF machine: one that is let through comes to an end on any packet. */
#include "fuzz.h"

#include <string.h>

#include "sock/bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sw_bpf_insn insns[64];
    uint32_t n = (uint32_t)(size / sizeof(insns[0]));
    struct sw_bpf *bpf = NULL;
    if (n > 64)
        n = 64;
    memcpy(insns, data, n * sizeof(insns[0]));
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_from_bytes(mem, data, (uint32_t)(size % 100));
    if (pkt && sw_bpf_new(mem, insns, n, &bpf) == 0) {
        const struct sw_ip_hdr ip = {.version = size & 1 ? 4 : 6};
        const struct sw_bpf_view view = {data, size < 20 ? (uint32_t)size : 20, pkt, &ip, 1, 7};
        (void)sw_bpf_run(bpf, &view);
        sw_bpf_put(mem, bpf);
    }
    if (pkt)
        sw_packet_free(pkt);
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
    return 0;
}
