#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mosquitto: messages of each quality through a broker, kept ones, a large one, and a client's last will."""
import os
import pathlib

from harness import expect, main, wait_for_port

PORT = 1883


def body(case, programs):
    as_root = "user root\n" if os.geteuid() == 0 else ""
    pathlib.Path("conf").write_text(f"listener {PORT} {case.address}\nallow_anonymous true\n{as_root}")
    broker = programs.start("mosquitto", "-v", "-c", "conf")
    wait_for_port(case, PORT, broker)
    at = ["-h", case.address, "-p", PORT]
    size = 50_000 if case.lossy else 2_000_000
    few = programs.start("mosquitto_sub", *at, "-t", "a/#", "-C", "60", "-q", "2")
    large = programs.start("mosquitto_sub", *at, "-t", "large", "-C", "1")
    will = programs.start("mosquitto_sub", *at, "-t", "will", "-C", "1")
    for topic in ("a/#", "large", "will"):
        broker.wait_for(f"\t{topic} (QoS")
    lines = "".join(f"message {i}\n" for i in range(20))
    pathlib.Path("lines").write_text(lines)
    for quality in "012":
        with open("lines", encoding="ascii") as file:
            programs.run("mosquitto_pub", *at, "-t", f"a/{quality}", "-q", quality, "-l", stdin=file)
    expect("the messages", sorted(few.succeed().splitlines()), sorted(lines.splitlines() * 3))
    pathlib.Path("big").write_text("x" * size)
    programs.run("mosquitto_pub", *at, "-t", "large", "-f", "big")
    expect("the large one", large.succeed().rstrip("\n"), "x" * size)
    programs.run("mosquitto_pub", *at, "-t", "kept", "-r", "-m", "still there")
    expect("a kept one", programs.run("mosquitto_sub", *at, "-t", "kept", "-C", "1"), "still there\n")
    dying = programs.start("mosquitto_sub", *at, "-t", "none", "-i", "dying", "--will-topic", "will",
                           "--will-payload", "gone")
    broker.wait_for("as dying")
    dying.process.kill()
    expect("the last will", will.succeed(), "gone\n")


main(body, ["mosquitto", "mosquitto_sub", "mosquitto_pub"])
