#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An asyncio server with 500 connections at once, each answered line by line; and their end."""
import asyncio
import hashlib
import resource
import sys

from harness import PYTHON, Failure, main

PORT = 7200
LINE = 2000


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(hashlib.sha256(line).hexdigest().encode() + b"\n")
        await writer.drain()
    writer.close()


async def serve(address):
    server = await asyncio.start_server(answer, address, PORT, limit=1 << 20, backlog=600)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


async def converse(address, number, rounds, all_connected):
    reader, writer = await asyncio.open_connection(address, PORT, limit=1 << 20)
    await all_connected.wait()
    for i in range(rounds):
        line = f"{number} {i} ".encode() * (LINE // 10) + b"\n"
        writer.write(line)
        await writer.drain()
        reply = (await reader.readline()).decode().strip()
        if reply != hashlib.sha256(line).hexdigest():
            raise Failure(f"connection {number}, line {i}: {reply!r}")
    writer.close()
    await writer.wait_closed()


class Barrier:
    """All connections stand before the first line is sent."""

    def __init__(self, count):
        self.missing, self.event = count, asyncio.Event()

    async def wait(self):
        self.missing -= 1
        if self.missing == 0:
            self.event.set()
        await self.event.wait()


async def clients(address, count, rounds):
    barrier = Barrier(count)
    await asyncio.gather(*(converse(address, i, rounds, barrier) for i in range(count)))


def body(case, programs):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    server = programs.start(PYTHON, __file__, "--serve", case.address)
    server.wait_for("ready")
    asyncio.run(asyncio.wait_for(clients(case.address, 500, 2 if case.lossy else 10), 120))


if len(sys.argv) == 3 and sys.argv[1] == "--serve":
    asyncio.run(serve(sys.argv[2]))
else:
    main(body)
