#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""redis-server, redis-cli and redis-benchmark: commands, a large value, many pipelined clients."""
import hashlib
import pathlib

from harness import Failure, expect, main, wait_for_port, write_random

PORT = 6379


def body(case, programs):
    server = programs.start("redis-server", "--port", PORT, "--bind", case.address, "--save", "",
                            "--appendonly", "no", "--daemonize", "no")
    wait_for_port(case, PORT, server)
    cli = ["redis-cli", "-h", case.address, "-p", PORT]
    expect("PING", programs.run(*cli, "ping"), "PONG\n")
    digest = write_random("value", 100_000 if case.lossy else 8_000_000)
    with open("value", "rb") as value:
        expect("SET", programs.run(*cli, "-x", "set", "large", stdin=value), "OK\n")
    with open("copy", "wb") as copy:
        programs.run(*cli, "--raw", "get", "large", stdout=copy)
    data = pathlib.Path("copy").read_bytes()[:-1]  # redis-cli adds a line feed
    expect("SHA-256 of the value", hashlib.sha256(data).hexdigest(), digest)
    requests, clients = (300, 5) if case.lossy else (10_000, 50)
    for pipeline in (1, 16):
        report = programs.run("redis-benchmark", "-h", case.address, "-p", PORT, "-n", requests,
                              "-c", clients, "-P", pipeline, "-t", "set,get,lpush", "-q",
                              seconds=100)
        if report.count("requests per second") != 3:
            raise Failure(f"redis-benchmark -P {pipeline} did not finish: {report[-300:]}")
    expect("SHUTDOWN", programs.start(*cli, "shutdown", "nosave").wait(), 0)
    expect("redis-server's exit status", server.wait(), 0)


main(body, ["redis-server", "redis-cli", "redis-benchmark"])
