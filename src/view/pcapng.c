/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as pcapng (draft-ietf-opsawg-pcapng): one section, one interface of raw IP packets with
 * nanosecond times, one enhanced packet block per packet. A packet that was dropped carries the
 * reason as its comment; because that is known a little later, the last packets are held back.
 */
#include <stdlib.h>
#include <string.h>

#include "view/private.h"

#define HELD_BACK 256U /* packets */

enum { /* draft-ietf-opsawg-pcapng 4 */
       BLOCK_SECTION = 0x0a0d0d0a,
       BLOCK_INTERFACE = 1,
       BLOCK_PACKET = 6,
       BYTE_ORDER_MAGIC = 0x1a2b3c4d,
       OPT_END = 0,
       OPT_COMMENT = 1,
       OPT_IF_NAME = 2,
       OPT_SECTION_APPL = 4,
       OPT_IF_TSRESOL = 9,
       LINKTYPE_RAW = 101, /* begins with an IPv4 or IPv6 header */
};

struct held {
    uint8_t *bytes; /* NULL: an empty place */
    uint32_t len;
    uint64_t time_ns;
    enum sw_drop why;
};

struct view_capture {
    FILE *out;
    uint64_t wall_minus_clock_ns;
    struct held ring[HELD_BACK];
    uint32_t next; /* place of the next packet, which is that of the oldest */
};

static void put32(FILE *out, uint32_t v)
{
    fwrite(&v, sizeof(v), 1, out); /* the writer's byte order: the magic tells which */
}

static uint32_t padded(uint32_t len)
{
    return (len + 3) & ~3U;
}

static void put_padded(FILE *out, const void *bytes, uint32_t len)
{
    static const uint8_t zeros[3];
    fwrite(bytes, 1, len, out);
    fwrite(zeros, 1, padded(len) - len, out);
}

static void put_option(FILE *out, uint16_t code, const void *value, uint16_t len)
{
    fwrite(&code, sizeof(code), 1, out);
    fwrite(&len, sizeof(len), 1, out);
    put_padded(out, value, len);
}

#define OPTION_LEN(len) (4U + padded(len))

static void put_section(FILE *out)
{
    static const char appl[] = "Sockworks";
    uint32_t len = 28 + OPTION_LEN(sizeof(appl) - 1) + 4;
    uint16_t version[2] = {1, 0};
    uint64_t unknown = UINT64_MAX;
    put32(out, BLOCK_SECTION);
    put32(out, len);
    put32(out, BYTE_ORDER_MAGIC);
    fwrite(version, sizeof(version), 1, out);
    fwrite(&unknown, sizeof(unknown), 1, out);
    put_option(out, OPT_SECTION_APPL, appl, sizeof(appl) - 1);
    put_option(out, OPT_END, "", 0);
    put32(out, len);
}

static void put_interface(FILE *out)
{
    static const char name[] = "lo";
    uint32_t len = 20 + OPTION_LEN(2) + OPTION_LEN(1) + 4;
    uint16_t link[2] = {LINKTYPE_RAW, 0};
    uint8_t resolution = 9; /* 10^-9 s */
    put32(out, BLOCK_INTERFACE);
    put32(out, len);
    fwrite(link, sizeof(link), 1, out);
    put32(out, 0); /* no limit to a packet's length */
    put_option(out, OPT_IF_NAME, name, 2);
    put_option(out, OPT_IF_TSRESOL, &resolution, 1);
    put_option(out, OPT_END, "", 0);
    put32(out, len);
}

static void put_packet(FILE *out, const struct held *p)
{
    char comment[160];
    int n = 0;
    if (p->why != SW_DROP_NONE)
        n = snprintf(comment, sizeof(comment), "dropped: %s (%s)", sw_drop_name(p->why),
                     sw_drop_text(p->why));
    uint16_t comment_len = (uint16_t)(n < (int)sizeof(comment) ? n : (int)sizeof(comment) - 1);
    uint32_t options = comment_len ? OPTION_LEN(comment_len) + 4 : 0;
    uint32_t len = 32 + padded(p->len) + options;
    put32(out, BLOCK_PACKET);
    put32(out, len);
    put32(out, 0); /* interface */
    put32(out, (uint32_t)(p->time_ns >> 32));
    put32(out, (uint32_t)p->time_ns);
    put32(out, p->len);
    put32(out, p->len);
    put_padded(out, p->bytes, p->len);
    if (comment_len) {
        put_option(out, OPT_COMMENT, comment, comment_len);
        put_option(out, OPT_END, "", 0);
    }
    put32(out, len);
}

static void let_go(struct view_capture *capture, struct held *p)
{
    if (!p->bytes)
        return;
    put_packet(capture->out, p);
    free(p->bytes);
    memset(p, 0, sizeof(*p));
}

struct view_capture *view_capture_new(FILE *out, uint64_t wall_minus_clock_ns)
{
    struct view_capture *capture = calloc(1, sizeof(*capture));
    if (!capture)
        return NULL;
    capture->out = out;
    capture->wall_minus_clock_ns = wall_minus_clock_ns;
    put_section(out);
    put_interface(out);
    return capture;
}

void view_capture_free(struct view_capture *capture)
{
    if (!capture)
        return;
    for (uint32_t i = 0; i < HELD_BACK; i++)
        let_go(capture, &capture->ring[(capture->next + i) % HELD_BACK]);
    fflush(capture->out);
    free(capture);
}

void view_capture_packet(struct view_capture *capture, uint64_t now_ns, const struct sw_packet *pkt)
{
    /* What reads captures wants to see right checksums, also those that nobody needed to fill in.
     */
    struct sw_packet *copy = sw_packet_clone(pkt);
    uint32_t len = sw_packet_len(pkt);
    uint8_t *bytes = malloc(len ? len : 1);
    if (copy && bytes) {
        struct held *p = &capture->ring[capture->next];
        let_go(capture, p);
        sw_packet_fill_csum(copy);
        p->bytes = bytes;
        p->len = (uint32_t)sw_packet_copy(copy, 0, bytes, len);
        p->time_ns = now_ns + capture->wall_minus_clock_ns;
        capture->next = (capture->next + 1) % HELD_BACK;
        bytes = NULL;
    }
    free(bytes);
    sw_packet_free(copy);
}

/* Whether the packet is between these two ends, whichever sent it. Events of packets that could not
 * be read have no ends. */
static bool between(const struct held *p, const struct sw_ip *a, const struct sw_ip *b)
{
    static const struct sw_ip none = {{0}};
    struct sw_ip src = SW_IP4_ANY, dst = SW_IP4_ANY;
    if (sw_ip_eq(a, &none) || sw_ip_eq(b, &none))
        return true;
    if (p->len >= 20 && p->bytes[0] >> 4 == 4) {
        memcpy(src.b + 12, p->bytes + 12, 4);
        memcpy(dst.b + 12, p->bytes + 16, 4);
    } else if (p->len >= 40) {
        memcpy(src.b, p->bytes + 8, 16);
        memcpy(dst.b, p->bytes + 24, 16);
    }
    return (sw_ip_eq(a, &src) && sw_ip_eq(b, &dst)) || (sw_ip_eq(a, &dst) && sw_ip_eq(b, &src));
}

/* Whether the packet may be the one whose drop was told, by its length: transports have pulled the
 * IP header off already, and perhaps their own. */
static bool length_fits(const struct held *p, const struct sw_trace_event *event)
{
    uint64_t hdr = p->bytes[0] >> 4 == 4 ? 20 : 40, len = event->v[1];
    if (event->v[0] >= SW_DROP_ICMP_TRUNCATED && event->v[0] <= SW_DROP_TCP_TIME_WAIT)
        return p->len >= len + hdr && p->len <= len + hdr + 60;
    return p->len == len;
}

/* The youngest that fits. */
void view_capture_drop(struct view_capture *capture, const struct sw_trace_event *event)
{
    for (uint32_t i = 1; i <= HELD_BACK; i++) {
        struct held *p = &capture->ring[(capture->next + HELD_BACK - i) % HELD_BACK];
        if (!p->bytes)
            return;
        if (p->why == SW_DROP_NONE && length_fits(p, event) &&
            between(p, &event->local.ip, &event->remote.ip)) {
            p->why = (enum sw_drop)event->v[0];
            return;
        }
    }
}
