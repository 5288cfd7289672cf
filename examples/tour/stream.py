# SPDX-License-Identifier: BSD-2-Clause
"""SOCK_STREAM: whatever the network does, the bytes arrive whole and in order, as one stream."""
import socket
import threading

LINES = 20_000


def send(listener):
    peer, _ = listener.accept()
    with peer:
        peer.sendall(b"".join(b"line %06d\n" % n for n in range(LINES)))


listener = socket.create_server(("127.0.0.1", 7000))
threading.Thread(target=send, args=(listener,)).start()
with socket.create_connection(("127.0.0.1", 7000)) as stream:
    lines = stream.makefile("rb").readlines()
right = all(line == b"line %06d\n" % n for n, line in enumerate(lines))
print(f"sent {LINES} lines, received {len(lines)}, every one in its place: {right}")
