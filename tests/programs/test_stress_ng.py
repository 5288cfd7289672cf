#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""stress-ng: its stressors of sockets for a moment each, verifying what they get. Some of them abuse: descriptors
closed under a server, garbage options, floods of datagrams."""
from harness import expect, main

STRESSORS = ["sock", "sockabuse", "sockfd", "sockpair", "sockdiag", "udp", "udp-flood", "icmp-flood", "rawsock",
             "rawudp", "epoll", "poll", "sendfile", "splice", "netdev", "dccp", "sctp"]
WITH_DOMAIN = ["sock", "udp", "udp-flood", "epoll"]

def body(case, programs):
    domain = "ipv6" if ":" in case.address else "ipv4"
    for name in STRESSORS + ["sockmany"]:
        more = [f"--{name}-domain", domain] if name in WITH_DOMAIN else []
        ends = ["--sockmany-ops", 30 if case.lossy else 3000, "--timeout", 50] if name == "sockmany" else ["--timeout", 1]
        program = programs.start("stress-ng", f"--{name}", 1, *more, *ends, "--verify", "--temp-path", ".")
        status = program.wait()
        words = (" fail:", " error:") if status != 0 else (" fail:",)
        failures = [line for line in program.output().splitlines()
                    if any(word in line for word in words) and "terminated with an error" not in line]
        # Its alarm's handler is without SA_RESTART: docs/conformance.md.
        if not failures or not all("(Interrupted system call)" in line for line in failures):
            expect(f"{name}: exit status, failures", (status, failures), (0, []))


main(body, ["stress-ng"])
