/* SPDX-License-Identifier: BSD-2-Clause */
/* Between tcp.c and tcp_options.c. */
#ifndef SW_WIRE_TCP_OPTIONS_H
#define SW_WIRE_TCP_OPTIONS_H

#include "wire/wire.h"

/* Reads `len` bytes of options into hdr, whose flags are known. False: an option is malformed; hdr
 * may then hold some of them. */
bool sw_tcp_read_options(const uint8_t *p, size_t len, struct sw_tcp_hdr *hdr);

/* Writes sw_tcp_opts_len(hdr) bytes. */
void sw_tcp_write_options(uint8_t *p, const struct sw_tcp_hdr *hdr);

#endif
