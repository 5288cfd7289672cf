#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad luck: programs killed at every moment, the supervisor killed, memory, descriptors and disk used up, and
a crowd. Each time the run ends, nothing is left behind, and its own accounting (`--stats --json`) is zero.

    test_luck.py [--luck DIRECTORY] [--only TEXT] [--first SEED] [--seeds N] [--every N] [--crowd N]
"""
import argparse
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid

from harness import (PATH, ROOT, STEP_SECONDS, Failure, Stage, accounting, as_user, environment, expect, kill_marked, marked,
                     skip)

VICTIMS_STATUS = 7
FILES = ["victims", "crowd", "small", "no_memory.so"]


class Luck:
    def __init__(self, stage, args):
        self.stage, self.args = stage, args
        self.user = "nobody" if os.geteuid() == 0 else ""
        self.mark, self.home = uuid.uuid4().hex, stage.home(self.user)

    def start(self, *words, options=("--stats", "--json"), env=None, limit=None):
        more = ["env", *(f"{name}={value}" for name, value in (env or {}).items())]
        limited = ["prlimit", f"--nofile={limit}:{limit}"] if limit else []
        argv = [*as_user(self.user), *limited, *more, str(self.stage.path / "sockworks"), "run", *options, "--",
                *(str(word) for word in words)]
        return subprocess.Popen(argv, cwd=self.home, env=environment(self.home, self.mark), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process, seconds=STEP_SECONDS):
        """(exit status, stdout, stderr)"""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            kill_marked(self.mark)
            process.kill()
            raise Failure(f"did not end: {' '.join(process.args)}") from None
        self.nothing_left()
        return process.returncode, out, err

    def nothing_left(self):
        deadline = time.monotonic() + STEP_SECONDS
        while left := marked(self.mark):
            if time.monotonic() > deadline:
                kill_marked(self.mark)
                raise Failure(f"still there: {left}")
            time.sleep(0.02)

    def program(self, name):
        return self.stage.path / name


def killed_programs(luck):
    for seed in range(luck.args.first, luck.args.first + luck.args.seeds):
        options = ["--stats", "--json"]
        if seed % 3 == 0:
            options += ["--delay", "1ms", "--loss", "2%", "--seed", str(seed)]
        status, _, err = luck.finish(luck.start(luck.program("victims"), seed, options=options))
        expect(f"seed {seed}: exit status", status, VICTIMS_STATUS)
        accounting(f"seed {seed}", err)


def children(pid):
    try:
        return [int(word) for word in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def killed_supervisors(luck):
    """The guardian (which setpriv and env became) or its child, the supervisor; stopped, then killed, too."""
    for seed in range(luck.args.first, luck.args.first + max(4, luck.args.seeds // 3)):
        chance = random.Random(seed)
        process = luck.start(luck.program("victims"), seed)
        time.sleep(chance.uniform(0, 0.06))
        found = [process.pid] + children(process.pid)[:1]
        victim = chance.choice(found)
        if chance.random() < 0.3:
            os.kill(victim, signal.SIGSTOP)
            time.sleep(chance.uniform(0, 0.02))
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
        luck.finish(process)


def used_up_memory(luck):
    """At every allocation of the supervisor's in turn: the program works, or is told so, and all goes on."""
    shim = {"LD_PRELOAD": luck.program("no_memory.so"), "NO_MEMORY_AT": 0}
    status, _, err = luck.finish(luck.start(luck.program("small"), env=shim))
    words = [line.split()[0] for line in err.splitlines() if line.endswith(" allocations")]
    if status != 0 or not words:
        print(f"    not here: another allocator is in the way (status {status}, {err[-200:]!r})")
        return
    for for_good in ({}, {"NO_MEMORY_FOR_GOOD": 1}):
        for at in range(1 + len(for_good), int(words[0]) + 1, luck.args.every):
            status, out, err = luck.finish(luck.start(luck.program("small"), options=["--stats"],
                                                      env={**shim, "NO_MEMORY_AT": at, **for_good}))
            # Without any memory a connection may never be shown to its listener.
            if status not in (0, 1) and not (for_good and out.startswith("nothing came")):
                raise Failure(f"allocation {at} {'and all after it ' if for_good else ''}fails: "
                              f"status {status}, {out!r}, {err[-500:]!r}")
            if not for_good: # else not even the counting has memory
                expect(f"allocation {at}: left behind", "left behind" in err, False)


def used_up_descriptors(luck):
    """At every descriptor of the supervisor's in turn; as many as it takes to start are not counted."""
    worked = 0
    for limit in range(4, 40):
        status, out, err = luck.finish(luck.start(luck.program("small"), limit=limit))
        if status not in (0, 1, 125, 127) or (status == 125 and "sockworks: " not in err):
            raise Failure(f"limit {limit}: status {status}, {out!r}, {err[-500:]!r}")
        worked += status == 0
    expect("with enough descriptors it works", worked > 0, True)


def ends_with_none_left(luck):
    """stress-ng connects until no descriptor is left, and ends in the middle of it: whether anybody still holds
    what there is must be found out without a free descriptor."""
    if not shutil.which("stress-ng", path=PATH):
        print("    not here: stress-ng is not installed")
        return
    for limit in (62, 63, 300):
        words = ["stress-ng", "--sockmany", 1, "--timeout", 1, "--temp-path", luck.home]
        status, _, err = luck.finish(luck.start(*words, limit=limit))
        expect(f"limit {limit}: exit status", status, 0)
        accounting(f"limit {limit}", err)


def full_disk(luck):
    for option in ("--trace", "--capture"):
        status, _, err = luck.finish(luck.start(luck.program("small"), options=[option, "/dev/full"]))
        expect(f"{option}: exit status", status, 0)
        expect(f"{option}: said so", "/dev/full" in err, True)


def crowd_of(luck, n, limit=None):
    started = time.monotonic()
    status, out, err = luck.finish(luck.start(luck.program("crowd"), n, limit=limit), 5 * STEP_SECONDS)
    expect("exit status", (status, err[:200] if status else ""), (0, ""))
    expect("connections", out, f"{n} at once\n")
    accounting("the crowd", err)
    print(f"    {n} connections at once, {time.monotonic() - started:.1f} s")


def crowd(luck):
    """As many as are asked for, if the server may have as many descriptors."""
    crowd_of(luck, min(luck.args.crowd, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100))


def crowd_beyond_the_limit(luck):
    """The supervisor needs two descriptors for each connection, and has fewer: src/run/standin/park.h."""
    crowd_of(luck, 900, limit=1100)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--luck", default=ROOT / "build" / "tests" / "programs", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--every", type=int, default=7)
    parser.add_argument("--crowd", type=int, default=1000)
    args = parser.parse_args()
    stage, failed = Stage(), 0
    if stage.command is None:
        skip("about sockworks run: there is no such thing on the kernel's sockets")
    try:
        for name in FILES:
            shutil.copy2(args.luck / name, stage.path / name)
        for case in (killed_programs, killed_supervisors, used_up_memory, used_up_descriptors, ends_with_none_left,
                     full_disk, crowd, crowd_beyond_the_limit):
            if args.only not in case.__name__:
                continue
            started = time.monotonic()
            try:
                case(Luck(stage, args))
                print(f"ok      {case.__name__}, {time.monotonic() - started:.1f} s")
            except Failure as failure:
                failed += 1
                print(f"FAILED  {case.__name__}: {failure}")
    finally:
        stage.remove()
    sys.exit(1 if failed else 0)


main()
