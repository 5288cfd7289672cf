#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Raw sockets (raw(7), RFC 3542): what is heard and what it looks like, own headers, filters, errors.

What is expected is what Linux does for root; SOCKWORKS=none shows it, in a network namespace.
"""
import errno
import select
import socket
import struct

from harness import expect, main

IP_HDRINCL, IP_RECVERR, IPV6_CHECKSUM = 3, 11, 7
SOL_RAW, SOL_ICMPV6, ICMP_FILTER = 255, 58, 1
TEST_PROTOCOL = 253  # RFC 3692: for experiments


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def raw(case, protocol):
    s = socket.socket(case.family, socket.SOCK_RAW, protocol)
    s.settimeout(20)
    return s


def waiting(s):
    s.setblocking(False)
    return outcome(s.recv, 2000)


def summed(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def echo(case, ident, seq, data=b"payload!"):
    kind = 128 if case.family == socket.AF_INET6 else 8
    body = struct.pack("!BBHHH", kind, 0, 0, ident, seq) + data
    return body[:2] + struct.pack("!H", 0xffff ^ summed(body)) + body[4:]


def payload(case, packet):
    """What follows the IP header, which IPv6 never shows."""
    return packet if case.family == socket.AF_INET6 else packet[(packet[0] & 15) * 4:]


def opening(case):
    name = socket.socket, case.family, socket.SOCK_RAW
    expect("no protocol", outcome(*name, 0), "EPROTONOSUPPORT")
    expect("too large", outcome(*name, 300), "EINVAL")
    with raw(case, TEST_PROTOCOL) as s:
        expect("type", s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_RAW)
        expect("protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), TEST_PROTOCOL)
        expect("the protocol for a port", s.getsockname()[1], TEST_PROTOCOL)
        expect("nowhere", outcome(s.sendmsg, [b"x"]), "EDESTADDRREQ")
        expect("listen", outcome(s.listen), "ENOTSUP")
        expect("no peer", outcome(s.getpeername), "ENOTCONN")
        foreign = ("2001:db8::1" if case.family == socket.AF_INET6 else "192.0.2.1", 0)
        expect("a foreign address", outcome(s.bind, foreign), "EADDRNOTAVAIL")
        expect("bound", outcome(s.bind, (case.address, 0)), None)
        expect("bound again", outcome(s.bind, (case.address, 0)), None)


def echoes(case):
    """Both the request and the reply are heard, by every socket of the protocol."""
    protocol = socket.IPPROTO_ICMPV6 if case.family == socket.AF_INET6 else socket.IPPROTO_ICMP
    with raw(case, protocol) as a, raw(case, protocol) as b:
        a.sendto(echo(case, 7, 1), (case.address, 0))
        for s in (a, b):
            first, second = s.recvfrom(2000), s.recvfrom(2000)
            expect("sender", first[1][:2], (case.address, 0))
            bodies = [payload(case, packet) for packet, _ in (first, second)]
            kinds = [128, 129] if case.family == socket.AF_INET6 else [8, 0]
            expect("request and reply", [body[0] for body in bodies], kinds)
            expect("the rest", [body[4:] for body in bodies], [echo(case, 7, 1)[4:]] * 2)
            if case.family == socket.AF_INET:
                expect("sums", [summed(body) for body in bodies], [0xffff] * 2)
                expect("header", (first[0][0], first[0][8:10], first[0][12:20]),
                       (0x45, b"\x40\x01", socket.inet_aton(case.address) * 2))
                expect("its sum", summed(first[0][:20]), 0xffff)
                expect("its length", struct.unpack("!H", first[0][2:4])[0], len(first[0]))


def filters(case):
    v6 = case.family == socket.AF_INET6
    with raw(case, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP) as s:
        if v6:  # all but replies
            blocked = bytes([255] * 16 + [0b11111101] + [255] * 15)
            s.setsockopt(SOL_ICMPV6, ICMP_FILTER, blocked)
            expect("read back", s.getsockopt(SOL_ICMPV6, ICMP_FILTER, 100), blocked)
        else:
            blocked = struct.pack("I", ~1 & 0xffffffff)
            s.setsockopt(SOL_RAW, ICMP_FILTER, blocked)
            expect("read back", s.getsockopt(SOL_RAW, ICMP_FILTER, 100), blocked)
        s.sendto(echo(case, 8, 2), (case.address, 0))
        expect("the reply alone", payload(case, s.recv(2000))[0], 129 if v6 else 0)
        expect("and no more", waiting(s), "EAGAIN")


def any_protocol(case):
    with raw(case, TEST_PROTOCOL) as a, raw(case, TEST_PROTOCOL) as b, raw(case, 254) as other:
        b.connect((case.address, 0))
        expect("its own address", b.getsockname()[0], case.address)
        b.send(b"between us")
        for s in (a, b):
            expect("heard", payload(case, s.recv(100)), b"between us")
        expect("not by others", waiting(other), "EAGAIN")
        a.sendto(b"", (case.address, 0))
        expect("nothing in it", payload(case, b.recv(100)), b"")
        expect("too much", outcome(a.sendto, bytes(65536), (case.address, 0)), "EMSGSIZE")
        a.recv(100)  # its own
        a.sendto(bytes(range(256)) * 100, (case.address, 0))
        expect("much", payload(case, b.recv(65536)), bytes(range(256)) * 100)
        if case.family == socket.AF_INET6:
            expect("checksum", a.getsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM), -1)
            expect("at an odd place", outcome(a.setsockopt, socket.IPPROTO_IPV6, IPV6_CHECKSUM, 1), "EINVAL")
            a.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, 2)
            expect("no room for it", outcome(a.sendto, b"abc", (case.address, 0)), "EINVAL")
            a.sendto(bytes(8), (case.address, 0))
            pseudo = socket.inet_pton(case.family, case.address) * 2 + struct.pack("!II", 8, TEST_PROTOCOL)
            expect("filled in", summed(pseudo + b.recv(100)), 0xffff)


def broadcasts(case):
    """To all of lo's prefix: heard by everybody, answered by nobody."""
    if case.family == socket.AF_INET6:
        return
    everybody = "127.255.255.255", 0
    with raw(case, TEST_PROTOCOL) as a, raw(case, TEST_PROTOCOL) as b:
        expect("not allowed", outcome(a.sendto, b"all", everybody), "EACCES")
        a.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        a.sendto(b"all", everybody)
        expect("to all", [payload(case, s.recv(100)) for s in (a, b)], [b"all"] * 2)
    with raw(case, socket.IPPROTO_ICMP) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(echo(case, 9, 1), everybody)
        expect("a request", payload(case, s.recv(100))[0], 8)
        expect("not answered", waiting(s), "EAGAIN")


def streams_are_heard(case):
    with raw(case, socket.IPPROTO_TCP) as s, socket.create_server((case.address, 0), family=case.family) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            flags = [payload(case, s.recv(2000))[13] for _ in range(3)]
            expect("a handshake", flags, [0x02, 0x12, 0x10])
            expect("of these ports", client.getpeername()[1], server.getsockname()[1])


def unreachable_of(case, syn):
    """The ICMP error that tells the sender of this SYN, as heard, that its host cannot be reached."""
    if case.family == socket.AF_INET:
        message = struct.pack("!BBHI", 3, 1, 0, 0) + syn[:28]
        return message[:2] + struct.pack("!H", 0xffff ^ summed(message)) + message[4:]
    address = socket.inet_pton(case.family, case.address)
    header = struct.pack("!IHBB", 6 << 28, len(syn), socket.IPPROTO_TCP, 64) + address * 2
    return struct.pack("!BBHI", 1, 3, 0, 0) + header + syn  # its sum is filled in (RFC 3542 3.1)


def unreachable_ends_connect(case):
    icmp = socket.IPPROTO_ICMPV6 if case.family == socket.AF_INET6 else socket.IPPROTO_ICMP
    with socket.create_server((case.address, 0), family=case.family, backlog=0) as server, \
            socket.create_connection(server.getsockname()[:2]), \
            raw(case, socket.IPPROTO_TCP) as heard, raw(case, icmp) as router, \
            socket.socket(case.family, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        expect("its queue is full", client.connect_ex(server.getsockname()), errno.EINPROGRESS)
        router.sendto(unreachable_of(case, heard.recv(2000)), (case.address, 0))
        expect("told", select.select([], [client], [], 20)[1], [client])
        expect("why", client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.EHOSTUNREACH)


def own_headers(case):
    if case.family == socket.AF_INET6:
        return
    with raw(case, socket.IPPROTO_RAW) as s, raw(case, TEST_PROTOCOL) as listener:
        expect("on from the start", s.getsockopt(socket.IPPROTO_IP, IP_HDRINCL), 1)
        expect("a stump", outcome(s.sendto, b"E" * 19, (case.address, 0)), "EINVAL")
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0x10, 0, 0, 0, 33, TEST_PROTOCOL, 0, bytes(4),
                             socket.inet_aton(case.address))
        s.sendto(header + b"mine", (case.address, 0))
        got = listener.recv(100)
        expect("length, TTL, source", (got[1], struct.unpack("!H", got[2:4])[0], got[8], got[12:16], got[20:]),
               (0x10, 24, 33, socket.inet_aton(case.address), b"mine"))
        expect("sum", summed(got[:20]), 0xffff)
        expect("an identification", got[4:6] != b"\0\0", True)
    with raw(case, TEST_PROTOCOL) as s:
        expect("off else", s.getsockopt(socket.IPPROTO_IP, IP_HDRINCL), 0)


def body(case, programs):
    for part in (opening, echoes, filters, any_protocol, broadcasts, streams_are_heard, unreachable_ends_connect,
                 own_headers):
        if not case.lossy:
            part(case)


main(body, ["python3"])
