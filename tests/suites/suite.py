#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""suite.py NAME: runs a suite that nobody here wrote on Sockworks and compares with what is expected.

SUITES below says what a NAME runs; expected/NAME.txt says how many of its tests must have run, and names
those known to differ, each with the reason:

    at least 700
    fail  NAME-OF-A-TEST     why it fails
    maybe NAME-OF-A-TEST     why it sometimes fails
    out   NAME-OF-A-TEST     why it is left out (it would hang, or needs what is no part of this)

A test that fails and is not named is run once more by itself, for some measure time and the machine may be
busy; if it fails again it fails the suite. One that is named 'fail' and passes is reported. With
SOCKWORKS=none the suite runs on the kernel's own sockets, in a network namespace of its own.
"""
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "programs"))
import harness  # noqa: E402

SUITE_SECONDS = 240 * harness.PATIENCE
MOST_AGAIN = 10 # tests that fail unexpectedly are run once more if they are no more than these
GO_SOURCE = pathlib.Path("/usr/share/go-1.19/src")
PACKAGES = pathlib.Path("/usr/lib/python3/dist-packages")  # Debian's, of Python
GO_PATH = pathlib.Path("/usr/share/gocode")  # of golang-golang-x-net-dev
GO_X = "golang.org/x/"

SUITES = {
    "python-socket": ("unittest", "test.test_socket"),
    "python-ready": ("unittest", "test.test_selectors", "test.test_select", "test.test_poll",
                     "test.test_epoll", "test.test_asyncore"),
    "python-servers": ("unittest", "test.test_socketserver", "test.test_httpservers",
                       "test.test_httplib", "test.test_xmlrpc", "test.test_urllib2_localnet",
                       "test.test_wsgiref"),
    "python-clients": ("unittest", "test.test_ftplib", "test.test_smtplib", "test.test_poplib",
                       "test.test_imaplib", "test.test_telnetlib"),
    "python-ssl": ("unittest", "test.test_ssl"),
    "python-asyncio": ("unittest", "test.test_asyncio.test_events",
                       "test.test_asyncio.test_sock_lowlevel", "test.test_asyncio.test_streams",
                       "test.test_asyncio.test_sendfile", "test.test_asyncio.test_ssl",
                       "test.test_asyncio.test_server"),
    "tornado": ("unittest", "tornado.test.runtests"),
    "trio": ("pytest", "trio.tests.test_socket", "trio.tests.test_highlevel_socket",
             "trio.tests.test_highlevel_open_tcp_stream", "trio.tests.test_highlevel_open_tcp_listeners",
             "trio.tests.test_highlevel_serve_listeners"),
    "go-net": ("go", "net"),
    "go-net-http": ("go", "net/http"),
    "go-net-rpc": ("go", "net/rpc"),
    "go-net-smtp": ("go", "net/smtp"),
    "go-x-icmp": ("go", "golang.org/x/net/icmp"),
    "go-x-ipv4": ("go", "golang.org/x/net/ipv4"),
    "go-x-ipv6": ("go", "golang.org/x/net/ipv6"),
    "go-x-nettest": ("go", "golang.org/x/net/nettest"),
    "go-x-websocket": ("go", "golang.org/x/net/websocket"),
}


class Expected(typing.NamedTuple):
    at_least: int
    reasons: dict  # (kind, pattern) -> reason

    def kind(self, test):
        """'fail', 'maybe', 'out' or None."""
        for kind, pattern in self.reasons:
            if fnmatch.fnmatchcase(test, pattern):
                return kind
        return None

    def named(self, *kinds):
        return [pattern for kind, pattern in self.reasons if kind in kinds]


def read_expected(name):
    at_least, reasons = 1, {}
    for line in (HERE / "expected" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        if words[:2] == ["at", "least"]:
            at_least = int(words[2])
        elif len(words) == 3 and words[0] in ("fail", "maybe", "out"):
            reasons[words[0], words[1]] = words[2]
        else:
            sys.exit(f"expected/{name}.txt: not understood: {line}")
    return Expected(at_least, reasons)


# ---------------------------------------------------------------------------------------------------
# The kinds of suites: each gives the command (for all tests, or for those in `only`) and the directory to
# run it in, and reads verdicts: a dict of test -> ok, skip, fail, start.

def unittest_command(modules, home, expected, only):
    out = [f"--out={pattern}" for pattern in expected.named("out")]
    return [harness.PYTHON, str(HERE / "unittest_records.py"), *out, str(home / "records"),
            *(only or modules)], home


def unittest_verdicts(home, _):
    records = home / "records"
    lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
    return {name: verdict for verdict, name in (line.split(" ", 1) for line in lines)}


def go_command(modules, home, expected, only):
    """Compiles the package's tests, static and without libc, so that every system call is Go's own."""
    package, = modules
    source = (GO_PATH / "src" if package.startswith(GO_X) else GO_SOURCE) / package
    if not source.is_dir():
        harness.skip(f"no {source}: not Debian 12's golang-go and golang-golang-x-net-dev")
    cache = pathlib.Path(os.environ.get("GOCACHE", harness.ROOT / "build" / "go-cache"))
    cache.mkdir(parents=True, exist_ok=True)
    binary = home / "package.test"
    env = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(cache), "GOFLAGS": "-mod=mod",
           "GOTOOLCHAIN": "local", "HOME": str(home), "PATH": harness.PATH}
    if package.startswith(GO_X):
        env.update(GO111MODULE="off", GOFLAGS="", GOPATH=str(GO_PATH))
    if not binary.exists():
        subprocess.run(["go", "test", "-c", "-o", binary, package], check=True, env=env, cwd=home,
                       stdin=subprocess.DEVNULL, timeout=600)
    listed = subprocess.run([binary, "-test.list", "."], check=True, env=env, cwd=source,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    tests = only or [t for t in listed.stdout.split()
                     if t.startswith(("Test", "Example")) and expected.kind(t) != "out"]
    pick = f"^({'|'.join(tests)})$"  # Go 1.19 has no -test.skip
    short = [] if package.startswith(GO_X) else ["-test.short"]  # those leave most out then
    return [str(binary), *short, "-test.v", "-test.run", pick], source


def go_verdicts(_, printed):
    """Of '=== RUN' and '--- PASS' lines; a subtest belongs to its test."""
    verdicts = {}
    for mark, name in re.findall(r"(=== RUN  |--- PASS:|--- FAIL:|--- SKIP:) +(\w+)(?![\w/])", printed):
        verdicts[name] = {"=== RUN  ": "start", "--- PASS:": "ok", "--- FAIL:": "fail",
                          "--- SKIP:": "skip"}[mark]
    return verdicts


def pytest_command(modules, home, expected, only):
    """A test is named as pytest names it, its file as a module: trio.tests.test_socket::test_getaddrinfo."""
    out = [f"--deselect={module_file(pattern)}" for pattern in expected.named("out")]
    return [harness.PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider", f"--rootdir={PACKAGES}", *out,
            "--pyargs", *(only or modules)], home


def module_file(name):
    module, test = name.split("::", 1)
    return f"{module.replace('.', '/')}.py::{test}"


def pytest_verdicts(_, printed):
    verdicts = {}
    for file, test, word in re.findall(r"^\S*-packages/(\S+)\.py::(.+?) ([A-Z]+) +\[ *\d+%\]$", printed, re.M):
        verdicts[f"{file.replace('/', '.')}::{test}"] = {"PASSED": "ok", "XFAIL": "ok",
                                                         "SKIPPED": "skip"}.get(word, "fail")
    return verdicts


KINDS = {"unittest": (unittest_command, unittest_verdicts), "go": (go_command, go_verdicts),
         "pytest": (pytest_command, pytest_verdicts)}


# ---------------------------------------------------------------------------------------------------

def run_command(command, directory, home, log):
    """Returns how it ended, in words, or None where it ended by itself."""
    mark = uuid.uuid4().hex
    under = harness.sockworks()
    front = [str(under), "run", "--"] if under else \
        [harness.PYTHON, str(HERE.parent / "programs" / "private_net.py")]
    process = subprocess.Popen([*front, *command], cwd=directory, stdout=log, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True,
                               env=harness.environment(home, mark))
    try:
        status = process.wait(SUITE_SECONDS)
        return None if 0 <= status < 125 else f"ended with {status}"
    except subprocess.TimeoutExpired:
        return f"did not end within {SUITE_SECONDS:.0f} s"
    finally:
        harness.kill_marked(mark)
        process.kill()
        process.wait()


def run_suite(name, expected, home, only=()):
    """Returns the verdicts, what was printed, and how it ended if not by itself."""
    kind, *modules = SUITES[name]
    make_command, read_verdicts = KINDS[kind]
    command, directory = make_command(modules, home, expected, only)
    with open(home / "log", "w+", encoding="utf-8", errors="replace") as log:
        ending = run_command(command, directory, home, log)
        log.seek(0)
        printed = log.read()
    return read_verdicts(home, printed), printed, ending


def unexpected(expected, verdicts):
    return sorted(test for test, verdict in verdicts.items()
                  if verdict in ("fail", "start") and expected.kind(test) not in ("fail", "maybe"))


def judge(expected, verdicts):
    """Prints what differs from the expectation; returns what fails the suite, as lines."""
    trouble = [f"{'failed' if verdicts[test] == 'fail' else 'did not end'}: {test}"
               for test in unexpected(expected, verdicts)]
    for test, verdict in sorted(verdicts.items()):
        if verdict == "ok" and expected.kind(test) == "fail":
            print(f"passes now, though expected to fail: {test}")
    for pattern in expected.named("fail"):
        if not fnmatch.filter(verdicts, pattern):
            print(f"there is no such test: {pattern}")
    if len(verdicts) < expected.at_least:
        trouble.append(f"{len(verdicts)} tests ran, of at least {expected.at_least}")
    return trouble


def main():
    name = sys.argv[1]
    expected = read_expected(name)
    with tempfile.TemporaryDirectory(prefix="sockworks-suite-") as directory:
        home = pathlib.Path(directory)
        verdicts, printed, ending = run_suite(name, expected, home)
        failed = unexpected(expected, verdicts)
        if failed and ending is None and len(failed) <= MOST_AGAIN:
            again, printed_again, ending = run_suite(name, expected, home, failed)
            printed += printed_again
            for test in failed:
                if again.get(test) == "ok":
                    print(f"failed once, passed alone: {test}")
                    verdicts[test] = "ok"
    trouble = judge(expected, verdicts) + ([ending] if ending else [])
    count = {v: sum(w == v for w in verdicts.values()) for v in ("ok", "skip", "fail")}
    if trouble:
        print(printed)
        print("\n".join(trouble))
    print(f"{name}: {len(verdicts)} tests, {count['ok']} ok, {count['skip']} skipped, "
          f"{count['fail']} failed, of them "
          f"{sum(expected.kind(t) in ('fail', 'maybe') for t, v in verdicts.items() if v == 'fail')} expected")
    sys.exit(1 if trouble else 0)


if __name__ == "__main__":
    main()
