#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""private_net.py [NAME=VALUE...] COMMAND...: runs a command in a network namespace of its own, its
loopback up, these sysctl settings made.

For comparing with the kernel's own sockets without meeting anything else on them. Without root it takes
a user namespace first, where the machine allows that. Exit status 125 if it cannot be done.
"""
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import sys

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter():
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        error = ctypes.get_errno()
        print(f"private_net: no network namespace: {os.strerror(error)}", file=sys.stderr)
        sys.exit(125)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", request)[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


if __name__ == "__main__":
    enter()
    loopback_up()
    words = sys.argv[1:]
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        pathlib.Path("/proc/sys", *name.split(".")).write_text(value, encoding="ascii")
    os.execvp(words[0], words)
