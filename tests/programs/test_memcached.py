#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""memcached, four threads: values over TCP from many clients at once, and one over UDP."""
import socket
import threading

from harness import Failure, expect, main, wait_for_port

PORT = 11211


def converse(case, key, size, rounds, trouble):
    """Stores and fetches a value, again and again, both requests written at once."""
    value = key * size
    with socket.create_connection((case.address, PORT), 60) as s, s.makefile("rwb") as file:
        for _ in range(rounds):
            file.write(b"set %s 0 0 %d\r\n%s\r\nget %s\r\n" % (key, size, value, key))
            file.flush()
            answer = file.readline() + file.readline()
            stored = file.read(size + 2)[:-2]
            if not answer.startswith(b"STORED\r\nVALUE ") or stored != value:
                trouble.append(answer)
            file.readline()


def over_udp(case):
    """A request has a header of eight bytes: number, datagram 0 of 1. Either may be lost under loss."""
    with socket.socket(case.family, socket.SOCK_DGRAM) as s:
        s.settimeout(1 if case.lossy else 20)
        for _ in range(20 if case.lossy else 1):
            s.sendto(b"\0\7\0\0\0\1\0\0get u\r\n", (case.address, PORT))
            try:
                answer, address = s.recvfrom(2000)
            except TimeoutError:
                continue
            expect("the answer by UDP", answer, b"\0\7\0\0\0\1\0\0VALUE u 0 3\r\nuuu\r\nEND\r\n")
            expect("its address", address[:2], (case.address, PORT))
            return
    raise Failure("no answer by UDP")


def body(case, programs):
    server = programs.start("memcached", "-u", "nobody", "-l", case.address, "-p", PORT, "-U", PORT,
                            "-t", "4")
    wait_for_port(case, PORT, server)
    size, rounds = (5_000, 3) if case.lossy else (100_000, 30)
    trouble = []
    clients = [threading.Thread(target=converse, args=(case, bytes([97 + i]), size, rounds, trouble))
               for i in range(16)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    expect("wrong answers", trouble, [])
    converse(case, b"u", 3, 1, trouble)
    over_udp(case)
    server.end()


main(body, ["memcached"])
