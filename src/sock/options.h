/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside view of options.def: what its words mean, and the functions behind the rows that need one:
 * options_sock.c SOL_SOCKET, options_tcp.c SOL_TCP, options_ip.c SOL_IP and SOL_IPV6, options_group.c
 * and options_filter.c multicast groups, options_raw.c those of raw sockets.
 */
#ifndef SW_SOCK_OPTIONS_H
#define SW_SOCK_OPTIONS_H

#include "sock/private.h"

/* Stores a number in the socket's own struct sw_sock_opts. 0 or -ENOMEM. */
int sw_opt_store(struct sw_sock_layer *layer, struct sw_sock *s, size_t field, int32_t value);
#define SW_OPT_STORE(layer, s, field, value)                                                       \
    sw_opt_store((layer), (s), offsetof(struct sw_sock_opts, field), (value))

/* Sets or clears a bit of struct sw_sock_opts.rare. 0 or -ENOMEM. */
int sw_opt_set_rare(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_rare bit, bool on);

/* TCP_DEFER_ACCEPT as how often the SYN-ACK is sent again meanwhile; 0: off. */
uint32_t sw_opt_defer_retries(const struct sw_sock *s);
/* Whether it is a stream without a connection, be it a listener. */
bool sw_opt_is_idle(struct sw_sock *s);
/* The interface that has an address; 0: it is "any", so the routes decide; or -ENODEV. */
int sw_opt_iface_of(struct sw_sock_layer *layer, const struct sw_ip *addr);
/* As much of `size` bytes as fit into *len. 0. */
int sw_opt_copy_out(void *val, size_t *len, const void *from, size_t size);

#define SW_OPT_GET(name) int name(struct sw_sock_layer *layer, struct sw_sock *s, int *ret)
#define SW_OPT_SET(name) int name(struct sw_sock_layer *layer, struct sw_sock *s, int v)
#define SW_OPT_GET_BYTES(name)                                                                     \
    int name(struct sw_sock_layer *layer, struct sw_sock *s, void *val, size_t *len)
#define SW_OPT_SET_BYTES(name)                                                                     \
    int name(struct sw_sock_layer *layer, struct sw_sock *s, const void *val, size_t len)

/* ---- the words of options.def -----------------------------------------------------------
 *
 *   FLAG(B)             on or off, a bit of sw_sock.on; UNFLAG: the bit says off
 *   RARE(B)             the same in sw_sock_opts.rare; UNRARE likewise
 *   ...01               takes 0 and 1 only
 *   NUMBER(f, lo, hi)   a number, in sw_sock_opts.f; NUMBER_AUTO(f, hi, a): from 0; -1 is stored as a
 *   TIMEOUT(f)          a struct timeval, stored in microseconds
 *   VALUE(x)            a number with functions of its own; GET(x): that cannot be set; SETS(x): nor asked
 *   BYTES(x)            a struct or text with functions of its own; BYTES_GET(x): cannot be set
 *   DOES(x)             a struct that says what to do; it cannot be asked
 *   FIXED(v, e)         always v; setting it gives e
 *   OFF_ONLY(e)         always 0; setting anything else gives e
 *   IGNORED(v)          always v; setting it is fine. SETTABLE(): it cannot be asked
 *   EMPTY(e)            always no bytes; setting it gives e
 *   REFUSAL(g, s)       getting it gives g, setting it s
 * and around one of these
 *   ADMIN(e, ...)       setting it gives e to whoever is no administrator (layer->by_admin)
 *   ADMIN_ON(e, ...)    the same of anything but 0
 *   DGRAM(e, ...)       setting it on a stream gives e
 *   LEAST(n, ...)       of SOL_IP, or a struct: takes n bytes or more
 *   EXACT(n, ...)       takes n bytes, no more
 *   ANY_LENGTH(...)     of SOL_IPV6: takes any length; less than an int is 0. Bytes may be NULL
 */

/* Here they declare the functions. */
#define DOES(x) SW_OPT_SET_BYTES(sw_opt_##x);
#define FLAG(b)
#define FLAG01(b)
#define UNFLAG(b)
#define UNFLAG01(b)
#define RARE(b)
#define RARE01(b)
#define UNRARE(b)
#define NUMBER(f, lo, hi)
#define NUMBER_AUTO(f, hi, a)
#define TIMEOUT(f)
#define GET(x) SW_OPT_GET(sw_opt_get_##x);
#define SETS(x) SW_OPT_SET(sw_opt_set_##x);
#define VALUE(x)                                                                                   \
    SW_OPT_GET(sw_opt_get_##x);                                                                    \
    SW_OPT_SET(sw_opt_set_##x);
#define BYTES_GET(x) SW_OPT_GET_BYTES(sw_opt_get_##x);
#define BYTES(x)                                                                                   \
    SW_OPT_GET_BYTES(sw_opt_get_##x);                                                              \
    SW_OPT_SET_BYTES(sw_opt_set_##x);
#define FIXED(v, e)
#define OFF_ONLY(e)
#define IGNORED(v)
#define IGNORED01(v)
#define SETTABLE()
#define EMPTY(e)
#define REFUSAL(g, s)
#define ADMIN(e, ...) __VA_ARGS__
#define ADMIN_ON(e, ...) __VA_ARGS__
#define DGRAM(e, ...) __VA_ARGS__
#define LEAST(n, ...) __VA_ARGS__
#define EXACT(n, ...) __VA_ARGS__
#define ANY_LENGTH(...) __VA_ARGS__
#define OPTION(level, name, how, effect, what) how
#include "sock/options.def"
#undef DOES
#undef FLAG
#undef FLAG01
#undef UNFLAG
#undef UNFLAG01
#undef RARE
#undef RARE01
#undef UNRARE
#undef NUMBER
#undef NUMBER_AUTO
#undef TIMEOUT
#undef GET
#undef SETS
#undef VALUE
#undef BYTES_GET
#undef BYTES
#undef FIXED
#undef OFF_ONLY
#undef IGNORED
#undef IGNORED01
#undef SETTABLE
#undef EMPTY
#undef REFUSAL
#undef ADMIN
#undef ADMIN_ON
#undef DGRAM
#undef LEAST
#undef EXACT
#undef ANY_LENGTH
#undef OPTION

#endif
