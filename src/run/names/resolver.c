/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run's name server: whoever asks an address for a name, at port 53, is answered (dns.h).
 *
 * Programs ask the resolvers of /etc/resolv.conf, which are addresses of a network that a run does
 * not reach. So before a program's datagram or connection goes to port 53, that address becomes one
 * of the run's own (hidden: it is not shown as an interface's), and sockets of ours are bound
 * there, for UDP and for TCP (RFC 7766). Where a program of the run serves at that address itself
 * our bind is refused, and it has the query. Before a program binds the port all of ours are
 * closed; they come back with the next query, if they may.
 *
 * A connection holds one message at a time and ends when its peer ends it, when a message is longer
 * than any that is answered, or when so many others have come that its place is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/names/dns.h"
#include "run/run.h"

enum {
    ADDRESSES_MAX = 16, /* resolv.conf(5) has three; each is asked for once */
    CONNECTIONS_MAX = 32,
    LENGTH_BYTES = 2, /* before each message of a stream: RFC 1035 4.2.2 */
};

struct served {
    bool used;
    sw_socket_t udp, tcp; /* tcp: its listener, 0 where a program has one */
};

struct connection {
    bool used;
    sw_socket_t socket;
    size_t have; /* bytes of `query` */
    uint8_t query[LENGTH_BYTES + DNS_MESSAGE_MAX];
};

struct run_resolver {
    struct served served[ADDRESSES_MAX];
    struct connection connections[CONNECTIONS_MAX];
    unsigned next_served, next_connection; /* whose place the next one takes */
};

static bool can_serve(const struct sw_addr *to)
{
    static const uint8_t link_local6[] = {0xfe, 0x80};
    return to->port == DNS_PORT && !sw_ip_is_any(&to->ip) && !sw_ip_is_multicast(&to->ip) &&
           memcmp(to->ip.b, link_local6, sizeof(link_local6)) != 0;
}

/* Our socket at an address; -EADDRINUSE: a program's, or one of ours, is there. */
static int bind_at(struct run *run, const struct sw_addr *at, int type, sw_socket_t *ret_socket)
{
    int domain = sw_ip_is4(&at->ip) ? SW_AF_INET : SW_AF_INET6;
    unsigned prefix_len = domain == SW_AF_INET ? 32 : 128;

    int err = sw_socket(run->host, domain, type, 0, ret_socket);
    if (err < 0)
        return err;
    do
        err = sw_bind(run->host, *ret_socket, at);
    while (err == -EADDRINUSE && standin_clear_conflict(run, *ret_socket, at));
    if (err == -EADDRNOTAVAIL) {
        err = sw_host_add_addr(run->host, run->lo, &at->ip, prefix_len);
        if (err == 0)
            err = sw_bind(run->host, *ret_socket, at);
    }
    if (err == 0 && type == SW_SOCK_STREAM)
        err = sw_listen(run->host, *ret_socket, CONNECTIONS_MAX);
    if (err == 0)
        err = sw_socket_set_user(run->host, *ret_socket, run->resolver);
    if (err < 0)
        sw_close(run->host, *ret_socket);
    return err;
}

static void stop_serving(struct run *run, struct served *at)
{
    if (at->used) {
        sw_close(run->host, at->udp);
        if (at->tcp != 0)
            sw_close(run->host, at->tcp);
    }
    *at = (struct served){0};
}

/* With a reset: what is left in TIME_WAIT would be in the way of a program that binds the port. */
static void hang_up(struct run *run, struct connection *c)
{
    if (c->used)
        sw_abort(run->host, c->socket);
    *c = (struct connection){0};
}

void resolver_meet(struct run *run, const struct sw_addr *to)
{
    sw_socket_t udp, tcp;

    if (!can_serve(to))
        return;
    if (run->resolver == NULL)
        run->resolver = calloc(1, sizeof(*run->resolver));
    struct run_resolver *r = run->resolver;
    if (r == NULL || bind_at(run, to, SW_SOCK_DGRAM, &udp) < 0)
        return; /* ours or a program's is there; or it cannot be, and the query gets what it gets */
    if (bind_at(run, to, SW_SOCK_STREAM, &tcp) < 0)
        tcp = 0;
    struct served *at = &r->served[r->next_served];
    r->next_served = (r->next_served + 1) % ADDRESSES_MAX;
    stop_serving(run, at);
    *at = (struct served){.used = true, .udp = udp, .tcp = tcp};
}

static void close_all(struct run *run)
{
    struct run_resolver *r = run->resolver;

    for (unsigned i = 0; r != NULL && i < ADDRESSES_MAX; i++)
        stop_serving(run, &r->served[i]);
    for (unsigned i = 0; r != NULL && i < CONNECTIONS_MAX; i++)
        hang_up(run, &r->connections[i]);
}

void resolver_yield(struct run *run, const struct sw_addr *local)
{
    if (local->port == DNS_PORT)
        close_all(run);
}

/* Answers what is whole in `query`: how much of it that was, or a negative errno. */
static int answer_first(struct run *run, struct connection *c)
{
    uint8_t answer[LENGTH_BYTES + DNS_MESSAGE_MAX];

    if (c->have < LENGTH_BYTES)
        return 0;
    size_t len = (size_t)c->query[0] << 8 | c->query[1];
    if (len > DNS_MESSAGE_MAX)
        return -EMSGSIZE;
    if (c->have < LENGTH_BYTES + len)
        return 0;
    size_t n = dns_answer(&run->config->names, c->query + LENGTH_BYTES, len, answer + LENGTH_BYTES);
    answer[0] = (uint8_t)(n >> 8);
    answer[1] = (uint8_t)n;
    if (n > 0 && sw_send(run->host, c->socket, answer, LENGTH_BYTES + n, 0, NULL) !=
                     (int64_t)(LENGTH_BYTES + n))
        return -EPIPE; /* it reads no answers, but asks on */
    return (int)(LENGTH_BYTES + len);
}

static void serve_connection(struct run *run, struct connection *c)
{
    for (;;) {
        int64_t n =
            sw_recv(run->host, c->socket, c->query + c->have, sizeof(c->query) - c->have, 0, NULL);
        if (n == -EAGAIN)
            return;
        if (n == 0) { /* its end came first, so TIME_WAIT is not ours */
            sw_close(run->host, c->socket);
            *c = (struct connection){0};
            return;
        }
        c->have += n > 0 ? (size_t)n : 0;
        int used = n < 0 ? (int)n : answer_first(run, c);
        while (used > 0) {
            c->have -= (size_t)used;
            memmove(c->query, c->query + used, c->have);
            used = answer_first(run, c);
        }
        if (used < 0) {
            hang_up(run, c);
            return;
        }
    }
}

static void accept_all(struct run *run, sw_socket_t listener)
{
    struct run_resolver *r = run->resolver;
    sw_socket_t s;

    while (sw_accept(run->host, listener, &s, NULL) == 0) {
        struct connection *c = &r->connections[r->next_connection];
        r->next_connection = (r->next_connection + 1) % CONNECTIONS_MAX;
        hang_up(run, c);
        *c = (struct connection){.used = true, .socket = s};
        sw_socket_set_user(run->host, s, r);
        serve_connection(run, c);
    }
}

static void serve_datagrams(struct run *run, sw_socket_t s)
{
    uint8_t query[DNS_MESSAGE_MAX], answer[DNS_MESSAGE_MAX];
    struct sw_addr from;
    int64_t len;

    for (;;) {
        len = sw_recv(run->host, s, query, sizeof(query), 0, &from);
        if (len == -EAGAIN || len == -EBADF)
            return;
        if (len < 0) /* an ICMP error, taken by this: who asked has gone */
            continue;
        size_t n = dns_answer(&run->config->names, query, (size_t)len, answer);
        if (n > 0)
            sw_send(run->host, s, answer, n, 0, &from);
    }
}

void resolver_ready(struct run *run, sw_socket_t s)
{
    struct run_resolver *r = run->resolver;

    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (r->connections[i].used && r->connections[i].socket == s) {
            serve_connection(run, &r->connections[i]);
            return;
        }
    for (unsigned i = 0; i < ADDRESSES_MAX; i++)
        if (r->served[i].used && r->served[i].tcp == s) {
            accept_all(run, s);
            return;
        }
    serve_datagrams(run, s);
}

void resolver_fini(struct run *run)
{
    close_all(run);
    free(run->resolver);
    run->resolver = NULL;
}
