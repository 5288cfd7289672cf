#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Garbage in, the kernel's errno out: runs callfuzz's seeds on the kernel and on Sockworks and compares.

The first line of a seed that differs counts; what comes after it may follow from it. What may differ
stands with its reason in callfuzz/known.txt. A seed that differs otherwise is run again, alone, on both
(a busy machine can delay what the kernel's loopback delivers), and fails if it differs again.

    test_callfuzz.py [--callfuzz PROGRAM] [--first SEED] [--count SEEDS] [--summary]
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import sys

from harness import HERE, ROOT, STEP_SECONDS, Stage, lines_on_both

SEEDS = 300
SHOWN = 2    # of a kind of difference, in a summary
BATCH = 500  # seeds of one run
LINE = re.compile(r"\d+ (\w+)\((.*)\) = (.*)")
ERRNO = re.compile(r"[A-Z]+[0-9]*( SIGPIPE)?")


def read_known():
    """[(call, arguments, kernel's result, own result)], each a pattern."""
    known = []
    for text in (HERE / "callfuzz" / "known.txt").read_text(encoding="utf-8").splitlines():
        if text and not text.startswith("#"):
            call, results = text.split(": ", 1)
            name, _, arguments = call.partition("(")
            kernel, own = results.split(" -> ")
            known.append(tuple(re.compile(part) for part in
                               (name, arguments[:-1] if arguments else ".*", kernel, own)))
    return known


def by_seed(lines):
    """{seed: [line, ...]}"""
    seeds, of_seed = {}, []
    for line in lines:
        if line.startswith("seed "):
            of_seed = seeds[int(line.split()[1])] = []
        else:
            of_seed.append(line)
    return seeds


class Comparison:
    def __init__(self, stage, user):
        self.stage, self.user, self.known = stage, user, read_known()
        self.used = collections.Counter()

    def both(self, first, count):
        words = [str(self.stage.path / "callfuzz"), str(first), str(count)]
        return map(by_seed, lines_on_both(self.stage, self.user, words, 5 * STEP_SECONDS))

    def is_known(self, kernel, own):
        """Whether this may differ, and whether the two go on alike afterwards."""
        a, b = LINE.fullmatch(kernel), LINE.fullmatch(own)
        if not a or not b or a.groups()[:2] != b.groups()[:2]:
            return False, False
        known = self.row_of(*a.groups(), b[3])
        return known, known and bool(ERRNO.fullmatch(a[3]) and ERRNO.fullmatch(b[3]))

    def row_of(self, *texts):
        for row in self.known:
            if all(pattern.fullmatch(text) for pattern, text in zip(row, texts)):
                self.used[row] += 1
                return True
        return False

    def poll_is_known(self, kernel, own):
        """The same of poll() and epoll_wait(), whose result is one for each descriptor."""
        a, b = LINE.fullmatch(kernel), LINE.fullmatch(own)
        if not a or not b or a.groups()[:2] != b.groups()[:2] or a[1] not in ("poll", "epoll_wait"):
            return False
        a, b = (dict(part.split(":") for part in text[3].split()[1:]) for text in (a, b))
        for fd in a.keys() | b.keys():
            mine, theirs = (text.get(fd, "0").split("/")[0] for text in (a, b))
            row = self.row_of("poll", "", mine, theirs) if mine != theirs else True
            if not row:
                return False
        return True

    def difference(self, kernel, own):
        """Index of the first unknown difference, or None."""
        for i, (a, b) in enumerate(zip(kernel, own)):
            if a == b or self.poll_is_known(a, b):
                continue
            known, alike = self.is_known(a, b)
            if not known:
                return i
            if not alike:
                return None
        return None if len(kernel) == len(own) else min(len(kernel), len(own))

    def seeds(self, first, count):
        """[(seed, kernel's lines, own lines, index)] of those that differ twice."""
        kernel, own = self.both(first, count)
        found = []
        for seed, lines in kernel.items():
            if self.difference(lines, own.get(seed, [])) is None:
                continue
            again = [result[seed] for result in self.both(seed, 1)]
            i = self.difference(*again)
            if i is not None:
                found.append((seed, *again, i))
        return found


def show(seed, kernel, own, i):
    print(f"FAILED seed {seed} (- kernel, + Sockworks)")
    fd = (LINE.fullmatch(kernel[i]) or [None] * 3)[2] if i < len(kernel) else None
    fd = fd and fd.split(",")[0] + ","
    for line in [line for line in kernel[:i] if fd and f"({fd}" in line]:
        print(f"      {line[:300]}")
    print(f"    - {kernel[i][:600] if i < len(kernel) else '(the end)'}")
    print(f"    + {own[i][:600] if i < len(own) else '(the end)'}")


def summary(found):
    """Alike differences together, the most frequent last."""
    kinds = collections.defaultdict(list)
    for seed, kernel, own, i in found:
        a = LINE.fullmatch(kernel[i]) if i < len(kernel) else None
        b = LINE.fullmatch(own[i]) if i < len(own) else None
        key = (a[1], a[3].split()[0], b[3].split()[0]) if a and b else ("?", "?", "?")
        kinds[key].append((seed, kernel, own, i))
    for key, those in sorted(kinds.items(), key=lambda item: len(item[1])):
        print(f"{len(those)} x {key[0]}: {key[1]} -> {key[2]}")
        for example in those[:SHOWN]:
            show(*example)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callfuzz", default=ROOT / "build" / "tests" / "programs" / "callfuzz",
                        type=pathlib.Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=SEEDS)
    parser.add_argument("--summary", action="store_true")
    args = parser.parse_args()
    user = "nobody" if os.geteuid() == 0 else ""
    stage, found = Stage(), []
    try:
        shutil.copy2(args.callfuzz, stage.path / "callfuzz")
        comparison = Comparison(stage, user)
        for first in range(args.first, args.first + args.count, BATCH):
            found += comparison.seeds(first, min(BATCH, args.first + args.count - first))
    finally:
        stage.remove()
    if args.summary:
        summary(found)
        for row in comparison.known:
            print(f"{comparison.used[row]:6} known: {' '.join(part.pattern for part in row)}")
    else:
        for one in found:
            show(*one)
    print(f"as {user or 'myself'}: {args.count} seeds, {len(found)} differ")
    sys.exit(1 if found else 0)


main()
