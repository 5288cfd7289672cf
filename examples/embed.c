/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two hosts in one process, joined by a link, exchange a stream and a datagram. No kernel socket,
 * no thread, no root: the library only computes, and the time it computes with is a variable of
 * ours.
 *
 *     cc embed.c $(pkg-config --cflags --libs sockworks) && ./a.out
 */
#include <errno.h>
#include <sockworks/sockworks.h>
#include <stdio.h>

static struct sw_host *host[2]; /* alice is 0 and has 10.0.0.1, bob is 1 and has 10.0.0.2 */
static struct sw_link *wire;    /* the cable between them: end 0 at alice, end 1 at bob */
static const int eth0 = 1;      /* a host's first interface has index 1 */
static uint64_t now_ns;         /* the time, for everybody */

/* A host with one interface and one address. */
static struct sw_host *new_host(uint8_t number)
{
    struct sw_host *h = sw_host_new(&(struct sw_host_config){.seed = {number}});
    sw_host_add_iface(h, &(struct sw_iface_config){.name = "eth0", .mtu = 1500});
    sw_host_add_addr(h, eth0, &SW_IP4(10, 0, 0, number), 24);
    return h;
}

/* One step of the world: carry every packet that can move now; when none can, let time pass. A
 * program with a real cable would do its input and output here, and sleep until the deadline. */
static void step(void)
{
    int moved = 0;
    for (int end = 0; end < 2; end++) {
        struct sw_packet *packet;
        for (; (packet = sw_host_output(host[end], eth0, now_ns)); moved++)
            sw_link_send(wire, end, packet, now_ns);
        for (; (packet = sw_link_receive(wire, end, now_ns)); moved++)
            sw_host_input(host[end], eth0, packet, now_ns);
    }
    if (moved)
        return;
    uint64_t next_ns = sw_link_deadline(wire);
    for (int end = 0; end < 2; end++)
        if (sw_host_deadline(host[end]) < next_ns)
            next_ns = sw_host_deadline(host[end]);
    now_ns = next_ns;
    for (int end = 0; end < 2; end++)
        sw_host_advance(host[end], now_ns);
}

/* Calls never block: they answer -EAGAIN, and the world goes on. This is a blocking receive. */
static void receive(int end, sw_socket_t socket, const char *what)
{
    char text[64];
    int64_t len;
    while ((len = sw_recv(host[end], socket, text, sizeof(text), 0, NULL)) == -EAGAIN)
        step();
    printf("%6.1f ms  %s: %.*s\n", (double)now_ns / 1e6, what, len > 0 ? (int)len : 0, text);
}

int main(void)
{
    host[0] = new_host(1);
    host[1] = new_host(2);
    wire = sw_link_new(&(struct sw_link_config){.mem = sw_host_mem(host[0]), .seed = 7});
    for (int end = 0; end < 2; end++)
        sw_link_set(wire, end, &(struct sw_link_conditions){.delay_ns = 10000000}); /* 10 ms */

    /* A stream: bob listens on port 80, alice connects, each says a word, alice closes. */
    struct sw_addr bob = {.ip = SW_IP4(10, 0, 0, 2), .port = 80};
    sw_socket_t listener, server, client;
    sw_socket(host[1], SW_AF_INET, SW_SOCK_STREAM, 0, &listener);
    sw_bind(host[1], listener, &bob);
    sw_listen(host[1], listener, 8);
    sw_socket(host[0], SW_AF_INET, SW_SOCK_STREAM, 0, &client);
    sw_connect(host[0], client, &bob); /* -EINPROGRESS: the SYN is on its way */
    while (sw_accept(host[1], listener, &server, NULL) == -EAGAIN)
        step();
    sw_send(host[0], client, "hello, bob", 10, 0, NULL);
    receive(1, server, "bob reads from the stream");
    sw_send(host[1], server, "hello, alice", 12, 0, NULL);
    receive(0, client, "alice reads from the stream");
    sw_close(host[0], client);
    receive(1, server, "bob reads the end of the stream");
    sw_close(host[1], server);

    /* A datagram: no connection; it goes off as it is, and may be lost on the way. */
    sw_socket_t inbox, outbox;
    sw_socket(host[1], SW_AF_INET, SW_SOCK_DGRAM, 0, &inbox);
    sw_bind(host[1], inbox, &bob);
    sw_socket(host[0], SW_AF_INET, SW_SOCK_DGRAM, 0, &outbox);
    sw_send(host[0], outbox, "a postcard", 10, 0, &bob);
    receive(1, inbox, "bob receives a datagram");

    sw_link_free(wire);
    sw_host_free(host[0]);
    sw_host_free(host[1]); /* with every socket that is still open */
    return 0;
}
