/* SPDX-License-Identifier: BSD-2-Clause */
/* What few connections need: see rare.h. */
#include "tcp/rare.h"

#include "tcp/private.h"

struct sw_tcp_rare *sw_rare_get(struct sw_tcp *tcp)
{
    if (!tcp->rare)
        tcp->rare = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(*tcp->rare));
    return tcp->rare;
}

void sw_rare_free(struct sw_tcp *tcp)
{
    sw_notices_free(tcp);
    if (tcp->rare)
        sw_mem_free(sw_tcp_env(tcp)->mem, tcp->rare, sizeof(*tcp->rare));
    tcp->rare = NULL;
}
