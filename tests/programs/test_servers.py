#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Servers that use a process or a thread for each client, in C (static and dynamic) and in Python, and
the examples; clients send and receive at once, many side by side."""
import concurrent.futures
import hashlib
import os
import shutil
import socket
import subprocess
import threading

from harness import HERE, PYTHON, ROOT, Failure, expect, main

PORT = 7100
PYTHON_SERVER = """
import socketserver, sys, socket
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
kind = {'fork': socketserver.ForkingTCPServer, 'thread': socketserver.ThreadingTCPServer}[sys.argv[1]]
kind.address_family = socket.AF_INET6 if ':' in sys.argv[2] else socket.AF_INET
kind.request_queue_size = 64
kind.daemon_threads = True
with kind((sys.argv[2], int(sys.argv[3])), Echo) as server:
    print('ready', flush=True)
    server.serve_forever()
"""


def converse(case, port, size):
    """Sends `size` bytes while it receives them back; returns whether they came back whole."""
    data = os.urandom(size)
    with socket.create_connection((case.address, port), 60) as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        digest, count = hashlib.sha256(), 0
        while block := s.recv(65536):
            digest.update(block)
            count += len(block)
        sender.join()
    if count != size:
        raise Failure(f"{count} of {size} bytes came back")
    expect("SHA-256 of what came back", digest.hexdigest(), hashlib.sha256(data).hexdigest())


def examples(case, programs):
    for kind, port in (("stream", "7300"), ("datagram", "7301")):
        # Under loss a datagram client may ask more than once: the server must not have gone.
        count = "1" if kind == "stream" or not case.lossy else "9"
        server = programs.start(HERE / f"{kind}_server", case.address, port, count)
        server.wait_for("listening" if kind == "stream" else "waiting")
        answer = programs.run(HERE / f"{kind}_client", case.address, port)
        if "Good day, and thank you for your 22 bytes." not in answer:
            raise Failure(f"{kind}_client was not answered")
        if count == "1":
            server.succeed()
        server.end()


def body(case, programs):
    clients, size = (4, 50_000) if case.lossy else (16, 2_000_000)
    python = [PYTHON, "-c", PYTHON_SERVER]
    kinds = [[HERE / "echo_static"], [HERE / "echo_dynamic"], python]
    for number, kind in enumerate(kinds):
        for offset, manner in enumerate(("fork", "thread")):
            port = PORT + 2 * number + offset
            server = programs.start(*kind, manner, case.address, port)
            server.wait_for("ready")
            with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                jobs = [pool.submit(converse, case, port, size) for _ in range(clients)]
                for job in jobs:
                    job.result()
            server.end()
    examples(case, programs)


def compile_programs(directory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    options = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-w"]
    jobs = [(HERE / "echo_server.c", "echo_dynamic", ["-pthread"]),
            (HERE / "echo_server.c", "echo_static", ["-pthread", "-static"])]
    jobs += [(ROOT / "examples" / f"{name}.c", name, ["-static"])
             for name in ("stream_server", "stream_client", "datagram_server", "datagram_client")]
    for source, name, more in jobs:
        subprocess.run([compiler, *options, source, "-o", directory / name, *more], check=True,
                       stderr=subprocess.DEVNULL)


main(body, prepare=compile_programs)
