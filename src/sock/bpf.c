/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classic BPF machine (McCanne and Jacobson, "The BSD Packet Filter", 1993), with Linux's
 * additions and rules: an accumulator A, an index X, 16 words of memory, and jumps forward only.
 *
 * Invariants of a program that sw_bpf_new() has let through:
 *   1. every instruction is one of the machine's; every jump lands inside, behind itself;
 *   2. the last instruction returns; so each run ends after at most n steps;
 *   3. no word of memory is read on any path that has not written it;
 *   4. nothing is divided by a constant 0, or shifted by a constant beyond the word.
 * A load from beyond the packet, or a division by X that is 0, ends the run: the packet goes.
 */
#include <errno.h>
#include <string.h>

#include "sock/bpf.h"

enum { WORDS = 16 };

/* The fields of an instruction's code. */
enum { LD, LDX, ST, STX, ALU, JMP, RET, MISC };
enum { W = 0x00, H = 0x08, B = 0x10 };
enum { IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xa0 };
enum {
    ADD = 0x00,
    SUB = 0x10,
    MUL = 0x20,
    DIV = 0x30,
    OR = 0x40,
    AND = 0x50,
    LSH = 0x60,
    RSH = 0x70,
    NEG = 0x80,
    MOD = 0x90,
    XOR = 0xa0
};
enum { JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
enum { K = 0x00, X = 0x08, A = 0x10 }; /* the operand; what is returned */
enum { TAX = 0x00, TXA = 0x80 };

/* Offsets that are no offsets: <linux/filter.h>. */
#define AD_OFF (-0x1000)    /* what is known of the packet, and Linux's other additions */
#define NET_OFF (-0x100000) /* from the IP header on */
enum {
    AD_PROTOCOL = 0,
    AD_PKTTYPE = 4,
    AD_IFINDEX = 8,
    AD_HATYPE = 28,
    AD_CPU = 36,
    AD_ALU_XOR_X = 40,
    AD_RANDOM = 56,
    AD_MAX = 64
};

static unsigned class_of(const struct sw_bpf_insn *i)
{
    return i->code & 7U;
}

/* ---- verification ---------------------------------------------------------------------- */

/* Of loads from the packet: A may have any size and an index, X is told a header's length. */
static bool known_load(const struct sw_bpf_insn *i)
{
    unsigned size = i->code & 0x18U, mode = i->code & 0xe0U;
    if (i->code & 0xff00)
        return false;
    if (class_of(i) == LDX && mode == MSH)
        return size == B;
    if (mode == IMM || mode == MEM || mode == LEN)
        return size == W;
    return class_of(i) == LD && (mode == ABS || mode == IND) && size <= B;
}

static bool known(const struct sw_bpf_insn *i)
{
    unsigned op = i->code & 0xf0U;
    switch (class_of(i)) {
    case LD:
    case LDX:
        return known_load(i);
    case ST:
    case STX:
        return i->code <= STX;
    case ALU:
        return i->code <= 0xff && op <= XOR && (op != NEG || !(i->code & X));
    case JMP:
        return i->code <= 0xff && op <= JSET && (op != JA || !(i->code & X));
    case RET:
        return i->code == (RET | K) || i->code == (RET | A);
    default:
        return i->code == (MISC | TAX) || i->code == (MISC | TXA);
    }
}

/* Whether constants and jumps of an instruction that has `behind` others behind it are fine. */
static bool sound(const struct sw_bpf_insn *i, uint32_t behind)
{
    unsigned op = i->code & 0xf0U;
    bool constant = !(i->code & X);
    switch (class_of(i)) {
    case ALU:
        if (constant && (op == DIV || op == MOD))
            return i->k != 0;
        return !(constant && (op == LSH || op == RSH)) || i->k < 32;
    case JMP:
        return op == JA ? i->k < behind : i->jt < behind && i->jf < behind;
    case LD:
        if ((i->code & 0xe0U) == ABS && i->k >= (uint32_t)AD_OFF)
            return i->k - (uint32_t)AD_OFF < AD_MAX && (i->k & 3) == 0;
        return (i->code & 0xe0U) != MEM || i->k < WORDS;
    case LDX:
        return (i->code & 0xe0U) != MEM || i->k < WORDS;
    case ST:
    case STX:
        return i->k < WORDS;
    default:
        return true;
    }
}

/* Invariant 3. `written` is per instruction which words all that jump there have written. */
static bool reads_what_it_wrote(const struct sw_bpf *bpf, uint16_t *written)
{
    uint16_t now = 0;
    memset(written, 0xff, bpf->n * sizeof(*written));
    for (uint32_t pc = 0; pc < bpf->n; pc++) {
        const struct sw_bpf_insn *i = &bpf->insns[pc];
        unsigned class = class_of(i);
        now &= written[pc];
        if (class == ST || class == STX)
            now |= (uint16_t)(1U << i->k);
        if ((class == LD || class == LDX) && (i->code & 0xe0U) == MEM && !(now >> i->k & 1))
            return false;
        if (class != JMP)
            continue;
        if ((i->code & 0xf0U) == JA) {
            written[pc + 1 + i->k] &= now;
        } else {
            written[pc + 1 + i->jt] &= now;
            written[pc + 1 + i->jf] &= now;
        }
        now = UINT16_MAX;
    }
    return true;
}

static int verify(struct sw_mem *mem, const struct sw_bpf *bpf)
{
    for (uint32_t pc = 0; pc < bpf->n; pc++)
        if (!known(&bpf->insns[pc]) || !sound(&bpf->insns[pc], bpf->n - 1 - pc))
            return -EINVAL;
    if (class_of(&bpf->insns[bpf->n - 1]) != RET)
        return -EINVAL;
    uint16_t *written = sw_mem_alloc(mem, bpf->n * sizeof(*written));
    if (!written)
        return -ENOMEM;
    bool fine = reads_what_it_wrote(bpf, written);
    sw_mem_free(mem, written, bpf->n * sizeof(*written));
    return fine ? 0 : -EINVAL;
}

static size_t size_of(uint32_t n)
{
    return sizeof(struct sw_bpf) + n * sizeof(struct sw_bpf_insn);
}

int sw_bpf_new(struct sw_mem *mem, const struct sw_bpf_insn *insns, uint32_t n, struct sw_bpf **ret)
{
    if (!insns || n == 0 || n > SW_BPF_INSNS_MAX)
        return -EINVAL;
    struct sw_bpf *bpf = sw_mem_alloc(mem, size_of(n));
    if (!bpf)
        return -ENOMEM;
    bpf->refs = 1;
    bpf->n = n;
    memcpy(bpf->insns, insns, n * sizeof(*insns));
    int r = verify(mem, bpf);
    bpf->asks_cpu = false;
    for (uint32_t i = 0; i < n; i++)
        if (class_of(&insns[i]) == LD && insns[i].k == (uint32_t)(AD_OFF + AD_CPU))
            bpf->asks_cpu = true;
    if (r < 0)
        sw_mem_free(mem, bpf, size_of(n));
    else
        *ret = bpf;
    return r;
}

void sw_bpf_put(struct sw_mem *mem, struct sw_bpf *bpf)
{
    if (bpf && --bpf->refs == 0)
        sw_mem_free(mem, bpf, size_of(bpf->n));
}

/* ---- the machine ----------------------------------------------------------------------- */

struct machine {
    const struct sw_bpf_view *view;
    uint32_t a, x, len;
    uint32_t memory[WORDS];
};

/* `n` bytes of the packet, in network byte order. False: it has not so many. */
static bool bytes_at(const struct machine *m, uint32_t at, uint32_t n, uint32_t *ret)
{
    const struct sw_bpf_view *v = m->view;
    uint8_t p[4];
    if (at > m->len || n > m->len - at)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (at + i < v->head_len)
            p[i] = v->head[at + i];
        else
            (void)sw_packet_copy(v->pkt, v->skip + at + i - v->head_len, &p[i], 1);
    }
    *ret = 0;
    for (uint32_t i = 0; i < n; i++)
        *ret = *ret << 8 | p[i];
    return true;
}

/* What is known of the packet; of what does not exist here, 0. */
static uint32_t ancillary(const struct machine *m, uint32_t what)
{
    enum { ETHERTYPE4 = 0x0800, ETHERTYPE6 = 0x86dd, ARPHRD_LOOPBACK = 772 };
    const struct sw_bpf_view *v = m->view;
    switch (what) {
    case AD_PROTOCOL:
        return v->ip->version == 4 ? ETHERTYPE4 : ETHERTYPE6;
    case AD_IFINDEX:
        return (uint32_t)v->iface;
    case AD_HATYPE:
        return ARPHRD_LOOPBACK;
    case AD_CPU:
        return v->cpu;
    case AD_ALU_XOR_X:
        return m->a ^ m->x;
    case AD_RANDOM:
        return v->chance;
    default:
        return 0;
    }
}

/* A byte or more from the IP header on: its fixed part is made again from what was read of it. */
static bool from_network(const struct machine *m, uint32_t at, uint32_t n, uint32_t *ret)
{
    uint8_t hdr[SW_IP6_HDR] = {0};
    const struct sw_ip_hdr *ip = m->view->ip;
    uint32_t hdr_len = ip->version == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    uint32_t len = hdr_len + ip->payload_len;
    if (at >= hdr_len)
        return bytes_at(m, at - hdr_len, n, ret);
    if (at + n > hdr_len)
        return false;
    if (ip->version == 4) { /* RFC 791 3.1 */
        hdr[0] = 0x45;
        hdr[1] = ip->tos;
        hdr[2] = (uint8_t)(len >> 8);
        hdr[3] = (uint8_t)len;
        hdr[8] = ip->ttl;
        hdr[9] = ip->proto;
        memcpy(hdr + 12, ip->src.b + 12, 4);
        memcpy(hdr + 16, ip->dst.b + 12, 4);
    } else { /* RFC 8200 3 */
        hdr[0] = (uint8_t)(0x60 | ip->tos >> 4);
        hdr[1] = (uint8_t)(ip->tos << 4);
        hdr[4] = (uint8_t)(ip->payload_len >> 8);
        hdr[5] = (uint8_t)ip->payload_len;
        hdr[6] = ip->proto;
        hdr[7] = ip->ttl;
        memcpy(hdr + 8, ip->src.b, 16);
        memcpy(hdr + 24, ip->dst.b, 16);
    }
    for (*ret = 0; n > 0; n--)
        *ret = *ret << 8 | hdr[at++];
    return true;
}

static bool load(struct machine *m, const struct sw_bpf_insn *i, uint32_t *ret)
{
    unsigned size = i->code & 0x18U;
    uint32_t n = size == W ? 4 : size == H ? 2 : 1;
    uint32_t at = i->k;
    switch (i->code & 0xe0U) {
    case IMM:
        *ret = i->k;
        return true;
    case MEM:
        *ret = m->memory[i->k];
        return true;
    case LEN:
        *ret = m->len;
        return true;
    case MSH: /* the length of an IPv4 header, out of its first byte */
        if (!bytes_at(m, at, 1, ret))
            return false;
        *ret = (*ret & 0xf) << 2;
        return true;
    case IND:
        at += m->x;
        break;
    default:
        if (at >= (uint32_t)AD_OFF) {
            *ret = ancillary(m, at - (uint32_t)AD_OFF);
            return true;
        }
    }
    if (at >= (uint32_t)NET_OFF)
        return from_network(m, at - (uint32_t)NET_OFF, n, ret);
    return bytes_at(m, at, n, ret);
}

/* False: a division by 0. */
static bool calculate(struct machine *m, unsigned op, uint32_t v)
{
    switch (op) {
    case ADD:
        m->a += v;
        break;
    case SUB:
        m->a -= v;
        break;
    case MUL:
        m->a *= v;
        break;
    case DIV:
    case MOD:
        if (v == 0)
            return false;
        m->a = op == DIV ? m->a / v : m->a % v;
        break;
    case OR:
        m->a |= v;
        break;
    case AND:
        m->a &= v;
        break;
    case LSH:
        m->a <<= v & 31;
        break;
    case RSH:
        m->a >>= v & 31;
        break;
    case XOR:
        m->a ^= v;
        break;
    default:
        m->a = 0 - m->a;
    }
    return true;
}

static uint32_t jump(const struct machine *m, const struct sw_bpf_insn *i)
{
    uint32_t v = i->code & X ? m->x : i->k;
    switch (i->code & 0xf0U) {
    case JEQ:
        return m->a == v ? i->jt : i->jf;
    case JGT:
        return m->a > v ? i->jt : i->jf;
    case JGE:
        return m->a >= v ? i->jt : i->jf;
    case JSET:
        return (m->a & v) != 0 ? i->jt : i->jf;
    default:
        return i->k;
    }
}

uint32_t sw_bpf_run(const struct sw_bpf *bpf, const struct sw_bpf_view *view)
{
    struct machine m = {.view = view,
                        .len = view->head_len + sw_packet_len(view->pkt) - view->skip};
    for (uint32_t pc = 0; pc < bpf->n; pc++) {
        const struct sw_bpf_insn *i = &bpf->insns[pc];
        bool fine = true;
        switch (class_of(i)) {
        case LD:
            fine = load(&m, i, &m.a);
            break;
        case LDX:
            fine = load(&m, i, &m.x);
            break;
        case ST:
            m.memory[i->k] = m.a;
            break;
        case STX:
            m.memory[i->k] = m.x;
            break;
        case ALU:
            fine = calculate(&m, i->code & 0xf0U, i->code & X ? m.x : i->k);
            break;
        case JMP:
            pc += jump(&m, i);
            break;
        case RET:
            return i->code == (RET | A) ? m.a : i->k;
        default:
            if (i->code == (MISC | TAX))
                m.x = m.a;
            else
                m.a = m.x;
        }
        if (!fine)
            return 0;
    }
    return 0;
}
