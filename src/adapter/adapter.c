/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host behind the table, and the packets in and out.
 */
#include "adapter/adapter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "wire/wire.h"

#define NS_PER_S 1000000000ULL
#define RECEIVE_PATIENCE_NS (3600 * NS_PER_S) /* a script that still waits has failed */
#define DEFAULT_MTU 1500
#define SUPER_SEGMENT_BYTES 65483 /* with headers, an IP packet's 65,535 */

struct adapter *adapter_current;

/* ---- packets ---------------------------------------------------------------------------- */

/* Takes what the host wants to send, as the packets that it will be on the wire. */
static void collect_packets(struct adapter *a)
{
    struct sw_packet *super;
    while ((super = sw_host_output(a->host, a->iface, a->now_ns)) != NULL) {
        while (super != NULL) {
            struct sw_packet *pkt = sw_gso_next(&super);
            size_t len = pkt != NULL ? sw_packet_len(pkt) : 0;
            struct outgoing *out = malloc(sizeof(*out) + len);
            if (pkt != NULL && out != NULL) { /* else it is lost, as packets are */
                out->next = NULL;
                out->at_ns = a->now_ns;
                out->len = sw_packet_copy(pkt, 0, out->bytes, len);
                *a->last = out;
                a->last = &out->next;
            } else {
                free(out);
            }
            sw_packet_free(pkt);
            if (pkt == NULL)
                break;
        }
    }
}

void adapter_collect(struct adapter *a)
{
    collect_packets(a);
    ready_collect(a);
}

static int netdev_send(void *userdata, const void *packet, size_t len)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    settings_read(a);
    struct sw_packet *pkt = sw_packet_from_bytes(sw_host_mem(a->host), packet, len);
    if (pkt != NULL)
        sw_host_input(a->host, a->iface, pkt, a->now_ns);
    adapter_leave(a);
    return pkt != NULL ? 0 : -1;
}

static int netdev_receive(void *userdata, void *packet, size_t *len, long long *time_us)
{
    struct adapter *a = userdata;
    int result = 0;
    adapter_enter(a);
    uint64_t last_ns = a->now_ns + RECEIVE_PATIENCE_NS;
    adapter_collect(a);
    while (a->first == NULL && clock_step(a, last_ns))
        adapter_collect(a);
    struct outgoing *out = a->first;
    if (out == NULL) {
        *len = 0;
    } else {
        a->first = out->next;
        if (a->first == NULL)
            a->last = &a->first;
        result = out->len <= *len ? 0 : -1;
        *len = out->len < *len ? out->len : *len;
        memcpy(packet, out->bytes, *len);
        *time_us = (long long)(out->at_ns / 1000);
        free(out);
    }
    adapter_leave(a);
    return result;
}

/* ---- life ------------------------------------------------------------------------------- */

int64_t adapter_result(int64_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* One interface, from which everything is one hop away. */
static bool make_host(struct adapter *a)
{
    const struct sw_ip any4 = SW_IP4_ANY, any6 = SW_IP6_ANY;
    const struct sw_iface_config iface = {
        .name = "tun0", .mtu = a->mtu, .gso_max = SUPER_SEGMENT_BYTES};
    struct sw_host_config config = {.now_ns = a->now_ns};
    if (getrandom(config.seed, sizeof(config.seed), 0) != (ssize_t)sizeof(config.seed))
        return false;
    a->host = sw_host_new(&config);
    if (a->host == NULL)
        return false;
    a->iface = sw_host_add_iface(a->host, &iface);
    return a->iface > 0 && sw_host_add_addr(a->host, a->iface, &a->local4, a->prefix4) == 0 &&
           sw_host_add_addr(a->host, a->iface, &a->local6, a->prefix6) == 0 &&
           sw_host_add_route(a->host, &any4, 0, a->iface, NULL) == 0 &&
           sw_host_add_route(a->host, &any6, 0, a->iface, NULL) == 0;
}

static void adapter_free(void *userdata)
{
    struct adapter *a = userdata;
    adapter_current = NULL;
    for (int fd = 0; fd < ADAPTER_FDS_MAX; fd++)
        slot_close(a, fd);
    sw_host_free(a->host);
    while (a->first != NULL) {
        struct outgoing *out = a->first;
        a->first = out->next;
        free(out);
    }
    free(a);
}

/* There is nobody to return an error to: what cannot be begun ends the process with a line. */
static void die(const char *what)
{
    fprintf(stderr, "libsockworks-packetdrill: %s\n", what);
    exit(1);
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ret_interface)
{
    struct adapter *a = calloc(1, sizeof(*a));
    if (a == NULL)
        die("no memory");
    a->local4 = SW_IP4(192, 168, 0, 1); /* packetdrill's defaults */
    a->prefix4 = 16;
    sw_ip_parse("fd3d:a0b:17d6::1", &a->local6);
    a->prefix6 = 64;
    a->mtu = DEFAULT_MTU;
    a->last = &a->first;
    clock_init(a);
    settings_init(a);
    options_read(a);
    if (!options_flags(a, flags))
        die("--so_flags takes local=ADDRESS/PREFIX and mtu=BYTES, separated by commas");
    if (!make_host(a))
        die("no host can be made with this address and this MTU");
    *ret_interface = (struct packetdrill_interface){.userdata = a,
                                                    .free = adapter_free,
                                                    .netdev_send = netdev_send,
                                                    .netdev_receive = netdev_receive};
    clock_fill(ret_interface);
    calls_fill(ret_interface);
    data_fill(ret_interface);
    ready_fill(ret_interface);
    adapter_current = a;
    interpose();
}
