/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run's name server: whoever asks an address for a name, at port 53, is answered (dns.h).
 *
 * Programs ask the resolvers of /etc/resolv.conf, which are addresses of a network that a run does
 * not reach. So before a program's datagram goes to port 53, that address becomes one of the run's
 * own (hidden: it is not shown as an interface's), and a socket of ours is bound there. Where a
 * program of the run serves at that address itself our bind is refused, and it has the query.
 * Before a program binds the port all of ours are closed; they come back with the next query, if
 * they may. Queries over TCP are not answered: answers are too short to need it (RFC 7766 5).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/dns.h"
#include "run/run.h"

enum { ADDRESSES_MAX = 16 }; /* resolv.conf(5) has three; each is asked for once */

struct run_resolver {
    sw_socket_t sockets[ADDRESSES_MAX];
    unsigned n, next;
};

static bool can_serve(const struct sw_addr *to)
{
    static const uint8_t link_local6[] = {0xfe, 0x80};
    return to->port == DNS_PORT && !sw_ip_is_any(&to->ip) && !sw_ip_is_multicast(&to->ip) &&
           memcmp(to->ip.b, link_local6, sizeof(link_local6)) != 0;
}

/* Our socket at an address; -EADDRINUSE: a program's is there. */
static int serve_at(struct run *run, const struct sw_addr *at, sw_socket_t *ret_socket)
{
    int domain = sw_ip_is4(&at->ip) ? SW_AF_INET : SW_AF_INET6;
    unsigned prefix_len = domain == SW_AF_INET ? 32 : 128;

    int err = sw_socket(run->host, domain, SW_SOCK_DGRAM, 0, ret_socket);
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
    if (err == 0)
        err = sw_socket_set_user(run->host, *ret_socket, run->resolver);
    if (err < 0)
        sw_close(run->host, *ret_socket);
    return err;
}

void resolver_meet(struct run *run, const struct sw_addr *to)
{
    sw_socket_t s;

    if (!can_serve(to))
        return;
    if (run->resolver == NULL)
        run->resolver = calloc(1, sizeof(*run->resolver));
    struct run_resolver *r = run->resolver;
    if (r == NULL || serve_at(run, to, &s) < 0)
        return; /* ours or a program's is there; or it cannot be, and the query gets what it gets */
    if (r->n == ADDRESSES_MAX)
        sw_close(run->host, r->sockets[r->next]);
    else
        r->n++;
    r->sockets[r->next] = s;
    r->next = (r->next + 1) % ADDRESSES_MAX;
}

static void close_all(struct run *run)
{
    struct run_resolver *r = run->resolver;

    for (unsigned i = 0; r != NULL && i < r->n; i++)
        sw_close(run->host, r->sockets[i]);
    if (r != NULL)
        r->n = r->next = 0;
}

void resolver_yield(struct run *run, const struct sw_addr *local)
{
    if (local->port == DNS_PORT)
        close_all(run);
}

void resolver_ready(struct run *run, sw_socket_t s)
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

void resolver_fini(struct run *run)
{
    close_all(run);
    free(run->resolver);
    run->resolver = NULL;
}
