/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's Fast Open cookies (RFC 7413 4.1.2): SipHash of the two addresses under a secret key,
 * as Linux makes them, so that servers of one address may share a key with Linux's.
 */
#include <string.h>

#include "tcp/fastopen.h"
#include "tcp/private.h"

#define KEY_BYTES 16U
#define IP4_OFFSET 12U /* of an IPv4 address in its mapped form */

static uint64_t get_le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 8; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

static void put_le64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++, v >>= 8)
        p[i] = (uint8_t)v;
}

void sw_tfo_new_key(struct sw_tcp_layer *layer)
{
    static const char label[] = "fast open"; /* no two uses of one key */

    layer->tfo_keys = (struct sw_tfo_keys){.n = 1};
    layer->tfo_keys.key[0].k0 = sw_siphash24(&layer->cookie_key, label, sizeof(label));
    layer->tfo_keys.key[0].k1 = sw_siphash24(&layer->cookie_key, label, sizeof(label) - 1);
}

void sw_tfo_key_from_bytes(const uint8_t bytes[KEY_BYTES], struct sw_sipkey *ret_key)
{
    *ret_key = (struct sw_sipkey){get_le64(bytes), get_le64(bytes + 8)};
}

void sw_tfo_key_to_bytes(const struct sw_sipkey *key, uint8_t ret_bytes[KEY_BYTES])
{
    put_le64(ret_bytes, key->k0);
    put_le64(ret_bytes + 8, key->k1);
}

void sw_tfo_make(const struct sw_sipkey *key, const struct sw_segment *syn,
                 struct sw_tfo_cookie *ret_cookie)
{
    bool v4 = sw_ip_is4(&syn->ip.src);
    uint32_t off = v4 ? IP4_OFFSET : 0, len = sizeof(syn->ip.src.b) - off;
    uint8_t in[2 * sizeof(syn->ip.src.b)];

    memcpy(in, syn->ip.src.b + off, len);
    memcpy(in + len, syn->ip.dst.b + off, len);
    *ret_cookie = (struct sw_tfo_cookie){.len = SW_TFO_COOKIE, .exp = syn->tcp.tfo_exp};
    put_le64(ret_cookie->bytes, sw_siphash24(key, in, 2 * len));
}

enum sw_tfo_verdict sw_tfo_check(const struct sw_tfo_keys *keys, const struct sw_segment *syn)
{
    for (unsigned i = 0; i < keys->n; i++) {
        struct sw_tfo_cookie good;
        uint8_t differs = 0;

        sw_tfo_make(&keys->key[i], syn, &good);
        for (unsigned j = 0; j < SW_TFO_COOKIE; j++) /* in a time that tells nothing */
            differs |= good.bytes[j] ^ syn->tcp.tfo_cookie[j];
        if (syn->tcp.tfo_len == SW_TFO_COOKIE && differs == 0)
            return i == 0 ? SW_TFO_GOOD : SW_TFO_GOOD_OLD;
    }
    return SW_TFO_BAD;
}
