#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ss: states, queues, timers, what TCP knows, processes and filters, of sockets whose state the test knows."""
import os
import re
import socket
import time

from harness import Failure, expect, main

TRIES = 200


def ss(programs, *words):
    """Rows of columns; a line of details that belongs to a row is its last column."""
    rows = []
    for line in programs.run("ss", "-Hn", *words).splitlines():
        if line[:1].isspace() and rows:
            rows[-1][-1] += " " + line.strip()
        else:
            rows.append([*line.split()[:5], " ".join(line.split()[5:])])
    return rows


def wait_for_row(programs, wanted, *words):
    """Under loss it takes its time until a state is reached."""
    for _ in range(TRIES):
        rows = ss(programs, *words)
        if [row[:3] for row in rows] == [wanted]:
            return rows[0]
        time.sleep(0.05)
    raise Failure(f"{words}: {rows}, not {wanted}")


def body(case, programs):
    listener = socket.create_server((case.address, 0), family=case.family, backlog=5)
    port = listener.getsockname()[1]
    client = socket.create_connection((case.address, port))
    at, this = f"sport = :{client.getsockname()[1]}", f"pid={os.getpid()},"
    row = wait_for_row(programs, ["LISTEN", "1", "5"], "-tlp", f"sport = :{port}")
    expect("where it listens", row[3], case.at(port))
    expect("whose it is", this in row[5], True)
    server = listener.accept()[0]
    wait_for_row(programs, ["LISTEN", "0", "5"], "-tl", f"sport = :{port}")

    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.sendall(b"x" * 1000)
    row = wait_for_row(programs, ["ESTAB", "1000", "0"], "-tp",
                       f"sport = :{port} and dport = :{client.getsockname()[1]}")
    expect("whose it is", this in row[5], True)
    row = wait_for_row(programs, ["ESTAB", "0", "0"], "-tanoi", at)
    for what in ("timer:(keepalive,1", "wscale:", "rtt:", "cwnd:", "bytes_acked:", "mss:"):
        expect(f"{what} in {row[5]}", what in row[5], True)
    expect("memory", bool(re.search(r"skmem:\(r\d+,rb\d+,t\d+,tb\d+", ss(programs, "-tm", at)[0][5])), True)

    server.recv(1000)
    client.shutdown(socket.SHUT_WR)
    wait_for_row(programs, ["FIN-WAIT-2", "0", "0"], "-ta", at)
    wait_for_row(programs, ["CLOSE-WAIT", "1", "0"], "-ta", f"dport = :{client.getsockname()[1]}")
    server.close()
    client.recv(1)
    row = wait_for_row(programs, ["TIME-WAIT", "0", "0"], "-tao", at)
    expect("its timer", row[5].startswith("timer:(timewait,"), True)

    a = socket.socket(case.family, socket.SOCK_DGRAM)
    a.bind((case.address, 0))
    b = socket.socket(case.family, socket.SOCK_DGRAM)
    b.connect(a.getsockname())
    row = wait_for_row(programs, ["ESTAB", "0", "0"], "-ua", f"sport = :{b.getsockname()[1]}")
    expect("its peer", row[4], case.at(a.getsockname()[1]))
    wait_for_row(programs, ["UNCONN", "0", "0"], "-ua", f"sport = :{a.getsockname()[1]}")
    b.close()
    expect("closed", ss(programs, "-ua", f"dport = :{a.getsockname()[1]}"), [])
    expect("nobody's", ss(programs, "-ta", "dst", "192.0.2.0/24"), [])


main(body, ["ss"])
