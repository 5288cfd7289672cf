/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters of sockets (SO_ATTACH_FILTER): programs of the classic BPF machine, which look at a packet
 * before it is queued and say how many of its bytes are kept, 0 for none.
 */
#ifndef SW_SOCK_BPF_H
#define SW_SOCK_BPF_H

#include "base/packet.h"
#include "wire/wire.h"

enum { SW_BPF_INSNS_MAX = 4096 }; /* Linux's BPF_MAXINSNS */

/* An instruction as struct sock_filter of <linux/filter.h> has it. */
struct sw_bpf_insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

/* A program that has been verified. Shared by reference, never changed. */
struct sw_bpf {
    uint32_t refs, n;
    bool asks_cpu; /* it loads the number of the processor at work */
    struct sw_bpf_insn insns[];
};

/* What a program sees: `head_len` bytes of header, then the packet's; and what is known of it. */
struct sw_bpf_view {
    const uint8_t *head;
    uint32_t head_len;
    const struct sw_packet *pkt;
    const struct sw_ip_hdr *ip;
    int iface;
    uint32_t chance; /* for programs that ask for a random number */
    uint32_t skip;   /* bytes in front of the packet that are not seen */
    uint32_t cpu;    /* the processor at work */
};

/* Copies and verifies a program. 0, -EINVAL: it is none, or does what it may not, -ENOMEM. */
int sw_bpf_new(struct sw_mem *mem, const struct sw_bpf_insn *insns, uint32_t n, struct sw_bpf **ret);
void sw_bpf_put(struct sw_mem *mem, struct sw_bpf *bpf); /* NULL is fine */
uint32_t sw_bpf_run(const struct sw_bpf *bpf, const struct sw_bpf_view *view);

#endif
