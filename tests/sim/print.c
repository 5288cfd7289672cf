/* SPDX-License-Identifier: BSD-2-Clause */
/* The -v trace: one line for each packet, in the manner of tcpdump, from its bytes. */
#include <stdio.h>

#include "world.h"

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static unsigned get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void tcp_text(const uint8_t *tcp, size_t len, uint32_t payload, char *buf, size_t size)
{
    static const char letters[] = "FSRPAUEC";
    char flags[9];
    unsigned n = 0;
    for (unsigned bit = 0; bit < 8; bit++)
        if (tcp[13] & 1U << bit)
            flags[n++] = letters[bit];
    flags[n] = '\0';
    int at =
        snprintf(buf, size, "%u > %u [%s] seq %u ack %u win %u len %u", get16(tcp), get16(tcp + 2),
                 flags, get32(tcp + 4), get32(tcp + 8), get16(tcp + 14), payload);
    size_t end = (size_t)(tcp[12] >> 4) * 4;
    for (size_t i = 20; i + 1 < end && end <= len && at > 0 && (size_t)at < size;) {
        if (tcp[i] == 8 && i + 10 <= end)
            at += snprintf(buf + at, size - (size_t)at, " ts %u,%u", get32(tcp + i + 2),
                           get32(tcp + i + 6));
        else if (tcp[i] == 2 && i + 4 <= end)
            at += snprintf(buf + at, size - (size_t)at, " mss %u", get16(tcp + i + 2));
        else if (tcp[i] == 3)
            at += snprintf(buf + at, size - (size_t)at, " wscale %u", tcp[i + 2]);
        else if (tcp[i] > 1)
            at += snprintf(buf + at, size - (size_t)at, " opt-%u", tcp[i]);
        i += tcp[i] <= 1 ? 1 : tcp[i + 1] >= 2 ? tcp[i + 1] : end;
    }
}

void world_print_packet(struct world *w, int end, const struct sw_packet *pkt)
{
    uint8_t b[128] = {0};
    char text[256];
    size_t have = sw_packet_copy(pkt, 0, b, sizeof(b));
    bool v6 = b[0] >> 4 == 6;
    size_t ip_len = v6 ? 40 : (b[0] & 15U) * 4;
    unsigned proto = v6 ? b[6] : b[9];
    uint32_t len = sw_packet_len(pkt);
    const uint8_t *transport = b + ip_len;

    if (have < ip_len + 8)
        snprintf(text, sizeof(text), "%zu bytes", have);
    else if (proto == 6 && have >= ip_len + 20)
        tcp_text(transport, have - ip_len, len - (uint32_t)ip_len - (transport[12] >> 4) * 4U, text,
                 sizeof(text));
    else if (proto == 17)
        snprintf(text, sizeof(text), "udp %u > %u len %u", get16(transport), get16(transport + 2),
                 len - (uint32_t)ip_len - 8);
    else
        snprintf(text, sizeof(text), "protocol %u type %u code %u", proto, transport[0],
                 transport[1]);
    if (pkt->gso_size)
        world_say(w, "%s host %d  %s (in pieces of %u)", end ? "<--" : "-->", end, text,
                  pkt->gso_size);
    else
        world_say(w, "%s host %d  %s", end ? "<--" : "-->", end, text);
}
