#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How `sockworks run` itself behaves: exit status, signals, terminal, descriptors, the end of either
side, and that the kernel holds no socket of a run.

    test_run.py [CHECK...]
"""
import json
import os
import pathlib
import platform
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

from harness import (HERE, PYTHON, STEP_SECONDS, Failure, Stage, as_user, environment,
                     expect, kill_marked, marked, skip)

CHECKS = []
LISTEN_AND_TALK = """
import os, socket, sys, time
server = socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
client = socket.create_connection(server.getsockname()[:2])
accepted, _ = server.accept()
udp = socket.socket(server.family, socket.SOCK_DGRAM)
udp.bind((sys.argv[1], 0))
client.sendall(b'hello')
assert accepted.recv(5) == b'hello'
"""


def check(function):
    CHECKS.append(function)
    return function


class Runner:
    """Starts `sockworks run` as one user and remembers what it started."""

    def __init__(self, stage, user):
        self.stage, self.user, self.mark = stage, user, uuid.uuid4().hex
        self.home = stage.home(user)

    def argv(self, *words, options=()):
        return [*as_user(self.user), str(self.stage.command), "run", *options, "--",
                *(str(w) for w in words)]

    def popen(self, argv, **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                "text": True, **more}
        return subprocess.Popen(argv, cwd=self.home, env=environment(self.home, self.mark), **more)

    def start(self, *words, options=(), **more):
        return self.popen(self.argv(*words, options=options), **more)

    def run(self, *words, options=(), **more):
        """(exit status, stdout, stderr)"""
        return self.finish(self.start(*words, options=options, **more))

    def finish(self, process, given=None):
        try:
            out, err = process.communicate(given, timeout=STEP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"did not end: {' '.join(process.args)}") from None
        return process.returncode, out, err

    def python(self, program, *args, **more):
        return self.run(PYTHON, "-c", program, *args, **more)

    def nothing_left(self, seconds=10):
        deadline = time.monotonic() + seconds
        while left := marked(self.mark):
            if time.monotonic() > deadline:
                names = [pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in left]
                raise Failure(f"still there: {names}")
            time.sleep(0.05)


def expect_status(ran, status):
    if ran[0] != status:
        raise Failure(f"exit status {ran[0]}, not {status}; stdout {ran[1]!r}, stderr {ran[2]!r}")


@check
def exit_status(r):
    for status in (0, 1, 42, 255):
        expect_status(r.run("sh", "-c", f"exit {status}"), status)
    r.nothing_left()


@check
def killed_program(r):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE):
        expect_status(r.run("sh", "-c", f"kill -{int(number)} $$"), 128 + number)


@check
def no_program(r):
    status, out, err = r.run("no-such-program-here")
    expect("exit status", status, 127)
    expect("lines on stderr", err.count("\n"), 1)
    if "no-such-program-here" not in err:
        raise Failure(f"the message does not name the program: {err!r}")
    expect_status(r.run("/no/such/program"), 127)


@check
def not_executable(r):
    plain = r.home / "plain"
    plain.write_text("not a program\n")
    plain.chmod(0o644)
    expect_status(r.run(plain), 126)
    expect_status(r.run("/"), 126)


@check
def wrong_options(r):
    for words in (["--nonsense"], ["--loss", "200%"], ["--loss", "-1%"], ["--loss"],
                  ["--delay", "5", "--", "true"], ["--delay=soon", "--", "true"], [], ["--"],
                  ["--seed", "x", "--", "true"], ["--mtu", "1", "--", "true"],
                  ["--name", "a b", "--", "true"], ["--name", "a=nowhere", "--", "true"]):
        argv = [*as_user(r.user), str(r.stage.command), "run", *words]
        status, out, err = r.finish(r.popen(argv))
        if status != 2 or err.count("\n") != 1 or out:
            raise Failure(f"run {' '.join(words)}: status {status}, stdout {out!r}, stderr {err!r}")


@check
def arguments_and_environment(r):
    status, out, _ = r.run("printf", "%s\\n", "--loss", "a b", "", "*")
    expect("arguments", out, "--loss\na b\n\n*\n")
    status, out, _ = r.run("sh", "-c", "pwd; umask; echo $HOME")
    expect("directory, umask, HOME", out, f"{r.home}\n{os.popen('umask').read()}{r.home}\n")


@check
def standard_streams(r):
    process = r.start("sh", "-c", "cat; echo to stderr >&2", stdin=subprocess.PIPE)
    status, out, err = r.finish(process, "through\n")
    expect("what went through", (status, out, err), (0, "through\n", "to stderr\n"))


@check
def signals_reach_the_program(r):
    program = ("import os, signal, time\n"
               "def handle(n, frame):\n    os.write(1, b'got %d\\n' % n); os._exit(40 + n)\n"
               "signal.signal(signal.SIGTERM, handle); signal.signal(signal.SIGINT, handle)\n"
               "signal.signal(signal.SIGHUP, handle)\n"
               # A signal just before a sleep begins is seen by Python only when the sleep ends.
               "print('ready', flush=True)\nwhile True: time.sleep(0.05)\n")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = r.start(PYTHON, "-c", program)
        expect("the program", process.stdout.readline(), "ready\n")
        process.send_signal(number)
        status, out, _ = r.finish(process)
        expect(f"after signal {int(number)}", (status, out), (40 + number, f"got {int(number)}\n"))
    process = r.start("sleep", "60")
    time.sleep(0.5)
    process.terminate()
    expect("exit status of a program without a handler", r.finish(process)[0], 143)


@check
def program_that_ignores_signals(r):
    program = ("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
               "print('ready', flush=True)\ntime.sleep(1)\nprint('went on')\n")
    process = r.start(PYTHON, "-c", program)
    process.stdout.readline()
    process.terminate()
    expect("the program", r.finish(process)[:2], (0, "went on\n"))


def read_until(fd, text):
    seen, deadline = b"", time.monotonic() + STEP_SECONDS
    while text not in seen:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failure(f"on the terminal: {seen!r}, waiting for {text!r}")
        try:
            seen += os.read(fd, 4096)
        except OSError:
            raise Failure(f"the terminal closed after {seen!r}") from None
    return seen


def on_terminal(r, *words):
    """(pid, descriptor) of a run whose terminal that descriptor is."""
    argv = r.argv(*words)
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(r.home)
        os.execvpe(argv[0], argv, environment(r.home, r.mark))
    return pid, fd


@check
def terminal(r):
    """The terminal is the program's: it may read it, and Ctrl-C comes from it, once."""
    program = ("import os, signal, sys, time\n"
               "count = []\nsignal.signal(signal.SIGINT, lambda *a: count.append(1))\n"
               "print('tty', os.isatty(0), os.isatty(1), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
               "print('read', sys.stdin.readline().strip(), flush=True)\n"
               "while not count: time.sleep(0.05)\n"
               "time.sleep(0.3)\nprint('interrupted', len(count), flush=True)\nsys.exit(9)\n")
    pid, fd = on_terminal(r, PYTHON, "-c", program)
    try:
        read_until(fd, b"tty True True True\r\n")
        os.write(fd, b"a line\n")
        read_until(fd, b"read a line\r\n")
        os.write(fd, b"\x03")
        read_until(fd, b"interrupted 1\r\n")
        expect("exit status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 9)
    finally:
        os.close(fd)


@check
def terminal_is_told_what_the_run_waits_for(r):
    pid, fd = on_terminal(r, "sh", "-c", "sleep 1000 & exit 3")
    try:
        read_until(fd, b"sh has ended; what it started runs on (Ctrl-C ends it)\r\n")
        os.write(fd, b"\x03")
        expect("exit status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 3)
    finally:
        os.close(fd)


@check
def children_and_exec(r):
    """Children, grandchildren and other programs are on the same network."""
    program = ("import socket, subprocess, sys\n"
               "s = socket.create_server(('127.0.0.1', 5555))\n"
               "child = subprocess.Popen(['sh', '-c', 'sh -c \"exec python3 -c \\'import socket; "
               "socket.create_connection((\\\\\"127.0.0.1\\\\\", 5555)).sendall(b\\\\\"grandchild\\\\\")\\'\"'])\n"
               "print(s.accept()[0].recv(100).decode())\nsys.exit(child.wait())\n")
    expect("what the server received", r.python(program)[:2], (0, "grandchild\n"))


DAEMON = """
import os, socket, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    server = socket.create_server(('127.0.0.1', 5556))
    for i in range(int(sys.argv[1])):
        client, _ = server.accept()
        client.sendall(b'daemon')
        client.close()
    os._exit(0)
os.wait()
for attempt in range(200):
    try:
        print(socket.create_connection(('127.0.0.1', 5556)).recv(100).decode(), flush=True)
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
print(os.getpid(), file=sys.stderr, flush=True)
sys.exit(3)
"""


@check
def daemon(r):
    """A daemon that has forked twice and left the session still serves, and the run lasts as long as
    it does; the exit status is the program's."""
    expect("the daemon's answer", r.python(DAEMON, 1)[:2], (3, "daemon\n"))
    r.nothing_left()


@check
def daemon_ended(r):
    """A signal to the run ends what the program has left behind."""
    process = r.start(PYTHON, "-c", DAEMON, 2)
    expect("the daemon's answer", process.stdout.readline(), "daemon\n")
    program = pathlib.Path("/proc", process.stderr.readline().strip())
    while program.exists():  # to a program that is still there the signal would go to
        time.sleep(0.02)
    time.sleep(0.1)
    expect("the run goes on", process.poll(), None)
    process.terminate()
    expect("exit status", r.finish(process)[0], 3)
    r.nothing_left()


def kernel_socket_inodes(pid):
    inodes = {}
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp"):
        try:
            lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        inodes.update({line.split()[9]: f"{table} {line.strip()}" for line in lines})
    return inodes


def sockets_of(pid):
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


@check
def kernel_holds_no_socket(r):
    for address in ("127.0.0.1", "::1"):
        process = r.start(PYTHON, "-c", LISTEN_AND_TALK + "print('ready', flush=True); time.sleep(60)",
                          address)
        if process.stdout.readline() != "ready\n":
            process.kill()
            raise Failure(f"the program failed: {process.stderr.read()}")
        pids = marked(r.mark)
        found = [inodes[i] for pid in pids for inodes in [kernel_socket_inodes(pid)]
                 for i in sockets_of(pid) if i in inodes]
        count = sum(len(list(sockets_of(pid))) for pid in pids)
        process.terminate()
        r.finish(process)
        expect("sockets of the run in the kernel's tables", found, [])
        if count < 4 or len(pids) < 2:
            raise Failure(f"{len(pids)} processes with {count} sockets: the scan saw too little")


@check
def ways_around(r):
    status, out, err = r.run(r.stage.path / "leak")
    expect("exit status", status, 0)
    leaks = [line for line in out.splitlines() if line.endswith(": leak")]
    expect("ways to a socket of the kernel's", leaks, [])
    if platform.machine() == "x86_64": # or else none can run here
        expect("other calls of 32-bit programs work", "int 0x80 getpid works\n" in out, True)
        expect("a socket of theirs is refused aloud", "a socket of a 32-bit program is not available" in err, True)


@check
def own_world_each(r):
    """Two runs at once do not see each other: both have the same port."""
    program = LISTEN_AND_TALK + """
s = socket.create_server(('127.0.0.1', 8080))
print('ready', flush=True)
sys.stdin.readline()
try:
    socket.create_connection(('127.0.0.1', 8080)).close()
    print('reached')
except OSError as e:
    print(e)
"""
    runs = [r.start(PYTHON, "-c", program, "127.0.0.1", stdin=subprocess.PIPE) for _ in range(2)]
    for process in runs:
        expect("each run", process.stdout.readline(), "ready\n")
    for process in runs:
        expect("each run", r.finish(process, "go\n")[:2], (0, "reached\n"))
    outside = socket.socket()
    outside.settimeout(5)
    expect("from outside", outside.connect_ex(("127.0.0.1", 8080)) != 0, True)


@check
def interfaces(r):
    """The run's interface is shown, not the machine's: by rtnetlink and by ioctl."""
    program = """
import fcntl, socket, struct, sys
s = socket.socket()
mtu = struct.unpack('16si', fcntl.ioctl(s, 0x8921, struct.pack('16s24x', b'lo'))[:20])[1]
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
n.bind((0, 0))
n.send(struct.pack('IHHII', 20, 22, 0x301, 7, 0) + bytes(4))  # RTM_GETADDR, all of them
data, peer = n.recvfrom(65536)
found = []
while data:
    length, kind, flags, seq, pid = struct.unpack('IHHII', data[:16])
    family, prefix, index = data[16], data[17], struct.unpack('I', data[20:24])[0]
    size = 4 if family == socket.AF_INET else 16
    found.append(socket.inet_ntop(family, data[28:28 + size]) + '/' + str(prefix))
    assert (kind, seq, pid, index) == (20, 7, n.getsockname()[0], 1), (kind, seq, pid, index)
    data = data[(length + 3) & ~3:]
done = struct.unpack('IHHII', n.recv(100)[:16])
print(socket.if_nameindex(), mtu, found, peer, done[1])
"""
    expect("what is shown", r.python(program)[:2],
           (0, "[(1, 'lo')] 65536 ['127.0.0.1/8', '::1/128'] (0, 0) 3\n"))
    expect("with conditions", r.python(program, options=["--delay", "1ms"])[:2],
           (0, "[(1, 'lo')] 1500 ['127.0.0.1/8', '::1/128'] (0, 0) 3\n"))


@check
def interfaces_of_the_machine(r):
    """Their names are found in /proc/net and /sys/class/net: they are there, down, and have no address."""
    program = """
import errno, fcntl, os, pathlib, socket, struct
s = socket.socket()
ask = lambda name, request: struct.unpack('16si', fcntl.ioctl(s, request, name.encode().ljust(40, b'\\0'))[:20])[1]
for at in pathlib.Path('/sys/class/net').glob('*/ifindex'):
    name = at.parent.name
    if name != 'lo':
        assert ask(name, 0x8913) & 0xffff == 0, name  # SIOCGIFFLAGS
        assert ask(name, 0x8933) == int(at.read_text()), name  # SIOCGIFINDEX
        try:
            ask(name, 0x8915)  # SIOCGIFADDR
            print(name, 'has an address')
        except OSError as error:
            assert error.errno == errno.EADDRNOTAVAIL, (name, error)
try:
    ask('none of these', 0x8913)
except OSError as error:
    print(error.strerror)
"""
    expect("what is shown", r.python(program)[:2], (0, "No such device\n"))


@check
def names(r):
    """Whoever is asked for a name at port 53 knows --name's; a program that serves there comes first."""
    program = """
import socket
def asked(server, name, qtype, send):
    query = b'\\0\\7\\1\\0\\0\\1' + bytes(6)
    query += b''.join(bytes([len(part)]) + part.encode() for part in name.split('.'))
    query += bytes([0, 0, qtype, 0, 1])
    answer = send(server, query)
    return (answer[3] & 15, answer[len(query) + 12:].hex()) if answer[:2] == query[:2] else answer
def ask(*question):
    def send(server, query):
        with socket.socket(socket.AF_INET6 if ':' in server else socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.sendto(query, (server, 53))
            answer, peer = s.recvfrom(512)
        assert peer[:2] == (server, 53), peer
        return answer
    return asked(*question, send)
def ask_tcp(*question):
    def send(server, query):
        with socket.create_connection((server, 53), 20) as s:
            message = len(query).to_bytes(2, 'big') + query
            for piece in message[:1], message[1:9], message[9:] + message:
                s.sendall(piece)
            f = s.makefile('rb')
            answers = [f.read(int.from_bytes(f.read(2), 'big')) for _ in range(2)]
        assert answers[0] == answers[1], answers
        return answers[0]
    return asked(*question, send)
def found(name):
    try:
        return sorted({a[4][0] for a in socket.getaddrinfo(name, 80)})
    except socket.gaierror as error:
        return error.errno == socket.EAI_NONAME
for server in '203.0.113.53', '127.0.0.53', '2001:db8::53':
    print(ask(server, 'db', 1), ask_tcp(server, 'db', 28), ask_tcp(server, 'other', 1))
print(found('db'), found('web.example'), found('other.invalid'))
own = socket.socket(type=socket.SOCK_DGRAM)
own.bind(('0.0.0.0', 53))
asking = socket.socket(type=socket.SOCK_DGRAM)
asking.connect(('127.0.0.53', 53))
asking.send(b'hear me')
print(own.recvfrom(100)[0])
own.close()
print(ask('127.0.0.53', 'db', 1), ask_tcp('127.0.0.99', 'db', 1))
listener = socket.create_server(('127.0.0.53', 53))
with socket.create_connection(('127.0.0.53', 53)) as s:
    print(listener.accept()[1] == s.getsockname())
with socket.create_connection(('127.0.0.99', 53)) as s:
    s.sendall(b'\\xff' * 600)
    try:
        print(s.recv(1))
    except ConnectionResetError:
        print('refused')
"""
    status, out, err = r.python(program, options=["--name", "db=127.0.0.2", "--name", "web.example"])
    lines = ["(0, '7f000002') (0, '') (3, '')"] * 3
    lines += ["['127.0.0.2'] ['127.0.0.1', '::1'] True", "b'hear me'", "(0, '7f000002') (0, '7f000002')",
              "True", "refused"]
    expect("what was answered", (status, out.splitlines()), (0, lines))


@check
def program_out_of_descriptors(r):
    program = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
held, failed = [], None
while failed is None:
    try:
        held.append(socket.socket())
    except OSError as e:
        failed = e.errno
import errno
print(errno.errorcode[failed], len(held) > 20)
del held
s = socket.create_server(('127.0.0.1', 5557))
c = socket.create_connection(('127.0.0.1', 5557))
print('goes on')
"""
    expect("the program", r.python(program)[:2], (0, "EMFILE True\ngoes on\n"))


@check
def supervisor_out_of_descriptors(r):
    """What the supervisor lacks, the program is told; the run goes on."""
    program = """
import errno, resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
server = socket.create_server(('127.0.0.1', 5558), backlog=100)
held, failed = [], None
for i in range(2000):
    try:
        held.append(socket.create_connection(('127.0.0.1', 5558), 5))
        held.append(server.accept()[0])
    except OSError as e:
        failed = errno.errorcode.get(e.errno, repr(e))
        break
print(failed)
while held:
    held.pop().close()
import time
for attempt in range(100):
    try:
        socket.create_connection(('127.0.0.1', 5558), 5).close()
        print('goes on')
        break
    except OSError:
        time.sleep(0.05)
"""
    argv = ["prlimit", "--nofile=120:120", *r.argv(PYTHON, "-c", program)]
    status, out, err = r.finish(r.popen(argv))
    lines = out.splitlines()
    if status != 0 or lines[-1:] != ["goes on"] or lines[0] not in ("EMFILE", "ENFILE", "ENOBUFS",
                                                                    "ENOMEM"):
        raise Failure(f"status {status}, stdout {out!r}, stderr {err[-600:]!r}")


@check
def supervisor_killed(r):
    """The programs end with it: one that computes, one blocked in accept, one in recvfrom."""
    program = LISTEN_AND_TALK + """
pids = [os.fork() for _ in range(2)]
if pids[0] == 0:
    server.accept()
elif pids[1] == 0:
    udp.recvfrom(10)
else:
    print('ready', flush=True)
    while True: pass
time.sleep(60)
"""
    process = r.start(PYTHON, "-c", program, "127.0.0.1")
    if process.stdout.readline() != "ready\n":
        raise Failure(f"the program failed: {r.finish(process)[2]}")
    time.sleep(0.3)
    if len(marked(r.mark)) < 4:
        raise Failure("the programs are not there")
    process.kill()
    process.wait()
    r.nothing_left()


@check
def program_dies_with_much_open(r):
    """What a killed program held is released: its port is free, its peer sees the end."""
    program = """
import os, signal, socket, time
ready, tell = os.pipe()
pid = os.fork()
if pid == 0:
    server = socket.create_server(('127.0.0.1', 5559))
    os.write(tell, b'x')
    client, _ = server.accept()
    time.sleep(60)
os.read(ready, 1)
s = socket.create_connection(('127.0.0.1', 5559))
time.sleep(0.2)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
s.settimeout(20)
print(s.recv(10))
for attempt in range(100):
    try:
        again = socket.socket()
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(('127.0.0.1', 5559))
        again.listen()
        print('free')
        break
    except OSError:
        time.sleep(0.05)
"""
    expect("the peer", r.python(program)[:2], (0, "b''\nfree\n"))


@check
def reset_reaches_a_writer_that_does_not_read(r):
    """It waits for room while more has come than it has read; the peer is gone with a reset."""
    program = """
import socket, threading, time
listener = socket.create_server(('127.0.0.1', 5562))
client = socket.create_connection(('127.0.0.1', 5562))
server, _ = listener.accept()
def write():
    try:
        while True: server.sendall(bytes(100000))
    except ConnectionError:
        print('told')
writer = threading.Thread(target=write, daemon=True)
writer.start()
client.setblocking(False)
sent = 0
idle = time.monotonic() + 0.5
while time.monotonic() < idle:
    try:
        sent += client.send(bytes(100000))
        idle = time.monotonic() + 0.5
    except BlockingIOError:
        time.sleep(0.01)
client.close()
writer.join(20)
read = 0
try:
    while data := server.recv(100000): read += len(data)
except ConnectionResetError:
    print('reset', 0 < read <= sent)
"""
    expect("the writer", r.python(program)[:2], (0, "told\nreset True\n"))


@check
def what_was_written_before_a_close_with_data_unread_arrives(r):
    program = """
import socket
listener = socket.create_server(('127.0.0.1', 5564))
for i in range(100):
    client = socket.create_connection(('127.0.0.1', 5564))
    server, _ = listener.accept()
    client.sendall(b'unread')
    server.recv(1)
    server.sendall(b'last words')
    server.close()
    heard = b''
    try:
        while data := client.recv(100): heard += data
    except ConnectionResetError:
        pass
    if heard != b'last words':
        print(i, heard)
"""
    expect("the listener", r.python(program)[:2], (0, ""))


@check
def data_is_not_notified(r):
    """What a stream carries costs no notified call, however much it is."""
    program = """
import os, socket, sys
server = socket.create_server(('127.0.0.1', 5562))
client = socket.create_connection(('127.0.0.1', 5562))
accepted, _ = server.accept()
for i in range(int(sys.argv[1])):
    client.send(b'there')
    assert accepted.recv(5, socket.MSG_WAITALL) == b'there'
    os.write(accepted.fileno(), b'and back')
    assert client.recv(8, socket.MSG_WAITALL) == b'and back'
    client.sendall(b'x' * 10000)
    left = 10000
    while left > 0:
        left -= len(os.read(accepted.fileno(), left))
"""
    notified = []
    for rounds in (1, 300):
        status, out, err = r.python(program, rounds, options=["--stats", "--json"])
        if status != 0:
            raise Failure(f"status {status}, stderr {err!r}")
        notified.append(json.loads(err)["calls_notified"])
    expect("calls notified of 1 and of 300 round trips", notified[1], notified[0])


@check
def run_inside_run(r):
    status, out, err = r.run(r.stage.command, "run", "--", "true")
    if status != 125 or not err:
        raise Failure(f"status {status}, stderr {err!r}")


@check
def link_delay(r):
    """--delay is felt: a round trip takes two of them, a refused connection too."""
    program = """
import socket, time
server = socket.create_server(('127.0.0.1', 5560))
started = time.monotonic()
client = socket.create_connection(('127.0.0.1', 5560))
print(time.monotonic() - started)
started = time.monotonic()
try:
    socket.create_connection(('127.0.0.1', 5561))
except ConnectionRefusedError:
    print(time.monotonic() - started)
"""
    status, out, err = r.python(program, options=["--delay", "100ms"])
    times = [float(word) for word in out.split()]
    if status != 0 or len(times) != 2 or min(times) < 0.19:
        raise Failure(f"status {status}, seconds {times}, stderr {err}")


@check
def link_loses_datagrams(r):
    """--loss is felt, and repeats with --seed."""
    program = """
import socket
a, b = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
b.bind(('127.0.0.1', 0))
b.settimeout(0.3)
got = []
for i in range(100):
    a.sendto(bytes([i]), b.getsockname())
try:
    while True: got.append(b.recvfrom(10)[0][0])
except TimeoutError:
    print(got)
"""
    outs = [r.python(program, options=["--loss", "30%", "--seed", seed])[1] for seed in "778"]
    counts = [len(out.split()) for out in outs]
    if not all(40 < n < 95 for n in counts):
        raise Failure(f"of 100 datagrams arrived {counts} at 30% loss")
    expect("with the same seed", outs[1], outs[0])
    expect("another seed, another fate", outs[2] != outs[0], True)


@check
def nothing_stays_behind(r):
    before = set(os.listdir("/dev/shm")) | set(os.listdir(tempfile.gettempdir()))
    expect_status(r.run("true"), 0)
    r.nothing_left()
    after = set(os.listdir("/dev/shm")) | set(os.listdir(tempfile.gettempdir()))
    expect("new files", [name for name in after - before if "sockworks" in name.lower()], [])


def compile_leak(stage):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-w", HERE / "leak.c", "-o",
                    stage.path / "leak"], check=True)


def main():
    wanted = sys.argv[1:]
    users = ["root", "nobody"] if os.geteuid() == 0 else [""]
    stage = Stage()
    if stage.command is None:
        skip("about sockworks run: there is no such thing on the kernel's sockets")
    compile_leak(stage)
    failed = 0
    try:
        for user in users:
            for function in CHECKS:
                name = function.__name__
                if wanted and name not in wanted:
                    continue
                runner = Runner(stage, user)
                try:
                    function(runner)
                    print(f"ok: {name} as {user or 'myself'}", flush=True)
                except Failure as failure:
                    failed += 1
                    print(f"FAILED: {name} as {user or 'myself'}: {failure}", flush=True)
                finally:
                    kill_marked(runner.mark)
    finally:
        stage.remove()
    sys.exit(1 if failed else 0)


main()
