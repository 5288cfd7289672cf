#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ping, of iputils, as any user; and ping sockets themselves: what they take, whom a reply is for.

What is expected here is what Linux does where net.ipv4.ping_group_range allows it; in a new network
namespace it does not, so SOCKWORKS=none fails at the first socket().
"""
import errno
import re
import socket
import struct

from harness import expect, main

ECHO = {socket.AF_INET: (8, 0, socket.IPPROTO_ICMP), socket.AF_INET6: (128, 129, socket.IPPROTO_ICMPV6)}

IP_RECVTTL = 12


def ping_socket(case):
    return socket.socket(case.family, socket.SOCK_DGRAM, ECHO[case.family][2])


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def message(case, sequence, data=b"data", kind=None):
    kind = ECHO[case.family][0] if kind is None else kind
    return struct.pack("!BBHHH", kind, 0, 0xdead, 0xbeef, sequence) + data


def what_may_be_sent(case):
    to = (case.address, 0)
    with ping_socket(case) as s:
        expect("a reply", outcome(s.sendto, message(case, 1, kind=ECHO[case.family][1]), to), "EINVAL")
        expect("a stump", outcome(s.sendto, b"\x08\0\0", to), "EINVAL")
        expect("no address", outcome(s.sendmsg, [message(case, 1)]), "EDESTADDRREQ")
        expect("too much", outcome(s.sendto, message(case, 1, bytes(65530)), to), "EMSGSIZE")
        expect("out of band", outcome(s.sendto, message(case, 1), socket.MSG_OOB, to), "ENOTSUP")
        expect("peer", outcome(s.getpeername), "ENOTCONN")
    wrong = ECHO[socket.AF_INET6 if case.family == socket.AF_INET else socket.AF_INET][2]
    expect("the other's protocol", outcome(socket.socket, case.family, socket.SOCK_DGRAM, wrong),
           "EPROTONOSUPPORT")


def names(case):
    unspecified = "::" if case.family == socket.AF_INET6 else "0.0.0.0"
    with ping_socket(case) as a, ping_socket(case) as b:
        a.bind((unspecified, 4711))
        expect("its identifier", a.getsockname()[:2], (unspecified, 4711))
        expect("again", outcome(a.bind, (unspecified, 4712)), "EINVAL")
        b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        expect("taken", outcome(b.bind, (case.address, 4711)), "EADDRINUSE")
        b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        expect("shared by default", outcome(b.bind, (case.address, 4711)), None)
    with ping_socket(case) as s:
        if case.family == socket.AF_INET6:
            expect("mapped", outcome(s.connect, ("::ffff:127.0.0.1", 0)), "ENETUNREACH")
            expect("to mapped", outcome(s.sendto, message(case, 1), ("::ffff:127.0.0.1", 0)), "EINVAL")
            expect("bound to mapped", outcome(s.bind, ("::ffff:127.0.0.1", 0)), "EINVAL")
            expect("bound to a group", outcome(s.bind, ("ff02::1", 0)), "EINVAL")
        else:
            expect("bound to a group", outcome(s.bind, ("224.0.0.1", 0)), "EADDRNOTAVAIL")
            expect("bound to all", outcome(s.bind, ("255.255.255.255", 0)), "EADDRNOTAVAIL")
        s.connect((case.address, 0))
        expect("its own address", s.getsockname()[0], case.address)
        expect("no port, no peer", outcome(s.getpeername), "ENOTCONN")
        expect("shut down", outcome(s.shutdown, socket.SHUT_WR), None)
        expect("then sent", outcome(s.send, message(case, 1)), "EPIPE")


def summed(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def replies(case):
    v6 = case.family == socket.AF_INET6
    with ping_socket(case) as s, ping_socket(case) as other:
        s.settimeout(20)
        other.bind((case.address, 0))
        if v6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        else:
            s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        for size in (0, 4, 1400, 60000):
            s.sendto(message(case, 7, bytes(size)), (case.address, 99))
            data, control, flags, sender = s.recvmsg(65536, 256)
            kind, code, _, identifier, sequence = struct.unpack("!BBHHH", data[:8])
            expect("reply", (kind, code, sequence, len(data)), (ECHO[case.family][1], 0, 7, size + 8))
            expect("identifier", identifier, s.getsockname()[1])
            expect("sender", sender[:2], (case.address, 0))
            if not v6:
                expect("sum", summed(data), 0xffff)
            wanted = (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT) if v6 else (socket.IPPROTO_IP,
                                                                            socket.IP_TTL)
            expect("TTL", [(c[:2], struct.unpack("i", c[2])[0]) for c in control], [(wanted, 64)])
        s.connect((case.address, 0))
        s.send(message(case, 8))  # and plainly
        expect("reply to a connected one", s.recv(100)[6:], b"\0\x08data")
        expect("nothing for another", outcome(other.recv, 100, socket.MSG_DONTWAIT), "EAGAIN")


def body(case, programs):
    text = programs.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "10", case.address)
    expect("warnings", re.findall("WARNING.*", text), [])
    received = int(re.search(r"(\d) received", text)[1])
    expect("some received" if case.lossy else "all received", received >= (1 if case.lossy else 3), True)
    if not case.lossy:
        what_may_be_sent(case)
        names(case)
        replies(case)


main(body, ["ping"])
