# SPDX-License-Identifier: BSD-2-Clause
"""send and recv go both ways, and each way ends by itself: shutdown() is 'I have said everything'."""
import socket
import threading


def serve(listener):
    peer, _ = listener.accept()
    question = b""
    while part := peer.recv(100):  # until the client has said everything
        question += part
    peer.sendall(b"you asked: " + question)
    peer.close()


listener = socket.create_server(("127.0.0.1", 7000))
server = threading.Thread(target=serve, args=(listener,))
server.start()
client = socket.create_connection(("127.0.0.1", 7000))
client.sendall(b"what is a socket?")
client.shutdown(socket.SHUT_WR)
answer = b""
while part := client.recv(100):  # until the server has said everything, too
    answer += part
print(answer.decode())
client.close()
server.join()
