/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets: direction, what of the IP header matters, then TCP, UDP or ICMP.
 *
 *     < [ect0] 5000>8080 S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
 *     > udp (1000)
 *     < icmp unreachable frag_needed mtu 800 [0:1000(1000)]
 */
#include <string.h>

#include "script/private.h"

/* ---- the IP header ---------------------------------------------------------------------- */

static bool parse_ip_field(struct parser *p, struct spacket *packet)
{
    static const struct {
        const char *name;
        enum tos_check check;
        uint8_t value;
    } ecns[] = {{"noecn", TOS_ECN, 0},
                {"ect1", TOS_ECN, 1},
                {"ect0", TOS_ECN, 2},
                {"ce", TOS_ECN, 3},
                {"ect01", TOS_ECT01, 0}};
    long long n;

    for (size_t i = 0; i < sizeof(ecns) / sizeof(*ecns); i++)
        if (take_word(p, ecns[i].name)) {
            packet->tos_check = ecns[i].check;
            packet->tos = ecns[i].value;
            return packet->outbound || ecns[i].check != TOS_ECT01 ||
                   script_fail(p->script, SCRIPT_SYNTAX, peek(p)->pos,
                               "ect01 is for packets that leave");
        }
    if (take_word(p, "tos")) {
        packet->tos_check = TOS_ALL;
        if (!want_number(p, 0, 255, "a type of service", &n))
            return false;
        packet->tos = (uint8_t)n;
    } else if (take_word(p, "ttl")) {
        if (!want_number(p, 0, 255, "a time to live", &n))
            return false;
        packet->ttl = (uint8_t)n;
    } else if (take_word(p, "flowlabel")) {
        if (!want_number(p, 0, 0xfffff, "a flow label", &n))
            return false;
        packet->has_flow_label = n != 0;
        packet->flow_label = (uint32_t)n;
    } else {
        return wrong_token(p, "ect0, ect1, ect01, ce, noecn, tos, ttl or flowlabel");
    }
    return true;
}

static bool parse_ip_info(struct parser *p, struct spacket *packet)
{
    char close = is_mark(peek(p), '(') ? ')' : is_mark(peek(p), '[') ? ']' : '\0';
    if (close == '\0')
        return true;
    take(p);
    do {
        if (!parse_ip_field(p, packet))
            return false;
    } while (take_mark(p, ','));
    return want_mark(p, close);
}

static bool parse_ports(struct parser *p, struct spacket *packet)
{
    long long src, dst;
    if (peek(p)->kind != TOKEN_INTEGER || !is_mark(peek(p) + 1, '>'))
        return true;
    if (!want_number(p, 0, 65535, "a port", &src) || !want_mark(p, '>') ||
        !want_number(p, 0, 65535, "a port", &dst))
        return false;
    packet->src_port = (uint16_t)src;
    packet->dst_port = (uint16_t)dst;
    return true;
}

/* ---- TCP -------------------------------------------------------------------------------- */

static bool add_flags(struct parser *p, struct spacket *packet, const char *letters, struct pos pos)
{
    static const char names[] = "FSRP.UEWA"; /* from the lowest bit; W is CWR, A is AE (RFC 9768) */
    for (; *letters != '\0'; letters++) {
        const char *found = strchr(names, *letters);
        if (*letters >= '0' && *letters <= '7') {
            unsigned ace = (unsigned)(*letters - '0');
            packet->has_ace = true;
            packet->flags |= (uint16_t)(((ace & 4) ? SW_TCP_AE : 0) | ((ace & 2) ? SW_TCP_CWR : 0) |
                                        ((ace & 1) ? SW_TCP_ECE : 0));
        } else if (found != NULL) {
            packet->flags |= (uint16_t)(1U << (found - names));
        } else {
            return script_fail(p->script, SCRIPT_SYNTAX, pos,
                               "'%c' is no flag of TCP: those are F S R P . U E W A", *letters);
        }
    }
    return true;
}

static bool parse_flags(struct parser *p, struct spacket *packet)
{
    const struct token *token = peek(p);
    if (take_mark(p, '-'))
        return true;
    if (token->kind == TOKEN_WORD || token->kind == TOKEN_FLOAT) {
        if (!add_flags(p, packet, take(p)->text, token->pos))
            return false;
        token = peek(p);
        if (token->kind == TOKEN_FLOAT && token->text[0] == '.' && !token->spaced)
            return add_flags(p, packet, take(p)->text, token->pos);
        if (take_mark(p, '.'))
            packet->flags |= SW_TCP_ACK;
        return true;
    }
    if (!take_mark(p, '.'))
        return wrong_token(p, "the flags of TCP, or udp, or icmp");
    packet->flags |= SW_TCP_ACK;
    return true;
}

/* FIRST:LAST(LENGTH) */
static bool parse_range(struct parser *p, uint32_t *ret_seq, uint32_t *ret_len)
{
    struct pos pos = peek(p)->pos;
    long long first, last, len;
    if (!want_number(p, 0, UINT32_MAX, "a sequence number", &first) || !want_mark(p, ':') ||
        !want_number(p, 0, 2LL * UINT32_MAX, "a sequence number", &last) || !want_mark(p, '(') ||
        !want_number(p, 0, 65535, "a length", &len) || !want_mark(p, ')'))
        return false;
    if ((uint32_t)(last - first) != (uint32_t)len)
        return script_fail(p->script, SCRIPT_SYNTAX, pos, "from %lld to %lld are not %lld bytes",
                           first, last, len);
    *ret_seq = (uint32_t)first;
    *ret_len = (uint32_t)len;
    return true;
}

static bool parse_tcp(struct parser *p, struct spacket *packet)
{
    long long n;
    packet->proto = SW_PROTO_TCP;
    if (!parse_flags(p, packet) || !parse_range(p, &packet->seq, &packet->len))
        return false;
    if (take_word(p, "ack")) {
        if (!want_number(p, 0, UINT32_MAX, "an acknowledgment number", &n))
            return false;
        packet->ack = (uint32_t)n;
    }
    if (take_word(p, "win")) {
        if (!want_number(p, 0, 65535, "a window", &n))
            return false;
        packet->has_window = true;
        packet->window = (uint16_t)n;
    }
    if (take_word(p, "urg")) {
        if (!want_number(p, 0, 65535, "an urgent pointer", &n))
            return false;
        packet->urgent = (uint16_t)n;
    }
    /* '<' opens options, unless it is the next line's... which begins with its time. */
    return !take_mark(p, '<') || parse_tcp_options(p, packet);
}

/* ---- UDP, ICMP -------------------------------------------------------------------------- */

static bool parse_length(struct parser *p, uint32_t *ret_len)
{
    long long n;
    if (!want_mark(p, '(') || !want_number(p, 0, 65507, "a length", &n) || !want_mark(p, ')'))
        return false;
    *ret_len = (uint32_t)n;
    return true;
}

static bool parse_quote(struct parser *p, struct spacket *packet)
{
    if (take_word(p, "udp")) {
        packet->quoted_proto = SW_PROTO_UDP;
        return parse_length(p, &packet->quoted_len) && want_mark(p, ']');
    }
    packet->quoted_proto = SW_PROTO_TCP;
    return parse_range(p, &packet->quoted_seq, &packet->quoted_len) && want_mark(p, ']');
}

static bool parse_icmp(struct parser *p, struct spacket *packet)
{
    struct pos pos = peek(p)->pos;
    long long n;
    packet->proto = SW_PROTO_ICMP;
    if (peek(p)->kind != TOKEN_WORD)
        return wrong_token(p, "a type of ICMP");
    packet->type_name = take(p)->text;
    if (peek(p)->kind == TOKEN_WORD && !is_word(peek(p), "mtu") && !is_word(peek(p), "id"))
        packet->code_name = take(p)->text;
    if (!icmp_find(packet->version, packet->type_name, packet->code_name, &packet->type,
                   &packet->code))
        return script_fail(p->script, SCRIPT_UNSUPPORTED, pos, "there is no ICMP '%s %s' here",
                           packet->type_name, packet->code_name ? packet->code_name : "");
    if (take_word(p, "mtu")) {
        if (!want_number(p, 0, UINT32_MAX, "an MTU", &n))
            return false;
        packet->has_mtu = true;
        packet->mtu = (uint32_t)n;
    }
    if (take_word(p, "id")) {
        if (!want_number(p, 0, 65535, "an identifier", &n))
            return false;
        packet->id = (uint16_t)n;
    }
    return !take_mark(p, '[') || parse_quote(p, packet);
}

bool parse_packet(struct parser *p, struct spacket *ret_packet)
{
    static const char *const wrappers[] = {"ipv4", "ipv6", "gre", "GREv0", "mpls", "encap"};
    *ret_packet = (struct spacket){.outbound = is_mark(peek(p), '>')};
    ret_packet->version = p->script->options.mode == MODE_IPV6 ? 6 : 4;
    take(p);
    if (!parse_ip_info(p, ret_packet))
        return false;
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
        if (is_word(peek(p), wrappers[i]))
            return script_fail(p->script, SCRIPT_UNSUPPORTED, peek(p)->pos,
                               "packets inside '%s' are not supported", wrappers[i]);
    if (take_word(p, "icmp"))
        return parse_icmp(p, ret_packet);
    if (take_word(p, "udp")) {
        ret_packet->proto = SW_PROTO_UDP;
        return parse_ports(p, ret_packet) && parse_length(p, &ret_packet->len);
    }
    return parse_ports(p, ret_packet) && parse_tcp(p, ret_packet);
}
