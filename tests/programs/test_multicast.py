#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Multicast on the loopback interface: groups, sources, what options refuse; as Linux does it
(SOCKWORKS=none shows it, in a network namespace)."""
import ctypes
import errno
import socket
import struct

from harness import expect, main

IP_ADD_SOURCE, IP_DROP_SOURCE, IP_BLOCK, IP_UNBLOCK, IP_MULTICAST_ALL = 39, 40, 38, 37, 49
LO = socket.inet_aton("127.0.0.1")


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


class Group:
    """A group of the case's family, and the options to join and leave it on lo."""

    def __init__(self, case):
        self.family = case.family
        self.v6 = case.family == socket.AF_INET6
        self.name = "ff05::4711" if self.v6 else "239.1.2.3"
        self.level = socket.IPPROTO_IPV6 if self.v6 else socket.IPPROTO_IP
        self.add = socket.IPV6_JOIN_GROUP if self.v6 else socket.IP_ADD_MEMBERSHIP
        self.drop = socket.IPV6_LEAVE_GROUP if self.v6 else socket.IP_DROP_MEMBERSHIP

    def request(self, name=None, index=None):
        packed = socket.inet_pton(self.family, name or self.name)
        if self.v6:
            return packed + struct.pack("i", 1 if index is None else index)
        return packed + (LO if index is None else bytes(4) + struct.pack("i", index))

    def member(self, port=0):
        s = socket.socket(self.family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::" if self.v6 else "", port))
        s.settimeout(20)
        s.setsockopt(self.level, self.add, self.request())
        return s

    def sender(self):
        s = socket.socket(self.family, socket.SOCK_DGRAM)
        if self.v6:
            s.setsockopt(self.level, socket.IPV6_MULTICAST_IF, struct.pack("i", 1))
        else:
            s.setsockopt(self.level, socket.IP_MULTICAST_IF, LO)
        return s


def nothing(s):
    s.setblocking(False)
    expect("nothing for it", outcome(s.recv, 100), "EAGAIN")
    s.settimeout(20)


def two_members(case):
    group = Group(case)
    with group.member() as a, group.member(a.getsockname()[1]) as b, group.sender() as sender:
        to = (group.name, a.getsockname()[1])
        for text in (b"first", b"second"):
            sender.sendto(text, to)
            for s in (a, b):
                data, sent_by = s.recvfrom(100)
                expect("each hears it", (data, sent_by[0]), (text, case.address))
        b.setsockopt(group.level, group.drop, group.request())
        if not group.v6:
            b.setsockopt(group.level, IP_MULTICAST_ALL, 0)
            sender.sendto(b"third", to)
            expect("who stays hears", a.recv(100), b"third")
            nothing(b)
        sender.connect(to)
        expect("connected", sender.getpeername()[:2], to)
        sender.send(b"fourth")
        expect("from a connected one", a.recv(100), b"fourth")


def closed_member(case):
    """Who has closed its socket is no member any more: nobody is left to hear of the group."""
    group = Group(case)
    if group.v6:
        return  # IPV6_MULTICAST_ALL is another story
    with socket.socket(case.family, socket.SOCK_DGRAM) as other, group.sender() as sender:
        other.bind(("", 0))
        port = other.getsockname()[1]
        with group.member():
            sender.sendto(b"first", (group.name, port))
            expect("all of the host's groups", other.recv(100), b"first")
        sender.sendto(b"second", (group.name, port))
        sender.sendto(b"third", (case.address, port))
        expect("what comes next", other.recv(100), b"third")


def refusals(case):
    group = Group(case)
    with group.member() as s:
        def option(name, value):
            return outcome(s.setsockopt, group.level, name, value)

        expect("again", option(group.add, group.request()), "EADDRINUSE")
        expect("short", option(group.add, b"abc"), "EINVAL")
        expect("no group", option(group.add, group.request(case.address)), "EINVAL")
        other = "ff05::1:2" if group.v6 else "239.9.9.9"
        expect("no such interface", option(group.add, group.request(other, 99)), "ENODEV")
        expect("not joined", option(group.drop, group.request(other)), "EADDRNOTAVAIL")
        expect("left", option(group.drop, group.request()), None)
        expect("left again", option(group.drop, group.request()), "EADDRNOTAVAIL")
    with socket.socket(case.family, socket.SOCK_STREAM) as s:
        expect("a stream", outcome(s.setsockopt, group.level, group.add, group.request()), "EPROTO")


def sources(case):
    group = Group(case)
    if group.v6:
        return
    packed = socket.inet_aton(group.name) + LO
    with group.member() as s, group.sender() as sender:
        to = (group.name, s.getsockname()[1])

        def option(name, source):
            return outcome(s.setsockopt, group.level, name, packed + socket.inet_aton(source))

        expect("blocked", option(IP_BLOCK, "127.0.0.1"), None)
        expect("blocked again", option(IP_BLOCK, "127.0.0.1"), "EADDRNOTAVAIL")
        expect("the other kind", option(IP_DROP_SOURCE, "127.0.0.1"), "EINVAL")
        sender.sendto(b"unheard", to)
        expect("not blocked", option(IP_UNBLOCK, "127.0.0.2"), "EADDRNOTAVAIL")
        expect("let in", option(IP_UNBLOCK, "127.0.0.1"), None)
        sender.sendto(b"heard", to)
        expect("heard", s.recv(100), b"heard")
        s.setsockopt(group.level, group.drop, group.request())
        expect("one only", option(IP_ADD_SOURCE, "127.0.0.9"), None)
        sender.sendto(b"unheard", to)
        expect("and another", option(IP_ADD_SOURCE, "127.0.0.1"), None)
        sender.sendto(b"heard", to)
        expect("heard", s.recv(100), b"heard")
        expect("dropped", option(IP_DROP_SOURCE, "127.0.0.1"), None)
        expect("dropped, too", option(IP_DROP_SOURCE, "127.0.0.9"), None)
        expect("so it has left", outcome(s.setsockopt, group.level, group.drop, group.request()),
               "EADDRNOTAVAIL")


def storage(case, address):
    """A struct sockaddr_storage."""
    packed = socket.inet_pton(case.family, address)
    before = bytes(4) if case.family == socket.AF_INET6 else b""  # flow information
    return (struct.pack("Hxx", case.family) + before + packed).ljust(128, b"\0")


def filters(case):
    """All sources at once: MCAST_MSFILTER, and IP_MSFILTER, which says the same of IPv4 only."""
    group = Group(case)
    family_of = {False: "127.0.0.", True: "fd00::"}[group.v6]
    one, two = family_of + "1", family_of + "2"

    def packed(mode, names, n=None, to=group.name):
        return (struct.pack("Ixxxx", 1) + storage(case, to) +
                struct.pack("II", mode, len(names) if n is None else n) +
                b"".join(storage(case, name) for name in names))

    with group.member() as s:
        def option(value):
            return outcome(s.setsockopt, group.level, 48, value)

        expect("block two", option(packed(0, [one, two])), None)
        expect("block two, again", option(packed(0, [one, two])), None)
        expect("only one", option(packed(1, [two])), None)
        expect("short", option(packed(1, [two])[:200]), "EINVAL")
        expect("very short", option(packed(1, [])[:143]), "EINVAL")
        expect("too many", option(packed(1, [two], 1000)), "ENOBUFS")
        expect("no such mode", option(packed(2, [two])), "EINVAL")
        expect("no group", option(packed(1, [two], to=case.address)), "EINVAL")
        expect("not joined", option(packed(1, [two], to="ff05::9" if group.v6 else "239.7.7.7")), "EINVAL")
        expect("to hear nobody is to leave", option(packed(1, [])), None)
        expect("which has been", option(packed(1, [])), "EADDRNOTAVAIL")
    if group.v6:
        return
    with group.member() as s:
        packed4 = socket.inet_aton(group.name) + LO
        value = packed4 + struct.pack("II", 0, 2) + socket.inet_aton(one) + socket.inet_aton(two)
        expect("block two", outcome(s.setsockopt, group.level, 41, value), None)
        expect("only one", outcome(s.setsockopt, group.level, 41, packed4 + struct.pack("II", 1, 1) +
                                   socket.inet_aton(two)), None)
        expect("a wrong length", outcome(s.setsockopt, group.level, 41, value[:-1]), "EINVAL")


def ask_filter(case):
    """What was set is told (getsockopt() with a question in it, which Python's cannot)."""
    libc = ctypes.CDLL(None, use_errno=True)
    group = Group(case)

    def get(s, request):
        room = ctypes.c_uint(len(request))
        buffer = ctypes.create_string_buffer(request, len(request))
        if libc.getsockopt(s.fileno(), group.level, 48, buffer, ctypes.byref(room)) != 0:
            return errno.errorcode[ctypes.get_errno()]
        return buffer.raw[136:room.value]

    def request(room, to=group.name):
        return struct.pack("Ixxxx", 1) + storage(case, to) + struct.pack("II", 9, room) + bytes(room * 128)

    source = "fd00::7" if group.v6 else "127.0.0.7"
    with group.member() as s:
        expect("at first, all", get(s, request(2)), struct.pack("II", 0, 0))
        s.setsockopt(group.level, 48, request(0)[:136] + struct.pack("II", 1, 1) + storage(case, source))
        for room in (2, 1):
            expect("its source", get(s, request(room)), struct.pack("II", 1, 1) + storage(case, source))
        expect("no room", get(s, request(0)), struct.pack("II", 1, 1))
        expect("not joined", get(s, request(1, "ff05::9" if group.v6 else "239.7.7.7")), "EADDRNOTAVAIL")
        expect("no group", get(s, request(1, case.address)), "EINVAL")
        expect("short", get(s, request(1)[:143]), "EINVAL")


def body(case, programs):
    for part in (two_members, closed_member, refusals, sources, filters, ask_filter):
        if not case.lossy:
            part(case)


main(body, ["python3"])
