#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that behave badly: they close with data unread, reset, shut down at random, share sockets
with children, connect twice, and are killed in the middle of whatever they do. Afterwards the network
of the run must still work, and its port be free again."""
import os
import random
import select
import signal
import socket
import struct
import time
import traceback

from harness import expect, main

SECONDS = 4
PORT = 7300
SERVERS, CLIENTS = 3, 5


def family(case):
    return socket.AF_INET6 if ":" in case.address else socket.AF_INET


def serve(listener):
    while True:
        try:
            conn, _ = listener.accept()
            chance = random.random()
            if chance < 0.1:  # a reset
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif chance < 0.3:
                conn.shutdown(random.choice([socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR]))
            while 0.2 < chance and (data := conn.recv(random.choice([1, 100, 65536]))):
                conn.sendall(data)
                if random.random() < 0.01:
                    break
            conn.close()
        except OSError:
            pass


def connect(sock, address):
    chance = random.random()
    if chance < 0.3:
        sock.setblocking(False)
        sock.connect_ex(address)
        if chance < 0.1:
            return
        select.select([], [sock], [sock], 0.1)
        sock.setblocking(True)
    elif chance < 0.4:
        sock.connect_ex((address[0], random.randrange(1, 50)))
        sock.connect_ex(address)
    else:
        sock.connect(address)


def talk(address, kind):
    while True:
        with socket.socket(kind) as sock:
            try:
                connect(sock, address)
                for _ in range(random.randrange(5)):
                    sock.sendall(bytes(random.choice([1, 1000, 100000])))
                    sock.settimeout(0.05)
                    if random.random() < 0.5:
                        sock.recv(100000)
                    sock.settimeout(None)
                    if random.random() < 0.1:
                        sock.shutdown(random.choice([socket.SHUT_RD, socket.SHUT_WR]))
                    if random.random() < 0.1 and (child := os.fork()) == 0:
                        os._exit(0)
            except OSError:
                pass


def start(job, *args):
    child = os.fork()
    if child == 0:
        random.seed(os.getpid())
        try:
            job(*args)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return child


def kill(child):
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass


def works(case):
    """A conversation at the port that all this went on at."""
    with socket.create_server((case.address, PORT), family=family(case)) as listener, \
            socket.create_connection((case.address, PORT), 20) as client:
        conn, _ = listener.accept()
        with conn:
            client.sendall(b"still here")
            return conn.recv(100) == b"still here"


def body(case, programs):
    del programs
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server((case.address, PORT), family=family(case), backlog=64) as listener:
        def job(i):
            if i < SERVERS:
                return start(serve, listener)
            return start(talk, (case.address, PORT), family(case))

        children = [job(i) for i in range(SERVERS + CLIENTS)]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(0.03)
            i = random.randrange(len(children))
            kill(children[i])
            children[i] = job(i)
        for child in children:
            kill(child)
    time.sleep(0.1)
    expect("the network works after the chaos", works(case), True)


if __name__ == "__main__":
    main(body)
