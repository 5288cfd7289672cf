#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""SIPp: calls between a client and a server, by UDP and by TCP.

Its scenarios repeat requests but not every answer, so under loss, where some calls would fail by UDP on any
network, TCP is all that is asked for."""
import os

from harness import main

CALLS = 20


def body(case, programs):
    os.environ["TERM"] = "dumb"
    for transport, port in (("t1", 5061),) if case.lossy else (("u1", 5060), ("t1", 5061)):
        server = programs.start("sipp", "-sn", "uas", "-t", transport, "-i", case.address, "-p", port, "-m",
                                CALLS, "-nostdin", "-timeout", "60")
        wait_until_bound(case, programs, port, transport == "t1")
        programs.run("sipp", "-sn", "uac", "-t", transport, "-i", case.address, "-p", port + 10, "-m", CALLS,
                     "-r", "20", "-d", "50", "-timeout", "50", "-nostdin", case.at(port))
        server.wait()  # whose status is not asked: to the kernel's sockets, too, some calls end badly for it


def wait_until_bound(case, programs, port, stream):
    """Connecting would be a call, so `ss` is asked."""
    while str(port) not in programs.run("ss", "-Hln", "-t" if stream else "-u", "sport", "=", f":{port}"):
        pass


main(body, ["sipp", "ss"])
