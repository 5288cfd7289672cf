# SPDX-License-Identifier: BSD-2-Clause
"""An address names a host, a port an application on it; a client need not choose its own."""
import socket

first = socket.create_server(("127.0.0.1", 7001))
second = socket.create_server(("127.0.0.1", 7002))

client = socket.socket()
print("a new socket is", client.getsockname())
client.connect(("127.0.0.1", 7002))
print("connect() gave it an address and a free port:", client.getsockname()[0], client.getsockname()[1] >= 32768)
server, peer = second.accept()
print("the application on port 7002 was called, and sees that address as its peer:", peer == client.getsockname())
first.setblocking(False)
try:
    first.accept()
except BlockingIOError:
    print("the one on port 7001 was not")

try:
    socket.create_server(("127.0.0.1", 7002))
except OSError as error:
    print("a port belongs to one application:", error.strerror)
try:
    socket.create_connection(("127.0.0.1", 7003))
except OSError as error:
    print("nobody listens on port 7003:", error.strerror)
