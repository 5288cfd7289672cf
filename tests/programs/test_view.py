#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `sockworks run` shows and records of two small programs: --flow, --trace, --capture.

    test_view.py EXAMPLES

EXAMPLES is the directory of the built examples. The capture is read by tshark, where there is one.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOCKWORKS = os.environ["SOCKWORKS"]
SCRIPT = "{0}_server {1} 7000 & sleep 0.2; {0}_client {1} 7000; wait"


def run(examples, home, kind, address, *options):
    """The flow, the records and the capture's name of one run."""
    env = {**os.environ, "PATH": f"{examples}:{os.environ['PATH']}", "LC_ALL": "C"}
    trace, capture = home / "trace.ndjson", home / "capture.pcapng"
    done = subprocess.run([SOCKWORKS, "run", "--flow", "--trace", trace, "--capture", capture, *options,
                           "--", "sh", "-c", SCRIPT.format(kind, address)],
                          env=env, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done
    records = [json.loads(line) for line in trace.read_text().splitlines()]
    return done.stderr, records, capture


def in_order(text, *patterns):
    """The patterns are found in the text, one behind the other."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, at)
        assert found, f"no {pattern!r} behind {text[:at][-200:]!r} in\n{text}"
        at = found.end()


def check_stream(examples, home, address):
    flow, records, _ = run(examples, home, "stream", address)
    in_order(flow, r"client +server", r"stream_client \(pid \d+\) +stream_server \(pid \d+\)",
             r"\| socket\(AF_INET6?, SOCK_STREAM\) = 3", r"\| bind\(3, \S+7000\)", r"\| listen\(3, 16\)",
             r"\| accept\(3\) \.\.\.", r"\| connect\(3, \S+7000\) \.\.\.", r"\|-+ SYN  seq 0 .*->\|",
             r"\|<-+ SYN ACK  seq 0  ack 1 .*-\|", r"\|-+ ACK  seq 1  ack 1 .*>\|",
             r"send: \d+ bytes", r"\|-+ (PSH )?ACK  seq 1 .* bytes -+>\|", r"recv: \d+ bytes", r"FIN ACK",
             r"close", r"1 conversation, \d+ segments")
    events = [r["event"] for r in records]
    for event in ["process", "call", "call-answered", "segment-sent", "segment-received", "state",
                  "data-taken", "data-given", "closed"]:
        assert event in events, f"no {event} in {sorted(set(events))}"
    assert all(a["at_ns"] <= b["at_ns"] for a, b in zip(records, records[1:])), "time went backwards"
    taken = sum(r["len"] for r in records if r["event"] == "data-taken")
    given = sum(r["len"] for r in records if r["event"] == "data-given")
    assert taken == given > 0, (taken, given)


def check_datagram(examples, home, address):
    flow, _, _ = run(examples, home, "datagram", address)
    in_order(flow, r"\| socket\(AF_INET6?, SOCK_DGRAM\) = 3", r"\| recvfrom\(3, \d+ bytes\) \.\.\.",
             r"\| sendto\(3, 22 bytes, \S+7000\)\s+=? *", r"\|-+ 22 bytes -+>\|",
             r"\.\.\. recvfrom = 22", r"\|<[-. \d]+ 42 bytes -+\|", r"1 conversation, 2 datagrams")


def check_loss(examples, home):
    """Lost packets break off, are sent again, and are told in the capture."""
    flow, records, capture = run(examples, home, "stream", "127.0.0.1", "--loss", "30%", "--delay", "1ms",
                                 "--seed", "2")
    lost = [r for r in records if r["event"] == "packet-dropped" and r["reason"] == "link-loss"]
    assert lost, "the seed loses nothing: choose another"
    assert flow.count("link-loss") == len(lost), flow
    assert "again: " in flow, flow
    assert f", {len(lost)} lost on the way" in flow, flow
    if not shutil.which("tshark"):
        print("test_view: no tshark, the capture was not read")
        return
    rows = subprocess.run(["tshark", "-r", capture, "-o", "tcp.check_checksum:TRUE", "-T", "fields",
                           "-e", "frame.comment", "-e", "tcp.checksum.status", "-e", "_ws.malformed"],
                          text=True, capture_output=True, timeout=60, check=True).stdout.splitlines()
    rows = [(row + "\t\t").split("\t") for row in rows]
    sent = sum(r["event"] == "segment-sent" for r in records)
    assert len(rows) == sent, (len(rows), sent)
    assert sum("link-loss" in row[0] for row in rows) == len(lost), rows
    assert all(row[1] == "1" and not row[2] for row in rows), rows # right checksums, nothing malformed


def main():
    examples = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="sockworks-view-") as name:
        home = pathlib.Path(name)
        for address in ["127.0.0.1", "::1"]:
            check_stream(examples, home, address)
            check_datagram(examples, home, address)
        check_loss(examples, home)


main()
