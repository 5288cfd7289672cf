/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leak: tries the ways by which a socket of the kernel's network could be had around a filter on
 * socket(2), and prints what each gave: an errno, or "leak" if it was a descriptor.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(const char *way, long result, int error)
{
    if (result >= 0)
        printf("%s: leak\n", way);
    else
        printf("%s: %s\n", way, strerrorname_np(error));
}

#if defined(__x86_64__)
/* The 32-bit entry: another table of system calls, which a filter has to know as well. */
static long int80(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static void other_entries(void)
{
    enum { GETPID_I386 = 20, SOCKETCALL_I386 = 102, SOCKET_I386 = 359, X32 = 0x40000000 };
    long result = int80(SOCKET_I386, AF_INET, SOCK_STREAM, 0);
    show("int 0x80 socket", result, (int)-result);
    unsigned *args =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    args[0] = AF_INET;
    args[1] = SOCK_STREAM;
    args[2] = 0;
    result = int80(SOCKETCALL_I386, 1, (long)args, 0);
    show("int 0x80 socketcall", result, (int)-result);
    if (int80(GETPID_I386, 0, 0, 0) == getpid())
        puts("int 0x80 getpid works");
    result = syscall(SYS_socket | X32, AF_INET, SOCK_STREAM, 0);
    show("x32 socket", result, errno);
}
#else
static void other_entries(void)
{
}
#endif

int main(void)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    long result = syscall(SYS_io_uring_setup, 4, &params);
    show("io_uring_setup", result, errno);
    other_entries();
    result = socket(AF_PACKET, SOCK_RAW, 0);
    show("AF_PACKET", result, errno);
    result = socket(AF_VSOCK, SOCK_STREAM, 0);
    show("AF_VSOCK", result, errno);
    result = socket(AF_INET, SOCK_STREAM, 132);
    show("SCTP", result, errno);
    result = socket(AF_INET, SOCK_STREAM, 262);
    show("MPTCP", result, errno);
    return 0;
}
