#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nghttp2: nghttpd with and without TLS, h2load with many streams at once, nghttpx before it."""
import pathlib

from harness import expect, main, sha256, wait_for_port, write_random

PLAIN, TLS, PROXY = 8080, 8443, 8081


def body(case, programs):
    pathlib.Path("site").mkdir()
    digest = write_random("site/file", 50_000 if case.lossy else 3_000_000)
    pathlib.Path("site/small").write_text("small")
    programs.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert",
                 "-days", "2", "-subj", "/CN=x")
    servers = {
        PLAIN: programs.start("nghttpd", "-a", case.address, "-d", "site", "--no-tls", PLAIN),
        TLS: programs.start("nghttpd", "-a", case.address, "-d", "site", TLS, "key", "cert"),
        PROXY: programs.start("nghttpx", f"-f{case.address},{PROXY};no-tls",
                              f"-b{case.address},{PLAIN};;proto=h2", "--errorlog-file=/dev/stderr", "-n1"),
    }
    for port, server in servers.items():
        wait_for_port(case, port, server)
    requests = 50 if case.lossy else 1000
    for url in (f"http://{case.at(PLAIN)}", f"https://{case.at(TLS)}", f"http://{case.at(PROXY)}"):
        said = programs.run("h2load", "-n", requests, "-c", "5", "-m", "10", f"{url}/small")
        expect(f"h2load of {url}", f" {requests} succeeded, 0 failed" in said, True)
        how = [] if url.startswith("https") else ["--http2-prior-knowledge"]
        programs.run("curl", "-gsSk", "--http2", *how, "-o", "got", f"{url}/file")
        expect(f"the file of {url}", sha256("got"), digest)


main(body, ["nghttpd", "nghttpx", "h2load", "curl", "openssl"])
