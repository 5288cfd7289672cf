#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rsync's daemon: a tree there and back, and the difference after a change."""
import filecmp
import os
import pathlib

from harness import expect, main, wait_for_port, write_random

PORT = 8730


def same(a, b):
    compared = filecmp.dircmp(a, b)
    names = compared.left_only + compared.right_only + compared.diff_files + compared.funny_files
    return not names and all(same(f"{a}/{d}", f"{b}/{d}") for d in compared.common_dirs)


def body(case, programs):
    for name in ("source/sub", "there"):
        pathlib.Path(name).mkdir(parents=True)
    write_random("source/large", 100_000 if case.lossy else 10_000_000)
    for i in range(50):
        pathlib.Path(f"source/sub/{i}").write_text(str(i))
    as_root = "uid = root\ngid = root\n" if os.geteuid() == 0 else ""
    pathlib.Path("conf").write_text(f"use chroot = no\npid file = {os.getcwd()}/pid\n{as_root}"
                                    f"[m]\npath = {os.getcwd()}/there\nread only = no\n")
    server = programs.start("rsync", "--daemon", "--no-detach", "--config=conf", "--port", PORT,
                            "--address", case.address)
    wait_for_port(case, PORT, server)
    url = f"rsync://{case.at(PORT)}"
    expect("the list of modules", programs.run("rsync", f"{url}/").split(), ["m"])
    programs.run("rsync", "-a", "source/", f"{url}/m/")
    expect("the same there", same("source", "there"), True)
    with open("source/large", "r+b") as file:
        file.seek(50_000)
        file.write(b"changed")
    os.remove("source/sub/7")
    programs.run("rsync", "-acz", "--delete", "source/", f"{url}/m/")
    programs.run("rsync", "-az", f"{url}/m/", "back/")
    expect("the same after a change, and back", same("source", "back"), True)


main(body, ["rsync"])
