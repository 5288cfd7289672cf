/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter language of inet_diag: a row of conditions, each of which jumps forward by one of two
 * distances. To arrive exactly at the end is yes; to jump beyond it is no. Jumps never go back, so
 * each program ends.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/diag.h"

/* The first `bits` of two addresses. */
static bool same_prefix(const void *a, const void *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    const uint8_t *x = a, *y = b;

    return memcmp(x, y, bytes) == 0 &&
           (rest == 0 || ((x[bytes] ^ y[bytes]) & (0xff00U >> rest & 0xffU)) == 0);
}

/* An address condition; it lies behind its operation in `len` bytes. */
static bool host_matches(const uint8_t *code, size_t len, const struct inet_diag_msg *m,
                         const uint32_t addr[4], uint16_t port)
{
    static const uint32_t mapped[3] = {0, 0, 0};
    struct inet_diag_hostcond cond;
    uint32_t wanted[4] = {0};
    unsigned family = m->idiag_family;

    if (len < sizeof(cond))
        return false;
    memcpy(&cond, code, sizeof(cond));
    size_t room = len - sizeof(cond) < sizeof(wanted) ? len - sizeof(cond) : sizeof(wanted);
    memcpy(wanted, code + sizeof(cond), room);
    if (cond.prefix_len > room * 8 || (cond.port != -1 && cond.port != port))
        return false;
    if (cond.family != AF_UNSPEC && cond.family != family) { /* IPv4 within an IPv6 socket */
        if (family != AF_INET6 || cond.family != AF_INET || memcmp(addr, mapped, 8) != 0 ||
            addr[2] != htonl(0xffff) || cond.prefix_len > 32)
            return false;
        addr += 3;
    } else if (family == AF_INET && cond.prefix_len > 32) {
        return false;
    }
    return same_prefix(addr, wanted, cond.prefix_len);
}

static uint32_t word_at(const uint8_t *code, size_t len)
{
    uint32_t word = 0;
    if (len >= sizeof(word))
        memcpy(&word, code, sizeof(word));
    return word;
}

static bool mark_matches(const uint8_t *code, size_t len, uint32_t mark)
{
    struct inet_diag_markcond cond;

    if (len < sizeof(cond))
        return false;
    memcpy(&cond, code, sizeof(cond));
    return (mark & cond.mask) == cond.mark;
}

/* One operation at the front of `code`; what it takes as arguments lies behind it. */
static bool holds(const uint8_t *code, size_t len, const struct inet_diag_msg *m,
                  const struct diag_socket *s)
{
    struct inet_diag_bc_op op, next = {0};
    uint16_t sport = ntohs(m->id.idiag_sport), dport = ntohs(m->id.idiag_dport);

    memcpy(&op, code, sizeof(op));
    code += sizeof(op);
    len -= sizeof(op);
    if (len >= sizeof(next))
        memcpy(&next, code, sizeof(next));
    switch (op.code) {
    case INET_DIAG_BC_NOP:
        return true;
    case INET_DIAG_BC_S_EQ:
        return sport == next.no;
    case INET_DIAG_BC_S_GE:
        return sport >= next.no;
    case INET_DIAG_BC_S_LE:
        return sport <= next.no;
    case INET_DIAG_BC_D_EQ:
        return dport == next.no;
    case INET_DIAG_BC_D_GE:
        return dport >= next.no;
    case INET_DIAG_BC_D_LE:
        return dport <= next.no;
    case INET_DIAG_BC_AUTO:
        return !s->info.port_chosen;
    case INET_DIAG_BC_S_COND:
        return host_matches(code, len, m, m->id.idiag_src, sport);
    case INET_DIAG_BC_D_COND:
        return host_matches(code, len, m, m->id.idiag_dst, dport);
    case INET_DIAG_BC_DEV_COND:
        return len >= 4 && word_at(code, len) == m->id.idiag_if;
    case INET_DIAG_BC_MARK_COND:
        return mark_matches(code, len, s->mark);
    default: /* INET_DIAG_BC_JMP; INET_DIAG_BC_CGROUP_COND: they are in none of its groups */
        return false;
    }
}

bool diag_filter_passes(const uint8_t *code, size_t len, const struct inet_diag_msg *m,
                        const struct diag_socket *s)
{
    struct inet_diag_bc_op op;

    while (len >= sizeof(op)) {
        memcpy(&op, code, sizeof(op));
        size_t step = holds(code, len, m, s) ? op.yes : op.no;
        if (step < sizeof(op) || step > len)
            return false;
        code += step;
        len -= step;
    }
    return len == 0;
}

bool diag_filter_asks_mark(const uint8_t *code, size_t len)
{
    struct inet_diag_bc_op op;

    while (len >= sizeof(op)) {
        memcpy(&op, code, sizeof(op));
        if (op.code == INET_DIAG_BC_MARK_COND)
            return true;
        if (op.yes < sizeof(op) || op.yes > len)
            break;
        code += op.yes;
        len -= op.yes;
    }
    return false;
}
