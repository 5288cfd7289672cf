/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash (Aumasson, Bernstein 2012): the keyed hash behind tables, ISNs and ports. */
#ifndef SW_BASE_SIPHASH_H
#define SW_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sw_sipkey {
    uint64_t k0, k1;
};

uint64_t sw_siphash24(const struct sw_sipkey *key, const void *bytes, size_t len); /* for secrets */
uint64_t sw_siphash13(const struct sw_sipkey *key, const void *bytes, size_t len); /* for tables */

#endif
