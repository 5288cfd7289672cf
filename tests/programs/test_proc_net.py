#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""--proc-net: /proc/net tells of the run's sockets, as netstat and lsof read it."""
import os
import socket
import time

from harness import expect, main

ESTABLISHED, LISTEN, UNCONNECTED = "01", "0A", "07"


def rows(name):
    with open(f"/proc/net/{name}", encoding="ascii") as file:
        return [line.split() for line in file.read().splitlines()[1:]]


def row_of(sock, name, state):
    """The line that has the socket's inode, once it is in that state."""
    inode = str(os.fstat(sock.fileno()).st_ino)
    for _ in range(200):
        found = [row for row in rows(name) if row[9] == inode]
        if [row[3] for row in found] == [state]:
            return found[0]
        time.sleep(0.05)
    return expect(f"{inode} in {name}", found, state)


def place(case, port):
    """127.0.0.1 or ::1 and the port, as the kernel prints them."""
    loopback = "0100007F" if case.address == "127.0.0.1" else "000000000000000000000000" + "01000000"
    return f"{loopback}:{port:04X}"


def body(case, programs):
    v6 = "6" if case.family == socket.AF_INET6 else ""
    listener = socket.create_server((case.address, 0), family=case.family)
    port = listener.getsockname()[1]
    client = socket.create_connection((case.address, port))
    server = listener.accept()[0]
    client.sendall(b"hello")
    expect("the listener", row_of(listener, "tcp" + v6, LISTEN)[1], place(case, port))
    row = row_of(client, "tcp" + v6, ESTABLISHED)
    expect("the peer", row[2], place(case, port))
    expect("the owner", row[7], str(os.getuid()))
    server.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    expect("what waits", row_of(server, "tcp" + v6, ESTABLISHED)[4], "00000000:00000005")

    datagrams = socket.socket(case.family, socket.SOCK_DGRAM)
    inode = str(os.fstat(datagrams.fileno()).st_ino)
    expect("unbound", [row for row in rows("udp" + v6) if row[9] == inode], [])
    datagrams.bind((case.address, 0))
    row = row_of(datagrams, "udp" + v6, UNCONNECTED)
    expect("bound", row[1], place(case, datagrams.getsockname()[1]))
    datagrams.connect((case.address, port))
    expect("its peer", row_of(datagrams, "udp" + v6, ESTABLISHED)[2], place(case, port))
    datagrams.close()
    expect("closed", [row for row in rows("udp" + v6) if row[9] == inode], [])

    expect("interfaces", [row[0] for row in rows("dev")[1:]], ["lo:"])
    with open("/proc/self/net/if_inet6", encoding="ascii") as file:
        expect("addresses", file.read().split()[0], "0" * 31 + "1")
    with open("/proc/net/snmp", encoding="ascii") as file:
        lines = [line.split() for line in file.read().splitlines()]
    for names, values in zip(lines[::2], lines[1::2]):
        expect("as many values as names", (names[0], len(values)), (values[0], len(names)))
    with open("/proc/self/comm", encoding="ascii") as file:
        expect("other files", file.read().strip(), open(f"/proc/{os.getpid()}/comm", encoding="ascii").read().strip())
    table = programs.run("netstat", "-tnlp")
    expect("netstat", f"{case.at(port).replace('[', '').replace(']', '')} " in table and f"{os.getpid()}/" in table, True)
    table = programs.run("lsof", "-nP", "-a", "-p", str(os.getpid()), "-i", f"TCP:{port}", "-s", "TCP:LISTEN")
    expect("lsof", f"{case.at(port)} (LISTEN)" in table, True)


main(body, ["netstat", "lsof"], options=["--proc-net"])
