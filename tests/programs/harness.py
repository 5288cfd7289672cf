# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests share: the cases of a test, one run for each, and the programs inside it.

A test file has a function body(case, programs) and ends in `main(body)`. Run plainly, it goes through
its cases (user x address x conditions) and for each starts one run

    sockworks run [--loss 3% --delay 5ms] -- python3 test_X.py --inside CASE

Sockets exist only within one run, so what stands inside starts the servers and the clients, compares,
and exits. Nothing needs to be built in: SOCKWORKS names the command (build/sockworks otherwise), and
with SOCKWORKS=none the same test runs on the kernel's own loopback, in a network namespace of its own,
which shows what the test itself is worth.

    test_X.py [--rest | --full] [--only TEXT]
"""
import argparse
import hashlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import typing
import uuid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# One that every user may execute; whoever runs the tests may have another in a home of theirs.
PYTHON = shutil.which("python3", path=PATH) or sys.executable
MARK = "SOCKWORKS_TEST_RUN"  # an environment variable that all processes of one run have
SKIPPED = 77                 # meson's exit status for a test that cannot run here
TAIL_LINES = 25
LOSSY = ["--loss", "3%", "--delay", "5ms", "--seed", "7"]

# A busy machine may take very long for what is short here; a test that hangs must still end.
PATIENCE = float(os.environ.get("SOCKWORKS_PATIENCE", "1"))
CASE_SECONDS = 150 * PATIENCE
STEP_SECONDS = 60 * PATIENCE


class Case(typing.NamedTuple):
    user: str     # a name, or "" for whoever runs the tests
    address: str
    lossy: bool

    def __str__(self):
        return (f"as {self.user or 'myself'}, {self.address}, "
                f"{'3% loss, 5 ms delay' if self.lossy else 'no conditions'}")

    def at(self, port):
        """The address and port as a URL has them."""
        return f"[{self.address}]:{port}" if ":" in self.address else f"{self.address}:{port}"

    @property
    def family(self):
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class Failure(Exception):
    """What a person should read when a test fails; no stack is needed to understand it."""


# ---------------------------------------------------------------------------------------------------
# Outside: one run for each case.

def sockworks():
    """The command under test, or None for the kernel's own sockets."""
    name = os.environ.get("SOCKWORKS", str(ROOT / "build" / "sockworks"))
    if name == "none":
        return None
    path = pathlib.Path(name).resolve()
    if not os.access(path, os.X_OK):
        skip(f"there is no {path}; SOCKWORKS=none runs this on the kernel's sockets")
    return path


def skip(why):
    print(why)
    sys.exit(SKIPPED)


def need(*commands):
    missing = [c for c in commands if not shutil.which(c, path=PATH)]
    if missing:
        skip(f"not installed: {' '.join(missing)}")


def all_cases():
    """Every pair of values of (user, address, conditions) occurs in the first four; all eight in the
    whole list."""
    users = ["root", "nobody"] if os.geteuid() == 0 else ["", ""]
    a, b = users
    first = [Case(a, "127.0.0.1", False), Case(b, "::1", False),
             Case(a, "::1", True), Case(b, "127.0.0.1", True)]
    rest = [Case(b, "127.0.0.1", False), Case(a, "::1", False),
            Case(b, "::1", True), Case(a, "127.0.0.1", True)]
    return first, (rest if a != b else [])


class Stage:
    """A directory that every user of the cases may read: the command and the tests, wherever the
    source tree lies (root's home is closed to others)."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="sockworks-test-"))
        self.path.chmod(0o755)
        shutil.copytree(HERE, self.path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        command = sockworks()
        self.command = command and shutil.copy2(command, self.path / "sockworks")

    def home(self, user):
        home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=self.path))
        if user and user != "root":
            entry = pwd.getpwnam(user)
            os.chown(home, entry.pw_uid, entry.pw_gid)
        return home

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def as_user(user):
    """The words that make the command behind them run as this user, without any capability."""
    if not user or user == "root":
        return []
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
            "--inh-caps=-all"]


def command_line(stage, case, inner, options=(), sysctls=()):
    """`inner` as this case's user, on Sockworks or on the kernel's loopback in a namespace."""
    if stage.command is None:
        return [PYTHON, str(stage.path / "tests" / "private_net.py"), *sysctls,
                *as_user(case.user), *inner]
    conditions = LOSSY if case.lossy else []
    return [*as_user(case.user), str(stage.command), "run", *conditions, *options,
            *[f"--sysctl={s}" for s in sysctls], "--", *inner]


def environment(home, mark):
    keep = {k: v for k, v in os.environ.items()
            if k in ("SOCKWORKS_PATIENCE", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    return {**keep, "PATH": PATH, "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8", MARK: mark,
            "PYTHONDONTWRITEBYTECODE": "1"}


def marked(mark):
    """The processes of a run that are still there (those that we may look at)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def kill_marked(mark):
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def run_case(stage, case, script, options=(), sysctls=()):
    """Runs the test's inside for one case; returns what it printed if it failed, else None."""
    mark = uuid.uuid4().hex
    home = stage.home(case.user)
    inner = [PYTHON, str(stage.path / "tests" / script), "--inside", json.dumps(case)]
    with open(stage.path / f"{mark}.log", "w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(command_line(stage, case, inner, options, sysctls), cwd=home, stdout=log,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=environment(home, mark), start_new_session=True)
        try:
            status = process.wait(CASE_SECONDS)
            ending = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
        except subprocess.TimeoutExpired:
            status, ending = None, f"did not end within {CASE_SECONDS:.0f} s and was killed"
        finally:
            kill_marked(mark)
            process.kill()
            process.wait()
        log.seek(0)
        printed = log.read()
    shutil.rmtree(home, ignore_errors=True)
    return None if status == 0 else printed.rstrip() + "\n" + ending


def accounting(what, err):
    """What is left, by the run's own words; the JSON is the last on stderr."""
    try:
        left = json.loads(err[err.index("{\n"):])["left"]
    except (ValueError, KeyError):
        raise Failure(f"{what}: no counters in {err[-500:]!r}") from None
    expect(f"{what}: left behind", {k: v for k, v in left.items() if v != 0}, {})


def lines_of(stage, user, argv, seconds, check=None):
    """What the program printed to its standard output, line by line; ends the test if it fails.
    `check` is given what came on the standard error."""
    mark, home = uuid.uuid4().hex, stage.home(user)
    try:
        done = subprocess.run(argv, cwd=home, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=seconds, env=environment(home, mark),
                              start_new_session=True)
    except subprocess.TimeoutExpired as error:
        sys.exit(f"did not end: {' '.join(argv)}\n{(error.stdout or b'')[-2000:]!r}")
    finally:
        kill_marked(mark)
    if done.returncode == 125:
        skip(done.stderr.strip())
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}: {' '.join(argv)}\n{done.stderr[-2000:]}")
    if check is not None:
        check(done.stderr)
    return done.stdout.splitlines()


def lines_on_both(stage, user, words, seconds=4 * STEP_SECONDS):
    """What the same program prints on the kernel's sockets, in a namespace of its own, and on Sockworks', where
    nothing may be left behind."""
    kernel = [PYTHON, str(stage.path / "tests" / "private_net.py"), *as_user(user)]
    own = [*as_user(user), str(stage.command), "run", "--stats", "--json", "--"]
    if stage.command is None:  # the test itself under test: the kernel against the kernel
        return tuple(lines_of(stage, user, [*kernel, *words], seconds) for _ in range(2))
    return (lines_of(stage, user, [*kernel, *words], seconds),
            lines_of(stage, user, [*own, *words], seconds,
                     lambda err: accounting(" ".join(str(word) for word in words), err)))


def main(body, commands=(), prepare=None, sysctls=(), options=()):
    """`commands` must be installed; prepare(directory) may compile programs into HERE's copy.
    `sysctls`, as "net.ipv4.tcp_fastopen=3", are the network's; `options` are those of sockworks run."""
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        sys.exit(inside(body, Case(*json.loads(sys.argv[2]))))
    parser = argparse.ArgumentParser(description=body.__doc__)
    parser.add_argument("--rest", action="store_true", help="the cases that are left out otherwise")
    parser.add_argument("--full", action="store_true", help="all cases")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose line has this text")
    args = parser.parse_args()
    need(*commands)
    first, rest = all_cases()
    cases = first + rest if args.full else rest if args.rest else first
    cases = [c for c in cases if args.only in str(c)]
    stage = Stage()
    if stage.command is None:  # the kernel's loopback has no conditions here
        cases = [c for c in cases if not c.lossy]
    failed = 0
    try:
        if prepare:
            prepare(stage.path / "tests")
        for case in cases:
            started = time.monotonic()
            trouble = run_case(stage, case, pathlib.Path(sys.argv[0]).name, options, sysctls)
            took = time.monotonic() - started
            print(f"{'ok' if trouble is None else 'FAILED'}: {case} ({took:.1f} s)", flush=True)
            if trouble is not None:
                failed += 1
                print("    " + trouble.replace("\n", "\n    "), flush=True)
    finally:
        stage.remove()
    if not cases:
        skip("no case applies here")
    sys.exit(1 if failed else 0)


# ---------------------------------------------------------------------------------------------------
# Inside: the programs of one run.

class Program:
    """A started program; what it prints goes to a file."""

    def __init__(self, argv, stdin=None, stdout=None, **more):
        self.argv = [str(a) for a in argv]
        self.log = tempfile.NamedTemporaryFile(prefix="log-", suffix=".txt", delete=False)
        self.process = subprocess.Popen(self.argv, stdin=stdin or subprocess.DEVNULL,
                                        stdout=stdout or self.log, stderr=self.log,
                                        start_new_session=True, **more)

    def __str__(self):
        return " ".join(self.argv)

    def output(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds=STEP_SECONDS):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"did not end within {seconds:.0f} s: {self}") from None

    def succeed(self, seconds=STEP_SECONDS):
        status = self.wait(seconds)
        if status != 0:
            raise Failure(f"exit status {status}: {self}")
        return self.output()

    def wait_for(self, text, seconds=STEP_SECONDS):
        """Until the program has printed this text."""
        deadline = time.monotonic() + seconds
        while text not in self.output():
            if self.process.poll() is not None and text not in self.output():
                raise Failure(f"ended with {self.process.returncode} before it said {text!r}: {self}")
            if time.monotonic() > deadline:
                raise Failure(f"did not say {text!r} within {seconds:.0f} s: {self}")
            time.sleep(0.02)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Programs:
    """The programs of this run, ended together."""

    def __init__(self):
        self.started = []

    def start(self, *argv, **more):
        program = Program(argv, **more)
        self.started.append(program)
        return program

    def run(self, *argv, seconds=STEP_SECONDS, **more):
        """Runs a program to its end, which must be a good one; returns its output."""
        return self.start(*argv, **more).succeed(seconds)

    def report(self):
        for program in self.started:
            status = program.process.poll()
            print(f"--- {program} [{'running' if status is None else status}]")
            print("\n".join(program.output().splitlines()[-TAIL_LINES:]))

    def end(self):
        for program in self.started:
            program.end()


def inside(body, case):
    programs = Programs()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        body(case, programs)
        return 0
    except Exception as error:  # whatever it is, the programs' last words belong to it
        programs.report()
        if isinstance(error, Failure):
            print(f"--- {error}")
        else:
            traceback.print_exc(file=sys.stdout)
        return 1
    finally:
        sys.stdout.flush()
        programs.end()


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got!r}, not {wanted!r}")


def wait_for_port(case, port, program=None, seconds=STEP_SECONDS):
    """Until something accepts connections there (which costs it one connection)."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((case.address, port), 5).close()
            return
        except OSError as error:
            if program and program.process.poll() is not None:
                raise Failure(f"ended with {program.process.returncode}: {program}") from None
            if time.monotonic() > deadline:
                raise Failure(f"nobody at {case.at(port)} for {seconds:.0f} s: {error}") from None
            time.sleep(0.05)


def write_random(path, size):
    """A file of `size` random bytes; returns their SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while size > 0:
            block = os.urandom(min(size, 1 << 20))
            digest.update(block)
            file.write(block)
            size -= len(block)
    return digest.hexdigest()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
