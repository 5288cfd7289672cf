# SPDX-License-Identifier: BSD-2-Clause
"""listen() opens the queue, connect() enters it, accept() takes one client out: a new socket for each."""
import socket

listener = socket.socket()
listener.bind(("127.0.0.1", 7000))
listener.listen(8)
clients = [socket.create_connection(("127.0.0.1", 7000)) for _ in range(3)]
print("three clients are connected, and accept() has not been called yet")
for client in clients:
    server, peer = listener.accept()
    print(
        "accept() returned a new socket:", server.fileno() != listener.fileno(),
        "- same local port:", server.getsockname()[1] == 7000,
        "- for the client that came next:", peer == client.getsockname(),
    )
