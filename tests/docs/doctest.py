#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs every command of a page and holds its output against what the page shows.

A page's commands stand in blocks fenced as ```console. A line that begins with "$ " is a command (a
trailing backslash continues it); what follows, up to the next command, is the output the page promises.
Commands run in the root of the source tree with the build directory first in PATH.

What may differ from run to run is written the same before comparing: times (1.234), process numbers
(pid 12), ephemeral ports, counts of descriptors. Where programs run side by side (there is a "&" or a picture of
the flow), the order of lines may differ. Of a picture the arrows are compared, but for the acknowledgments that carry
nothing else, and for what an arrow tells only where it has room: when a call is answered in between is the
scheduler's affair. A promised line "..." stands for any
number of lines.

    doctest.py --build DIR PAGE...            compares, exit status 1 if anything differs
    doctest.py --build DIR --update PAGE...   writes the real output into the page
"""
import argparse
import difflib
import os
import re
import subprocess
import sys

FENCE = re.compile(r"^```console\s*$")
PURE_ACK = re.compile(r"─ ACK  seq \d+(  ack \d+)?(  win \d+)? ─")
VOLATILE = [
    (re.compile(r"^ *\d+\.\d{3}  (?=[│├])"), ""),
    (re.compile(r"─ \d+\.\d{3} (?=─)"), ""),
    (re.compile(r"─+"), "─"),
    (re.compile(r"(?<=seq )(\d+)  ack \d+"), r"\1"),
    (re.compile(r"  (win|mss) \d+"), ""),
    (re.compile(r"\d+ (segments|descriptors|processes)"), r"N \1"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"(?<=[:.\s])(3[2-9]\d{3}|[45]\d{4}|60\d{3})\b"), "PORT"),
    (re.compile(r"\b\d+\.\d{3}\b"), "T.TTT"),
    (re.compile(r"\b\d+\.\d{1,2} (s|ms|us|MB/s|Mbit/s|Gbit/s)\b"), r"T \1"),
    (re.compile(r"[ \t]+"), " "),
]


def normal(line):
    for pattern, text in VOLATILE:
        line = pattern.sub(text, line)
    return line.strip()


def commands(lines):
    """Yields (first line number, command, first and last line of its output) of each console block."""
    i = 0
    while i < len(lines):
        if not FENCE.match(lines[i]):
            i += 1
            continue
        i += 1
        while i < len(lines) and not lines[i].startswith("```"):
            if not lines[i].startswith("$ "):
                raise SystemExit(f"line {i + 1}: a console block begins with a command")
            start = i
            command = lines[i][2:]
            while command.endswith("\\"):
                i += 1
                command = command[:-1] + lines[i].lstrip("> ")
            i += 1
            first = i
            while i < len(lines) and not lines[i].startswith(("$ ", "```")):
                i += 1
            yield start, command, first, i
        i += 1


def run(command, build):
    env = dict(os.environ, PATH=f"{build}:{build}/examples:{os.environ['PATH']}", NO_COLOR="1",
               COLUMNS="100", LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1")
    done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=env, timeout=120, text=True)
    return done.returncode, done.stdout.rstrip("\n").split("\n") if done.stdout.strip() else []


def shown_by_chance(line):
    in_picture = "│" in line
    arrow = "─▶" in line or "◀─" in line
    return in_picture and (not arrow or PURE_ACK.search(line))


def comparable(command, lines):
    lines = [normal(line) for line in lines if line.strip() and not shown_by_chance(line)]
    return sorted(lines) if "&" in command or "--flow" in command else lines


def matches(promised, real):
    """Line by line, "..." standing for any number of lines."""
    if not promised:
        return not real
    if promised[0] == "...":
        return any(matches(promised[1:], real[k:]) for k in range(len(real) + 1))
    return bool(real) and promised[0] == real[0] and matches(promised[1:], real[1:])


def check(page, build, update):
    with open(page, encoding="utf-8") as f:
        lines = f.read().split("\n")
    edits, passed, failed = [], 0, 0
    for start, command, first, last in commands(lines):
        status, real = run(command, build)
        promised = lines[first:last]
        if update:
            if "..." not in [line.strip() for line in promised]:
                edits.append((first, last, real))
            continue
        if status == 0 and matches(comparable(command, promised), comparable(command, real)):
            passed += 1
            continue
        failed += 1
        print(f"{page}:{start + 1}: $ {command}   (exit status {status})")
        print("  promised:", *promised, sep="\n    ")
        print("  printed:", *real, sep="\n    ")
        print("  what is compared:")
        print(*difflib.unified_diff(comparable(command, promised), comparable(command, real),
                                    "promised", "printed", lineterm="", n=0), sep="\n")
    for first, last, real in reversed(edits):
        lines[first:last] = real
    if update:
        with open(page, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description="Runs every command of a page.")
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--update", action="store_true", help="write the real output into the pages")
    parser.add_argument("page", nargs="+")
    options = parser.parse_args()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    total = [check(page, os.path.abspath(options.build), options.update) for page in options.page]
    passed, failed = sum(t[0] for t in total), sum(t[1] for t in total)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or (passed == 0 and not options.update) else 0


if __name__ == "__main__":
    sys.exit(main())
