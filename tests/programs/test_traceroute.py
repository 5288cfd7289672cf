#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""traceroute by UDP, by ICMP and by TCP: one hop, and who it is."""
import re

from harness import expect, main

METHODS = {"UDP": [], "UDP to one port": ["-U", "-p", "53"], "ICMP": ["-I"], "TCP": ["-T", "-p", "9"]}


def body(case, programs):
    for name, words in METHODS.items():
        said = programs.run("traceroute", "-n", "-q", "1" if not case.lossy else "5", "-w", "5", *words,
                            case.address)
        hops = re.findall(r"^ *(\d+) +(\S+)", said, re.MULTILINE)
        expect(f"hops by {name}", [hop for hop in hops if hop[1] != "*"][-1:], [("1", case.address)])


main(body, ["traceroute"])
