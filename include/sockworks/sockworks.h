/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockworks: sockets, whole, outside the kernel. Includes every public header. */
#ifndef SOCKWORKS_SOCKWORKS_H
#define SOCKWORKS_SOCKWORKS_H

#include <sockworks/addr.h>
#include <sockworks/host.h>
#include <sockworks/link.h>
#include <sockworks/packet.h>
#include <sockworks/socket.h>
#include <sockworks/trace.h>

#define SW_VERSION "0.1.0"

#endif
