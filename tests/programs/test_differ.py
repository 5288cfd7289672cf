#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The same on the kernel and on Sockworks: runs differ's scenarios on both and compares line by line.

What may differ stands with its reason in differ/known.txt. A scenario that differs otherwise is run once
more, alone, on both (a busy machine can delay what a scenario gave time to arrive), and fails if it
differs again.

    test_differ.py [--differ PROGRAM] [SCENARIO...]
"""
import argparse
import collections
import difflib
import os
import pathlib
import shutil
import sys

from harness import HERE, ROOT, Stage, lines_on_both

USERS = ["root", "nobody"]


def read_known():
    """{scenario: {'- line', '+ line', ...}}"""
    known, lines = collections.defaultdict(set), None
    for text in (HERE / "differ" / "known.txt").read_text(encoding="utf-8").splitlines():
        if text.startswith(("- ", "+ ")):
            lines.add(text)
        elif text and not text.startswith("#"):
            lines = known[text.split(":")[0]]
    return known


def by_scenario(lines):
    """{'scenario/4': [line, ...]}"""
    results = collections.defaultdict(list)
    for line in lines:
        name, _, text = line.partition(": ")
        results[name].append(text)
    return results


def differences(kernel, own):
    return [line for line in difflib.ndiff(kernel, own) if line.startswith(("- ", "+ "))]


class Comparison:
    def __init__(self, stage, user):
        self.stage, self.user, self.known = stage, user, read_known()
        self.seen = collections.defaultdict(set)

    def both(self, scenarios):
        words = [str(self.stage.path / "differ"), *scenarios]
        return map(by_scenario, lines_on_both(self.stage, self.user, words))

    def unknown(self, name, kernel, own):
        found = differences(kernel.get(name, []), own.get(name, []))
        scenario = name.split("/")[0]
        self.seen[scenario].update(found)
        return [line for line in found if line not in self.known[scenario]]

    def report(self, scenarios):
        """Prints what differs; returns how many scenarios do."""
        kernel, own = self.both(scenarios)
        again = [name for name in kernel if self.unknown(name, kernel, own)]
        again += [name for name in own if name not in kernel]
        same, failed = len(kernel) - len(again), 0
        if again:
            kernel, own = self.both(again)
        for name in again:
            if not self.unknown(name, kernel, own):
                same += 1
                print(f"{name}: the same when repeated alone")
                continue
            failed += 1
            print(f"FAILED {name} (- kernel, + Sockworks)")
            for line in difflib.ndiff(kernel.get(name, []), own.get(name, [])):
                if not line.startswith("?"):
                    note = "   (known)" if line in self.known[name.split("/")[0]] else ""
                    print(f"    {line}{note}")
        if not scenarios:
            for scenario, lines in self.known.items():
                for line in sorted(lines - self.seen[scenario]):
                    print(f"no longer differs, remove it from known.txt: {scenario}: {line}")
        print(f"as {self.user or 'myself'}: {same} the same, {failed} differ")
        return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--differ", default=ROOT / "build" / "tests" / "programs" / "differ",
                        type=pathlib.Path)
    parser.add_argument("--user", action="append", help="root, nobody; both by default")
    parser.add_argument("scenarios", nargs="*")
    args = parser.parse_args()
    users = args.user or (USERS if os.geteuid() == 0 else [""])
    stage = Stage()
    failed = 0
    try:
        shutil.copy2(args.differ, stage.path / "differ")
        for user in users:
            failed += Comparison(stage, user).report(args.scenarios)
    finally:
        stage.remove()
    sys.exit(1 if failed else 0)


main()
