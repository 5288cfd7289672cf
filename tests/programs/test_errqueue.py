#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The error queue of UDP sockets (IP_RECVERR, MSG_ERRQUEUE), and traceroute, which lives on it."""
import select
import socket
import struct

from harness import expect, main

IP_RECVERR, IPV6_RECVERR = 11, 25
CLOSED = 7009  # a port that nobody has


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return type(error).__name__


def asking(case):
    s = socket.socket(case.family, socket.SOCK_DGRAM)
    if case.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    return s


def check(case, s, wanted, room=100):
    """The next error of the queue is "port unreachable" about these bytes."""
    v6 = case.family == socket.AF_INET6
    data, control, flags, address = s.recvmsg(room, 512, socket.MSG_ERRQUEUE)
    expect("what was sent", data, wanted[:room])
    cut = socket.MSG_TRUNC if len(wanted) > room else 0
    expect("flags", flags, socket.MSG_ERRQUEUE | cut)
    expect("where to", address[:2], (case.address, CLOSED))
    expect("control", [c[:2] for c in control],
           [(socket.IPPROTO_IPV6, IPV6_RECVERR) if v6 else (socket.IPPROTO_IP, IP_RECVERR)])
    said = control[0][2]
    expect("length", len(said), 16 + (28 if v6 else 16))
    expect("error", struct.unpack("IBBBBII", said[:16]),
           (111, 3, 1, 4, 0, 0, 0) if v6 else (111, 2, 3, 3, 0, 0, 0))
    expect("offender", struct.unpack("H", said[16:18])[0], case.family)
    raw = said[24:40] if v6 else said[20:24]
    expect("its address", socket.inet_ntop(case.family, raw), case.address)


def connected(case):
    with asking(case) as s:
        s.connect((case.address, CLOSED))
        expect("an empty queue", outcome(s.recvmsg, 9, 99, socket.MSG_ERRQUEUE), "BlockingIOError")
        s.sendmsg([b"the first"])
        poll = select.poll()
        poll.register(s, 0)
        expect("poll", [e for _, e in poll.poll(20000)], [select.POLLERR])
        check(case, s, b"the first")
        expect("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
        expect("poll after", poll.poll(0), [])
        expect("empty again", outcome(s.recvmsg, 9, 99, socket.MSG_ERRQUEUE), "BlockingIOError")
        s.sendmsg([b"the second"])
        expect("poll", [e for _, e in poll.poll(20000)], [select.POLLERR])
        expect("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 111)
        check(case, s, b"the second", room=4)


def unconnected(case):
    with asking(case) as s:
        s.sendto(b"one", (case.address, CLOSED))
        # what happens on a loopback has happened by now
        check(case, s, b"one")
        s.sendto(b"two", (case.address, CLOSED))
        expect("the next call", outcome(s.sendto, b"three", (case.address, CLOSED)),
               "ConnectionRefusedError")
        check(case, s, b"two")


def unconnected_poll(case):
    """An error wakes who waits, and is there until the queue is empty; what came before it stays."""
    with asking(case) as s:
        s.bind((case.address, 0))
        s.sendto(b"kept", s.getsockname())
        s.sendto(b"three", (case.address, CLOSED))
        poll = select.poll()
        poll.register(s, 0)
        expect("poll", [e for _, e in poll.poll(20000)], [select.POLLERR])
        expect("the error", outcome(s.recvfrom, 9), "ConnectionRefusedError")
        expect("poll still", [e for _, e in poll.poll(20000)], [select.POLLERR])
        check(case, s, b"three")
        expect("poll after", poll.poll(0), [])
        poll.modify(s, select.POLLIN)
        expect("poll", [e for _, e in poll.poll(20000)], [select.POLLIN])
        expect("the datagram", outcome(s.recvfrom, 9)[0], b"kept")
        expect("nothing", outcome(s.recvfrom, 9, socket.MSG_DONTWAIT), "BlockingIOError")


def body(case, programs):
    if case.lossy:
        return
    connected(case)
    unconnected(case)
    unconnected_poll(case)
    text = programs.run("traceroute", "-n", "-q", "1", "-w", "20", case.address)
    hops = [line.split()[:2] for line in text.splitlines() if line.startswith(" ")]
    expect("hops", hops, [["1", case.address]])


main(body, ["traceroute"])
