#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nmap: which of a hundred ports answer connect(); ncat between two."""
import re

from harness import PYTHON, expect, main, wait_for_port

OPEN = (8003, 8017, 8080)


def body(case, programs):
    for port in OPEN:
        wait_for_port(case, port, programs.start(PYTHON, "-m", "http.server", port, "--bind", case.address))
    six = ["-6"] if ":" in case.address else []
    patience = ["--min-rtt-timeout", "3s", "--max-retries", "8"] if case.lossy else []
    found = programs.run("nmap", *six, *patience, "--unprivileged", "-sT", "-Pn", "-n", "-p", "8000-8099",
                         case.address)
    expect("open ports", [int(p) for p in re.findall(r"^(\d+)/tcp +open", found, re.M)], list(OPEN))
    if not case.lossy:
        expect("the others", re.search(r"Not shown: (\d+) closed", found)[1], str(100 - len(OPEN)))
    there = programs.start("ncat", "-lk", *six, case.address, "9000", "--recv-only")
    wait_for_port(case, 9000, there)
    with open("sent", "w+", encoding="ascii") as file:
        file.write("from one to the other\n")
        file.seek(0)
        programs.run("ncat", *six, "--send-only", case.address, "9000", stdin=file)
    there.wait_for("from one to the other\n")


main(body, ["nmap", "ncat"])
