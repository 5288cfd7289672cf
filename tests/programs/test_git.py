#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""git daemon: a clone and a push by git://, and the error for a repository that is not there."""
import os
import pathlib

from harness import Failure, expect, main, sha256, wait_for_port, write_random

PORT = 9418


def body(case, programs):
    home = pathlib.Path.cwd()
    os.environ["GIT_CONFIG_GLOBAL"] = str(home / "config")
    for name, value in {"user.name": "A", "user.email": "a@example.org", "init.defaultBranch": "main",
                        "safe.directory": "*"}.items():
        programs.run("git", "config", "--global", name, value)
    programs.run("git", "init", "-q", "served/work")
    digest = write_random("served/work/file", 100_000 if case.lossy else 5_000_000)
    work = ["git", "-C", "served/work"]
    programs.run(*work, "add", "file")
    programs.run(*work, "commit", "-q", "-m", "one")
    programs.run("git", "init", "-q", "--bare", "served/bare")
    daemon = programs.start("git", "daemon", "--reuseaddr", "--export-all", "--enable=receive-pack",
                            "--informative-errors", f"--base-path={home / 'served'}",
                            f"--listen={case.address}", f"--port={PORT}")
    wait_for_port(case, PORT, daemon)
    url = f"git://{case.at(PORT)}"
    programs.run("git", "clone", "-q", f"{url}/work", "clone", seconds=120)
    expect("SHA-256 of what was cloned", sha256("clone/file"), digest)
    programs.run(*work, "push", "-q", f"{url}/bare", "HEAD:refs/heads/main", seconds=120)
    head = programs.run(*work, "rev-parse", "HEAD")
    expect("what was pushed", programs.run("git", "ls-remote", f"{url}/bare", "refs/heads/main"),
           f"{head.strip()}\trefs/heads/main\n")
    missing = programs.start("git", "clone", "-q", f"{url}/none", "nothing")
    if missing.wait() == 0 or "no such repository" not in missing.output():
        raise Failure("a repository that is not there can be cloned")
    daemon.end()


main(body, ["git"])
