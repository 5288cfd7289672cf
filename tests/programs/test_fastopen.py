#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""TCP Fast Open (RFC 7413, tcp(7)): data in the SYN, by MSG_FASTOPEN and TCP_FASTOPEN_CONNECT.

Whether data went in the SYN both ends are asked: TCPI_OPT_SYN_DATA of TCP_INFO."""
import errno
import select
import socket

from harness import PYTHON, expect, main

MSG_FASTOPEN = 0x20000000
TCP_INFO, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE = 11, 23, 30, 33, 34
OPT_SYN_DATA = 32
CLOSED = 7009
LARGE = 3_000_000


def syn_data(s):
    return bool(s.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104)[5] & OPT_SYN_DATA)


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def client(case, timeout=None):
    s = socket.socket(case.family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    return s


def server(case, port, queue=10):
    s = client(case)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((case.address, port))
    if queue:
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, queue)
    s.listen(16)
    return s


def until(event, s):
    poll = select.poll()
    poll.register(s, event)
    expect("poll", bool(poll.poll(20000)), True)


def receive(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(min(n - len(data), 65536))
        if not piece:
            break
        data += piece
    return data


def finish(case, s, listener, said, in_syn):
    """The server's side, and an answer; whether data went in the SYN."""
    child, peer = listener.accept()
    with s, child:
        expect("what it says", receive(child, len(said)) == said, True)
        expect("who", peer[:2], s.getsockname()[:2])
        child.sendall(b"and back")
        expect("the answer", receive(s, 8), b"and back")
        if not case.lossy:  # a SYN that is sent again has no data
            expect("in the SYN, says the server", syn_data(child), in_syn)
            expect("in the SYN, says the client", syn_data(s), in_syn)
        s.shutdown(socket.SHUT_WR)
        expect("the end", child.recv(1), b"")


def non_blocking(case, listener, to):
    """Without a cookie, then with it."""
    s = client(case, 0)
    expect("no cookie yet", outcome(s.sendto, b"first", MSG_FASTOPEN, to), "EINPROGRESS")
    until(select.POLLOUT, s)
    expect("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    expect("now it goes", s.send(b"first"), 5)
    s.settimeout(None)
    finish(case, s, listener, b"first", False)

    s = client(case, 0)
    expect("with a cookie", outcome(s.sendto, b"second", MSG_FASTOPEN, to), 6)
    s.settimeout(None)
    finish(case, s, listener, b"second", True)

    s = client(case, 0)
    expect("sendmsg", outcome(s.sendmsg, [b"th", b"ird"], [], MSG_FASTOPEN, to), 5)
    s.settimeout(None)
    until(select.POLLOUT, s)
    expect("once more", outcome(s.sendto, b" time", MSG_FASTOPEN, to), 5)
    expect("and again", outcome(s.sendto, b"x", MSG_FASTOPEN, to), "EISCONN")
    finish(case, s, listener, b"third time", True)


def blocking(case, listener, to):
    s = client(case)
    expect("blocking", outcome(s.sendto, b"hello", MSG_FASTOPEN, to), 5)
    finish(case, s, listener, b"hello", True)


def large(case, to, programs):
    """More than fits into SYN and buffer: the rest follows by the same call."""
    data = bytes(range(256)) * (LARGE // 256)
    reader = programs.start(PYTHON, __file__, "--read", case.address, to[1] + 1, len(data))
    reader.wait_for("ready")
    with client(case) as s:
        expect("much", s.sendto(data, MSG_FASTOPEN, (case.address, to[1] + 1)), len(data))
        s.shutdown(socket.SHUT_WR)
        reader.wait_for(f"{len(data)} bytes, the same")
    reader.succeed()


def by_connect(case, listener, to):
    s = client(case)
    s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    expect("read back", s.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1)
    expect("connect", s.connect_ex(to), 0)
    expect("nothing has come", [listener in r for r in select.select([listener], [], [], 0.05)[:1]], [False])
    expect("writable", bool(select.select([], [s], [], 0)[1]), True)
    s.sendall(b"with the first write")
    finish(case, s, listener, b"with the first write", True)

    s = client(case, 0)
    s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    expect("connect, not blocking", s.connect_ex(to), 0)
    expect("connect again", outcome(s.connect, to), "EISCONN")
    expect("write", s.send(b"now"), 3)
    s.settimeout(None)
    finish(case, s, listener, b"now", True)

    with client(case) as s:
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        expect("connect, then nothing", s.connect_ex(to), 0)
    expect("nothing has come", select.select([listener], [], [], 0.05)[0], [])


def no_cookie(case, port):
    """TCP_FASTOPEN_NO_COOKIE at both ends: data in the first SYN there is."""
    listener = server(case, port)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    s = client(case)
    s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    with listener:
        expect("no cookie", s.sendto(b"at once", MSG_FASTOPEN, (case.address, port)), 7)
        finish(case, s, listener, b"at once", True)


def keys(case, port):
    """A listener with another key takes no old cookie; one with both does."""
    with server(case, port) as listener:
        old, new = bytes(range(16)), bytes(range(16, 32))
        to = (case.address, port)
        listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, old)
        for key, in_syn in ((old, None), (old, True), (new, False), (new, True), (old + new, True),
                            (new + old, True)):
            listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, key)
            expect("key", listener.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, 32), key)
            s = client(case)
            expect("a key", s.sendto(b"key", MSG_FASTOPEN, to), 3)
            child, _ = listener.accept()
            with s, child:
                expect("it", receive(child, 3), b"key")
                if in_syn is not None and not case.lossy:
                    expect("in the SYN", (key, syn_data(child)), (key, in_syn))


def errors(case, to):
    with client(case) as s:
        expect("no address", outcome(s.send, b"x", MSG_FASTOPEN), "EINVAL")
    with client(case) as s:
        expect("nobody there", outcome(s.sendto, b"x", MSG_FASTOPEN, (case.address, CLOSED)), "ECONNREFUSED")
        expect("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    with client(case) as s:
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
        expect("nobody there, with data", outcome(s.sendto, b"x", MSG_FASTOPEN, (case.address, CLOSED)),
               "ECONNREFUSED")
        expect("but here", s.sendto(b"again", MSG_FASTOPEN, to), 5)
    with client(case, 0) as s:
        expect("nobody there, not blocking", outcome(s.sendto, b"x", MSG_FASTOPEN, (case.address, CLOSED)), 1)
        until(select.POLLERR, s)
        expect("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED)


def body(case, programs):
    to = (case.address, 7010)
    with server(case, to[1]) as listener:
        non_blocking(case, listener, to)
        blocking(case, listener, to)
        by_connect(case, listener, to)
    large(case, to, programs)
    no_cookie(case, 7020)
    keys(case, 7030)
    with server(case, 7040, queue=0) as listener:
        errors(case, (case.address, 7040))


def read(address, port, n):
    """The other program of large()."""
    case_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(case_family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
        listener.bind((address, port))
        listener.listen()
        print("ready", flush=True)
        child, _ = listener.accept()
    data = receive(child, n + 1)
    print(len(data), "bytes,", "the same" if data == bytes(range(256)) * (n // 256) else "others", flush=True)


if __name__ == "__main__":
    import sys
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(body, sysctls=["net.ipv4.tcp_fastopen=3"])
