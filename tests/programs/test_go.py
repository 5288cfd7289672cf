#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A Go HTTP server and client: static, without a libc, with raw system calls and its own threads."""
import os
import pathlib
import subprocess

from harness import HERE, ROOT, main

PORT = 7400


def body(case, programs):
    server = programs.start(HERE / "go_server", case.at(PORT))
    server.wait_for("ready")
    clients, size = (5, 20_000) if case.lossy else (40, 500_000)
    programs.run(HERE / "go_client", case.at(PORT), clients, size, seconds=120)


def compile_programs(directory):
    """Without cgo and without any module; the packages of Go's own library are compiled once."""
    cache = pathlib.Path(os.environ.get("GOCACHE", ROOT / "build" / "go-cache"))
    environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": "",
                   "GOCACHE": str(cache), "HOME": str(directory)}
    for name in ("server", "client"):
        subprocess.run(["go", "build", "-p", "2", "-o", directory / f"go_{name}",
                        HERE / "go" / f"{name}.go"], check=True, env=environment)


main(body, ["go"], prepare=compile_programs)
