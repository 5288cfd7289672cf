#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy, two threads, before two servers and one that is dead: in turn by HTTP, and bytes by TCP."""
import collections
import pathlib
import time

from harness import PYTHON, Failure, expect, main, sha256, wait_for_port, write_random

HTTP, TCP, SERVERS, DEAD = 8090, 8092, (8001, 8002), 8003
CONFIG = """
global
    nbthread 2
    maxconn 500
defaults
    timeout connect 20s
    timeout client 60s
    timeout server 60s
    retries 5
listen by-http
    mode http
    bind {http}
    balance roundrobin
    option httpchk GET /name
    default-server check inter 500 fall 1 rise 1
    server one {one}
    server two {two}
    server dead {dead}
listen by-tcp
    mode tcp
    bind {tcp}
    server two {two}
"""


def body(case, programs):
    size = 300_000 if case.lossy else 20_000_000
    for name, port in zip(("one", "two"), SERVERS):
        site = pathlib.Path(name)
        site.mkdir()
        (site / "name").write_text(name)
        digest = write_random(site / "large", size)  # the second one's is asked for
        server = programs.start(PYTHON, "-m", "http.server", port, "--bind", case.address,
                                "--directory", site)
        wait_for_port(case, port, server)
    pathlib.Path("config").write_text(CONFIG.format(
        http=case.at(HTTP), tcp=case.at(TCP), one=case.at(SERVERS[0]), two=case.at(SERVERS[1]),
        dead=case.at(DEAD)))
    haproxy = programs.start("haproxy", "-db", "-f", "config")
    wait_for_port(case, TCP, haproxy)

    def ask():
        return programs.run("curl", "-sS", "-f", f"http://{case.at(HTTP)}/name")

    deadline = time.monotonic() + 30
    while "dead is DOWN" not in haproxy.output():
        if time.monotonic() > deadline:
            raise Failure("HAProxy does not notice that a server is dead")
        time.sleep(0.1)
    answers = collections.Counter(ask() for _ in range(8))
    if case.lossy:  # a check may be lost, too: then one server has them all for a while
        expect("who answered", set(answers) <= {"one", "two"}, True)
    else:
        expect("who answered", answers, {"one": 4, "two": 4})
    programs.run("curl", "-sS", "-f", "-o", "copy", f"http://{case.at(TCP)}/large", seconds=120)
    expect("SHA-256 of what came by TCP", sha256("copy"), digest)
    haproxy.end()


main(body, ["haproxy", "curl"])
