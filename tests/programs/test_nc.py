#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nc as server and as client: a file over TCP in each direction, messages over UDP, a port scan."""
import pathlib
import time

from harness import Failure, expect, main, sha256, write_random

PORT = 7001


def over_tcp(case, programs):
    digest = write_random("file", 1_000_000 if case.lossy else 20_000_000)
    with open("to-server", "wb") as out, open("file", "rb") as file:
        server = programs.start("nc", "-n", "-v", "-l", case.address, PORT, stdout=out)
        server.wait_for("Listening on")
        programs.run("nc", "-n", "-N", case.address, PORT, stdin=file)
        server.succeed()
    expect("SHA-256 of what the server received", sha256("to-server"), digest)
    with open("to-client", "wb") as out, open("file", "rb") as file:
        server = programs.start("nc", "-n", "-v", "-N", "-l", case.address, PORT, stdin=file)
        server.wait_for("Listening on")
        programs.run("nc", "-n", "-d", case.address, PORT, stdout=out)
        server.succeed()
    expect("SHA-256 of what the client received", sha256("to-client"), digest)


def over_udp(case, programs):
    """Datagrams may be lost under loss: then one of several is enough."""
    message = b"a datagram by nc\n"
    pathlib.Path("message").write_bytes(message)
    received = pathlib.Path("datagrams")
    with open(received, "wb") as out:
        server = programs.start("nc", "-n", "-v", "-u", "-l", case.address, PORT, stdout=out)
        server.wait_for("Bound on")
        # nc -u -l answers to its first peer only, so there is one client, which sends all.
        client = programs.start("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do cat message; sleep 0.05; "
                                f"done | nc -n -u -w 1 {case.address} {PORT}")
        client.succeed()
    deadline = time.monotonic() + 10
    wanted = 1 if case.lossy else 8
    while received.read_bytes().count(message) < wanted:
        if time.monotonic() > deadline:
            raise Failure(f"of 8 datagrams arrived {received.read_bytes().count(message)}")
        time.sleep(0.05)
    server.end()


def scan(case, programs):
    with open("file", "rb") as file:
        server = programs.start("nc", "-n", "-v", "-k", "-l", case.address, PORT + 1, stdin=file)
        server.wait_for("Listening on")
        found = programs.start("nc", "-n", "-z", "-v", case.address, f"{PORT}-{PORT + 2}")
        found.wait()
    lines = found.output().splitlines()
    expect("open ports", sum("succeeded" in line for line in lines), 1)
    expect("closed ports", sum("refused" in line for line in lines), 2)


def body(case, programs):
    over_tcp(case, programs)
    over_udp(case, programs)
    scan(case, programs)


main(body, ["nc"])
