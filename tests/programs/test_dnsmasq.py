#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dnsmasq and dig: questions by UDP and by TCP, an answer too large for a datagram, a second dnsmasq that
asks the first, and a port where nobody answers."""
from harness import Failure, expect, main, wait_for_port

FIRST, SECOND, NOBODY = 5353, 5354, 5355
TEXTS = ["x" * 250, "y" * 250, "z" * 250]


def body(case, programs):
    common = ["dnsmasq", "-C", "/dev/null", "-k", "--no-resolv", "--no-hosts", "--log-facility=-",
              "--pid-file=", f"--listen-address={case.address}", "--bind-interfaces", "--user=nobody"]
    first = programs.start(*common, f"--port={FIRST}", "--address=/known.test/192.0.2.1",
                           "--address=/known.test/2001:db8::1", f"--txt-record=large.test,{','.join(TEXTS)}")
    second = programs.start(*common, f"--port={SECOND}", f"--server={case.address}#{FIRST}")
    wait_for_port(case, FIRST, first)
    wait_for_port(case, SECOND, second)

    def dig(port, *question):
        patience = ["+tries=10", "+time=2"] if case.lossy else ["+tries=1", "+time=20"]
        return programs.run("dig", f"@{case.address}", "-p", port, *patience, "+short", *question)

    for port in (FIRST, SECOND):
        expect("A", dig(port, "known.test", "A"), "192.0.2.1\n")
        expect("AAAA", dig(port, "known.test", "AAAA"), "2001:db8::1\n")
        expect("A by TCP", dig(port, "+tcp", "known.test", "A"), "192.0.2.1\n")
        expect("a large answer, by TCP for want of room", dig(port, "+noedns", "large.test", "TXT"),
               " ".join(f'"{text}"' for text in TEXTS) + "\n")
    nobody = programs.start("dig", f"@{case.address}", "-p", NOBODY, "+tries=1", "+time=1", "known.test")
    if nobody.wait() != 9:
        raise Failure("dig has an answer where nobody listens")
    if not case.lossy and "connection refused" not in nobody.output():
        raise Failure("dig does not hear that nobody listens")


main(body, ["dnsmasq", "dig"])
