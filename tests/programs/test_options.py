#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every socket option, on the kernel and on Sockworks: runs options/sweep on both and compares each answer.

What may differ stands in options/known.txt, each pattern under its reason. An option that this machine's
kernel does not know (it answers as it does to one that nobody knows) is passed over.

    test_options.py [--sweep PROGRAM] [--show]     --show prints all that differ, known or not
"""
import argparse
import collections
import fnmatch
import pathlib
import shutil
import sys

from harness import HERE, ROOT, Stage, lines_on_both

MOST_SHOWN = 60


def read_known():
    """[(kind, option, question)], patterns of what may differ; a reason ends in a colon."""
    lines = (HERE / "options" / "known.txt").read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(None, 2)) for line in lines
            if line.startswith("    ") and len(line.split(None, 2)) == 3]


def by_option(lines):
    """{(kind, option): {question: answer}}"""
    answers = collections.defaultdict(dict)
    for line in lines:
        asked, _, answer = line.partition("\t")
        kind, option, question = asked.split(" ", 2)
        answers[kind, option][question] = answer
    return answers


def unknown_to(answers, kind, option):
    """Whether the kernel answers as to an option that nobody knows."""
    level = "SOCKET" if option.startswith("SO_") else "IP" if option.startswith("MCAST_") else option.split("_")[0]
    return answers[kind, option] == answers[kind, level + "-UNKNOWN"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", default=ROOT / "build" / "tests" / "programs" / "sweep", type=pathlib.Path)
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    stage = Stage()
    try:
        shutil.copy2(args.sweep, stage.path / "sweep")
        kernel, own = map(by_option, lines_on_both(stage, "", [str(stage.path / "sweep")]))
    finally:
        stage.remove()
    known, used, asked, n_known, failed = read_known(), set(), 0, 0, []
    for (kind, option), answers in list(kernel.items()):
        if unknown_to(kernel, kind, option) and not option.endswith("-UNKNOWN"):
            continue
        for question, answer in answers.items():
            asked += 1
            mine = own[kind, option].get(question)
            if mine is None and question.startswith("get after"):
                continue  # what could not be set is not asked for
            if mine == answer:
                continue
            matching = {p for p in known if fnmatch.fnmatchcase(kind, p[0]) and
                        fnmatch.fnmatchcase(option, p[1]) and fnmatch.fnmatchcase(question, p[2])}
            used |= matching
            n_known += bool(matching)
            if not matching or args.show:
                failed.append(f"{kind} {option} {question}: kernel {answer}, Sockworks {mine}")
    print("\n".join(failed[:None if args.show else MOST_SHOWN]))
    for pattern in known:
        if pattern not in used:
            print(f"nothing differs here on this machine: {' '.join(pattern)}")
    print(f"{asked} questions, {asked - n_known - len(failed)} answered alike, {n_known} known to differ, "
          f"{0 if args.show else len(failed)} differ")
    sys.exit(1 if failed and not args.show else 0)


main()
