#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""iperf3: TCP, four streams, the other way, UDP both ways."""
import json
import time

from harness import Failure, main

PORT = 5201
BUSY = "the server is busy"
BUSY_LOST = "unable to receive control message: Connection reset by peer"
NOT_YET = "unable to connect to server: Connection refused"
HELLO_LOST = "unable to read from stream socket"
RETRY_DEADLINE_S = 70


def transferred(report):
    end = report["end"]
    return end.get("sum_received", end.get("sum", {})).get("bytes", 0)


def measure(case, programs, seconds, variant):
    """One client's report. The server listens anew after each test, and a client that is quicker is
    refused. On a lossy link two more things go wrong that are iperf3's own, and another try
    mends them. The server may still be at the end of the last test when the client has left it, and
    says so to the next one, in a byte that is not sent again when it is lost, since a reset follows
    it: it serves one at a time. And a UDP test begins with one datagram each way,
    which iperf3 sends once: when the link loses either, the client gives up after 30 s."""
    deadline = time.monotonic() + RETRY_DEADLINE_S
    while True:
        client = programs.start("iperf3", "-c", case.address, "-p", PORT, "-t", seconds, "-J",
                                *variant)
        status = client.wait()
        report = json.loads(client.output())
        error = report.get("error", "")
        again = NOT_YET in error or (
            case.lossy and (BUSY in error or BUSY_LOST in error or ("-u" in variant and HELLO_LOST in error)))
        if not again or time.monotonic() > deadline:
            return status, report
        time.sleep(0.2)


def body(case, programs):
    server = programs.start("iperf3", "-s", "-B", case.address, "-p", PORT, "--forceflush")
    server.wait_for("Server listening")
    seconds = "2" if case.lossy else "1"
    variants = [[], ["-R"], ["-P", "4"], ["-u", "-b", "20M"], ["-u", "-b", "20M", "-R"]]
    for variant in variants:
        status, report = measure(case, programs, seconds, variant)
        name = " ".join(["iperf3", *variant])
        if status != 0 or "error" in report:
            raise Failure(f"{name}: exit status {status}: {report.get('error')}")
        if transferred(report) < 10_000:
            raise Failure(f"{name}: {transferred(report)} bytes arrived")


main(body, ["iperf3"])
