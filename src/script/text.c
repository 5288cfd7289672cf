/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets and calls as text, in the language they were written in.
 */
#include <string.h>

#include "script/private.h"
#include "wire/bytes.h"

/* An option that scripts write as bytes: Fast Open (RFC 7413, and its experiment: RFC 6994), MD5.
 */
static void text_blob(struct text *text, const uint8_t *option, size_t len)
{
    bool experiment = option[0] == 254 && len >= 4 && sw_get16(option + 2) == 0xf989;
    if (option[0] == 34 || experiment)
        text_add(text, "%s", experiment ? "FOEXP" : "FO");
    else if (option[0] == 19)
        text_add(text, "md5");
    else
        text_add(text, "option %u:", option[0]);
    for (size_t i = experiment ? 4 : 2, first = i; i < len; i++)
        text_add(text, "%s%02x", i == first ? " " : "", option[i]);
}

/* RFC 9768 3.2.3: bytes that came with ECT(0), CE, ECT(1), in either order. */
static void text_accecn(struct text *text, const uint8_t *option, size_t len)
{
    static const char *const fields[2][3] = {{"e0b", "ceb", "e1b"}, {"e1b", "ceb", "e0b"}};
    text_add(text, "ECN");
    for (unsigned i = 0; i < 3 && 5 + 3 * i <= len; i++) {
        const uint8_t *p = option + 2 + 3 * i;
        text_add(text, " %s %u", fields[option[0] == 174][i],
                 (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2]);
    }
}

static void text_options(struct text *text, const struct spacket *packet)
{
    const uint8_t *p = packet->options;
    for (size_t at = 0; at < packet->options_len;) {
        size_t left = packet->options_len - at, len = p[at] <= 1 || left < 2 ? 1 : p[at + 1];
        const uint8_t *o = p + at;
        if (at > 0)
            text_add(text, ",");
        if (len == 0 || len > left) {
            text_add(text, "broken");
            return;
        }
        if (o[0] <= 1)
            text_add(text, o[0] ? "nop" : "eol");
        else if (o[0] == 2 && len == 4)
            text_add(text, "mss %u", sw_get16(o + 2));
        else if (o[0] == 3 && len == 3)
            text_add(text, "wscale %u", o[2]);
        else if (o[0] == 4 && len == 2)
            text_add(text, "sackOK");
        else if (o[0] == WIRE_OPT_SACK) {
            text_add(text, "sack");
            for (size_t i = 2; i + 8 <= len; i += 8)
                text_add(text, " %u:%u", sw_get32(o + i), sw_get32(o + i + 4));
        } else if (o[0] == WIRE_OPT_TIMESTAMPS && len == 10)
            text_add(text, "TS val %u ecr %u", sw_get32(o + 2), sw_get32(o + 6));
        else if (o[0] == 172 || o[0] == 174)
            text_accecn(text, o, len);
        else
            text_blob(text, o, len);
        at += len;
    }
}

static void text_tcp(struct text *text, const struct spacket *packet)
{
    static const char names[] = "FSRP.UEWA";
    if (packet->flags == 0)
        text_add(text, "-");
    /* '.' last, as people write it. */
    for (unsigned i = 0; i < 9; i++)
        if (packet->flags & (1U << i) && names[i] != '.')
            text_add(text, "%c", names[i]);
    if (packet->flags & SW_TCP_ACK)
        text_add(text, ".");
    text_add(text, " %u:%u(%u)", packet->seq, packet->seq + packet->len, packet->len);
    if (packet->flags & SW_TCP_ACK)
        text_add(text, " ack %u", packet->ack);
    if (packet->has_window)
        text_add(text, " win %u", packet->window);
    if (packet->urgent != 0)
        text_add(text, " urg %u", packet->urgent);
    if (packet->options_open)
        text_add(text, " <...>");
    if (packet->options_len > 0) {
        text_add(text, " <");
        text_options(text, packet);
        text_add(text, ">");
    }
}

void text_packet(struct text *text, const struct spacket *packet)
{
    static const char *const ecns[] = {"noecn", "ect1", "ect0", "ce"};
    text_add(text, packet->outbound ? "> " : "< ");
    if (packet->tos_check == TOS_ECT01)
        text_add(text, "[ect01] ");
    else if (packet->tos_check == TOS_ECN)
        text_add(text, "[%s] ", ecns[packet->tos & 3]);
    else if (packet->tos_check == TOS_ALL && packet->tos > 3)
        text_add(text, "[tos 0x%x] ", packet->tos);
    else if (packet->tos_check == TOS_ALL && packet->tos != 0)
        text_add(text, "[%s] ", ecns[packet->tos]);
    if (packet->proto == SW_PROTO_TCP) {
        text_tcp(text, packet);
    } else if (packet->proto == SW_PROTO_UDP) {
        text_add(text, "udp (%u)", packet->len);
    } else {
        const char *code = icmp_code_name(packet->version, packet->type, packet->code);
        text_add(text, "icmp %s%s%s", icmp_type_name(packet->version, packet->type),
                 code != NULL ? " " : "", code != NULL ? code : "");
        if (packet->has_mtu)
            text_add(text, " mtu %u", packet->mtu);
    }
}

static void text_expr(struct text *text, const struct expr *e)
{
    if (e->name != NULL)
        text_add(text, "%s=", e->name);
    char addr[SW_IP_TEXT];
    switch (e->kind) {
    case EXPR_ELLIPSIS:
        text_add(text, "...");
        break;
    case EXPR_NUMBER:
    case EXPR_NULL:
        if (e->string != NULL)
            text_add(text, "%s", e->string);
        else
            text_add(text, "%lld", e->number);
        break;
    case EXPR_STRING:
        text_add(text, "\"%s\"", e->string);
        break;
    case EXPR_ADDRESS:
        text_add(text, "%s", sw_ip_text(&e->ip, addr, sizeof(addr)));
        break;
    case EXPR_LIST:
    case EXPR_STRUCT:
        text_add(text, e->kind == EXPR_LIST ? "[" : "{");
        for (size_t i = 0; i < e->count; i++) {
            text_add(text, i > 0 ? ", " : "");
            text_expr(text, e->items[i]);
        }
        text_add(text, e->kind == EXPR_LIST ? "]" : "}");
        break;
    }
}

void text_call(struct text *text, const struct scall *call)
{
    text_add(text, "%s(", call->name);
    for (size_t i = 0; i < call->count; i++) {
        text_add(text, i > 0 ? ", " : "");
        text_expr(text, call->args[i]);
    }
    text_add(text, ")");
}
