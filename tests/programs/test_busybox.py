#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""busybox, static: httpd, which starts a process for each client and a program for a page, and wget."""
import pathlib

from harness import expect, main, sha256, wait_for_port, write_random

HTTP = 8100
PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "$REMOTE_ADDR asks, $(cat)"
"""


def body(case, programs):
    site = pathlib.Path("site")
    site.mkdir()
    digest = write_random(site / "file", 300_000 if case.lossy else 20_000_000)
    (site / "cgi-bin").mkdir()
    page = site / "cgi-bin" / "page"
    page.write_text(PAGE)
    page.chmod(0o755)
    server = programs.start("busybox", "httpd", "-f", "-p", case.at(HTTP), "-h", site)
    wait_for_port(case, HTTP, server)
    programs.run("busybox", "wget", "-q", "-O", "copy", f"http://{case.at(HTTP)}/file", seconds=120)
    expect("SHA-256 of the file", sha256("copy"), digest)
    page = programs.run("busybox", "wget", "-q", "-O", "-", "--post-data=please",
                        f"http://{case.at(HTTP)}/cgi-bin/page")
    expect("the program's page", page, f"{case.address} asks, please\n".replace("::1", "[::1]"))
    missing = programs.start("busybox", "wget", "-q", "-O", "-", f"http://{case.at(HTTP)}/none")
    expect("wget's exit status for what is not there", missing.wait(), 1)
    refused = programs.start("busybox", "wget", "-q", "-O", "-", f"http://{case.at(HTTP + 50)}/")
    expect("wget's exit status where nobody listens", refused.wait(), 1)


main(body, ["busybox"])
