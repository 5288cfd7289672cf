#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""socat: an echo by a program that inherits the socket, a chain of relays, and datagrams."""
import pathlib

from harness import Failure, expect, main, sha256, write_random

ECHO, RELAY, SHOUT, NOBODY = 7001, 7002, 7003, 7004


def at(case, kind, port):
    return f"{kind}:{case.at(port)}"


def listen(case, programs, kind, port, then, options=""):
    family = 6 if ":" in case.address else 4
    address = f"[{case.address}]" if family == 6 else case.address
    server = programs.start("socat", "-d", "-d", f"{kind}{family}-{options}:{port},bind={address},fork",
                            then)
    return server


def body(case, programs):
    digest = write_random("file", 200_000 if case.lossy else 10_000_000)
    for server in (listen(case, programs, "TCP", ECHO, "EXEC:cat", "LISTEN"),
                   listen(case, programs, "TCP", RELAY, at(case, "TCP", ECHO), "LISTEN")):
        server.wait_for("listening on")
    for port in (ECHO, RELAY):
        with open("file", "rb") as file, open("copy", "wb") as copy:
            programs.run("socat", "-t30", "-", at(case, "TCP", port), stdin=file, stdout=copy)
        expect(f"SHA-256 of what port {port} sent back", sha256("copy"), digest)
    listen(case, programs, "UDP", SHOUT, "EXEC:tr a-z A-Z", "RECVFROM").wait_for("receiving on")
    pathlib.Path("message").write_text("a datagram\n")
    for _ in range(10 if case.lossy else 1):
        with open("message", "rb") as message:
            answer = programs.run("socat", "-t2", "-", at(case, "UDP", SHOUT), stdin=message)
        if answer:
            break
    expect("the answer to a datagram", answer, "A DATAGRAM\n")
    refused = programs.start("socat", "-u", "-", at(case, "TCP", NOBODY))
    if refused.wait() == 0 or "Connection refused" not in refused.output():
        raise Failure("socat is not refused where nobody listens")


main(body, ["socat"])
