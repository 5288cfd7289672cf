# SPDX-License-Identifier: BSD-2-Clause
"""Mail: a letter goes from an SMTP client to an SMTP server (RFC 5321), line by line over a stream."""
import smtplib
import socket
import threading


def serve(listener):
    peer, _ = listener.accept()
    with peer, peer.makefile("rwb", buffering=0) as wire:
        wire.write(b"220 mail.example greets you\r\n")
        body = False
        while line := wire.readline():
            print("  <-", line.decode().rstrip())
            if body:
                if line != b".\r\n":
                    continue
                body, answer = False, b"250 taken\r\n"
            elif line.upper().startswith(b"DATA"):
                body, answer = True, b"354 go on\r\n"
            elif line.upper().startswith(b"QUIT"):
                answer = b"221 goodbye\r\n"
            else:
                answer = b"250 ok\r\n"
            wire.write(answer)


listener = socket.create_server(("127.0.0.1", 25))
server = threading.Thread(target=serve, args=(listener,))
server.start()
with smtplib.SMTP("127.0.0.1", 25, local_hostname="client.example") as smtp:
    smtp.sendmail("ada@client.example", ["grace@mail.example"], "Subject: sockets\r\n\r\nThey work.\r\n")
server.join()
