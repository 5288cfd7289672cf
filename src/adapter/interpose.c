/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two calls of the C library that packetdrill makes past the table: close() of sockets that a
 * script left open, and getsockopt() for the struct tcp_info that code in a script reads. With the
 * library in LD_PRELOAD too, those reach the stack; of any other descriptor they are system calls.
 */
#include <sys/syscall.h>

#include "adapter/adapter.h"

static bool ours(int fd)
{
    return adapter_current != NULL && fd >= 0 && fd < ADAPTER_FDS_MAX &&
           adapter_current->slots[fd].kind != SLOT_FREE;
}

int close(int fd)
{
    return ours(fd) ? call_close(adapter_current, fd) : (int)syscall(SYS_close, fd);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (ours(fd))
        return call_getsockopt(adapter_current, fd, level, name, value, len);
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}
