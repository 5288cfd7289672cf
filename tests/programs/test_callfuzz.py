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
import typing

from harness import HERE, ROOT, STEP_SECONDS, Stage, lines_on_both

SEEDS = 300
SHOWN = 2    # of a kind of difference, in a summary
BATCH = 500  # seeds of one run
LINE = re.compile(r"[\d.]+ (\w+)\((.*)\) = (.*)")
DUP = re.compile(r"[\d.]+ (?:dup|dup2|dup3|pass|fcntl)\((\d+)(?:, (?:0|1030|1), .*|, \d+, 0x\w+|, [01])?\) = (\d+)")
COPY = r"(fork|exec)"
ERRNO = re.compile(r"[A-Z]+[0-9]*( SIGPIPE)?")


class Row(typing.NamedTuple):
    """A line of known.txt, its parts as patterns."""
    text: str
    call: re.Pattern
    arguments: re.Pattern
    after: str  # that an earlier line of the seed has to contain: known.txt's head
    kernel: re.Pattern
    own: re.Pattern

    def explains(self, call, arguments, kernel, own, fds, earlier):
        """Whether it is about these two results; `fds`: the call's descriptor and its dups."""
        if not all(pattern.fullmatch(text) for pattern, text in
                   ((self.call, call), (self.arguments, arguments), (self.kernel, kernel), (self.own, own))):
            return False
        after = re.compile(self.after.replace("FD", f"({'|'.join(fds)})").replace("COPY", COPY))
        return not self.after or any(after.search(line) for line in earlier)


def read_known():
    rows = []
    for text in (HERE / "callfuzz" / "known.txt").read_text(encoding="utf-8").splitlines():
        if text and not text.startswith("#"):
            call, results = text.split(": ", 1)
            call, _, after = call.partition(" after ")
            name, _, arguments = call.partition("(")
            kernel, own = results.split(" -> ")
            rows.append(Row(text, re.compile(name), re.compile(arguments[:-1] if arguments else ".*"), after,
                            re.compile(kernel), re.compile(own)))
    return rows


def dups_of(fd, earlier):
    """Itself, and what was made of it or it of, as far as numbers tell."""
    fds, known = {fd}, 0
    pairs = [set(made.groups()) for made in map(DUP.fullmatch, earlier) if made]
    while len(fds) > known:
        known = len(fds)
        fds |= set().union(*(pair for pair in pairs if fds & pair))
    return sorted(fds)


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

    def is_known(self, kernel, own, earlier):
        """Whether this may differ, and whether the two go on alike afterwards."""
        a, b = LINE.fullmatch(kernel), LINE.fullmatch(own)
        if not a or not b or a.groups()[:2] != b.groups()[:2]:
            return False, False
        if a[1] in ("poll", "epoll_wait"):
            known = self.events_are_known(a[3], b[3], earlier)
            return known, known
        known = self.row_of(*a.groups(), b[3], a[2].split(",")[0], earlier)
        return known, known and bool(ERRNO.fullmatch(a[3]) and ERRNO.fullmatch(b[3]))

    def row_of(self, call, arguments, kernel, own, fd, earlier):
        for row in self.known:
            if row.explains(call, arguments, kernel, own, dups_of(fd, earlier), earlier):
                self.used[row] += 1
                return True
        return False

    def events_are_known(self, kernel, own, earlier):
        """The same of poll() and epoll_wait(), whose result is one for each descriptor: in question are the
        events of the kernel's alone, and those of our own alone."""
        kernel, own = (dict(part.split(":") for part in text.split()[1:]) for text in (kernel, own))
        for fd in sorted(kernel.keys() | own.keys()):
            a, b = (int(events.get(fd, "0").split("/")[0], 16) for events in (kernel, own))
            if a != b and not self.row_of("poll", "", f"{a & ~b:x}", f"{b & ~a:x}", fd, earlier):
                return False
        return True

    def difference(self, kernel, own):
        """Index of the first unknown difference, or None."""
        for i, (a, b) in enumerate(zip(kernel, own)):
            if a == b:
                continue
            known, alike = self.is_known(a, b, kernel[:i])
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
            print(f"{comparison.used[row]:6} known: {row.text}")
    else:
        for one in found:
            show(*one)
    print(f"as {user or 'myself'}: {args.count} seeds, {len(found)} differ")
    sys.exit(1 if found else 0)


main()
