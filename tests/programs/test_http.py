#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""python3 -m http.server and curl: a large file, whole; many small ones; the right error pages."""
import pathlib

from harness import PYTHON, expect, main, sha256, wait_for_port, write_random

PORT = 8000


def body(case, programs):
    site = pathlib.Path("site")
    site.mkdir()
    digest = write_random(site / "large", 3_000_000 if case.lossy else 100_000_000)
    small = {f"small-{i}": write_random(site / f"small-{i}", i * 997) for i in range(10)}
    server = programs.start(PYTHON, "-m", "http.server", PORT, "--bind", case.address,
                            "--directory", site)
    wait_for_port(case, PORT, server)
    url = f"http://{case.at(PORT)}"
    programs.run("curl", "-sS", "-f", "-o", "large", f"{url}/large", seconds=120)
    expect("SHA-256 of the large file", sha256("large"), digest)
    for name, wanted in small.items():
        programs.run("curl", "-sS", "-f", "-o", name, f"{url}/{name}")
        expect(f"SHA-256 of {name}", sha256(name), wanted)
    answer = programs.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{remote_ip}",
                          f"{url}/missing")
    expect("the answer to a wrong name", answer, f"404 {case.address}")
    refused = programs.start("curl", "-sS", f"http://{case.at(PORT + 1)}/")
    expect("curl's exit status where nobody listens", refused.wait(), 7)


main(body, ["curl"])
