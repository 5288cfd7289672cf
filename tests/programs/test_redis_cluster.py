#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A redis cluster of three on one host: they find each other, share the slots, and a client is sent to
whoever has a key."""
import pathlib
import time

from harness import Failure, expect, main, wait_for_port

PORTS = (7001, 7002, 7003)


def body(case, programs):
    for port in PORTS:
        pathlib.Path(str(port)).mkdir()
        server = programs.start("redis-server", "--port", port, "--bind", case.address, "--save", "",
                                "--cluster-enabled", "yes", "--cluster-node-timeout", "20000",
                                "--dir", str(port), "--protected-mode", "no")
        wait_for_port(case, port, server)

    def cli(port, *words, **more):
        return programs.run("redis-cli", "-h", case.address, "-p", port, *words, **more)

    joined = programs.run("redis-cli", "--cluster", "create", *(f"{case.address}:{p}" for p in PORTS),
                          "--cluster-yes", seconds=240)
    expect("all slots", "All 16384 slots covered" in joined, True)
    deadline = time.monotonic() + 120
    while any("cluster_state:ok" not in cli(port, "cluster", "info") for port in PORTS):
        if time.monotonic() > deadline:
            raise Failure("the cluster does not come up")
        time.sleep(0.2)
    count = 5 if case.lossy else 40
    for i in range(count):
        expect("set by any of them", cli(PORTS[i % 3], "-c", "set", f"key{i}", f"value{i}"), "OK\n")
    for i in range(count):
        expect("got by another", cli(PORTS[(i + 1) % 3], "-c", "get", f"key{i}"), f"value{i}\n")
    sizes = [int(cli(port, "dbsize")) for port in PORTS]
    expect("each key once", sum(sizes), count)
    expect("spread", min(sizes) > 0 or case.lossy, True)


main(body, ["redis-server", "redis-cli"])
