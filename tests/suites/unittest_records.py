#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""unittest_records.py [--out=PATTERN]... RECORDS MODULE...: runs unittest modules, for suite.py.

Into RECORDS goes a line 'start NAME' for each test, and then 'ok NAME', 'skip NAME' or 'fail NAME', written
at once, so that a run that hangs or dies tells which test it was in. A subtest that fails fails its test.
Tests whose name matches a PATTERN are left out. So are those of CPython that want a resource other than a
network: much memory, much time.
"""
import faulthandler
import fnmatch
import sys
import unittest


class Records(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.failed = set()

    def record(self, verdict, test):
        FILE.write(f"{verdict} {test.id()}\n")
        FILE.flush()

    def startTest(self, test):
        super().startTest(test)
        self.record("start", test)

    def addSuccess(self, test):
        super().addSuccess(test)
        if test.id() not in self.failed:
            self.record("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if not hasattr(test, "test_case"):  # one of its subtests, else
            self.record("skip", test)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.record("ok", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.record("fail", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail_once(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail_once(test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail_once(test)

    def fail_once(self, test):
        if test.id() not in self.failed:
            self.failed.add(test.id())
            self.record("fail", test)


def without(suite, patterns):
    """The tests of a suite but those left out."""
    left = type(suite)()
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            left.addTest(without(part, patterns))
        elif not any(fnmatch.fnmatchcase(part.id(), pattern) for pattern in patterns):
            left.addTest(part)
    return left


def load(names):
    loader = unittest.defaultTestLoader
    if names == ["tornado.test.runtests"]:
        from tornado.test import runtests
        return loader.loadTestsFromNames(runtests.TEST_MODULES)
    if names[0].startswith("test."):
        from test import support
        support.use_resources = ["network"] # that of this machine
    return loader.loadTestsFromNames(names)


def main():
    global FILE
    out = [word[len("--out="):] for word in sys.argv[1:] if word.startswith("--out=")]
    path, *names = [word for word in sys.argv[1:] if not word.startswith("--out=")]
    del sys.argv[1:]
    faulthandler.enable()
    with open(path, "a", encoding="utf-8") as FILE:
        unittest.TextTestRunner(stream=sys.stdout, verbosity=0,
                                resultclass=Records).run(without(load(names), out))


if __name__ == "__main__":
    main()
