# SPDX-License-Identifier: BSD-2-Clause
"""A socket is a file descriptor: read, write, poll, dup and fork work on it as on any other."""
import os
import select
import socket
import stat

listener = socket.create_server(("127.0.0.1", 7000))
client = socket.create_connection(("127.0.0.1", 7000))
server, _ = listener.accept()

fd = client.fileno()
print(f"the socket is descriptor {fd}, a socket: {stat.S_ISSOCK(os.fstat(fd).st_mode)}")

os.write(fd, b"write() sends")
print("read() receives:", os.read(server.fileno(), 100))

poller = select.poll()
poller.register(server, select.POLLIN)
print("poll() before anything was sent:", poller.poll(0))
twin = os.dup(fd)
client.close()
os.write(twin, b"a dup()ed descriptor is the same socket")
print("poll() after:", "POLLIN" if poller.poll(5000)[0][1] & select.POLLIN else "?")
print("read():", os.read(server.fileno(), 100))

if os.fork() == 0:
    os.write(twin, b"so is one that a child inherits")
    os._exit(0)
os.wait()
os.close(twin)
print("read():", os.read(server.fileno(), 100))
print("read() after the last close():", os.read(server.fileno(), 100), "- the end of the stream")
