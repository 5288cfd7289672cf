/* SPDX-License-Identifier: BSD-2-Clause */
/* struct sw_host: the layers of one host side by side. */
#ifndef SW_HOST_PRIVATE_H
#define SW_HOST_PRIVATE_H

#include "sock/sock.h"

struct sw_host {
    struct sw_env env;
    struct sw_ip_layer ip;
    struct sw_tcp_layer tcp;
    struct sw_sock_layer sock;
};

#endif
