# SPDX-License-Identifier: BSD-2-Clause
"""SOCK_DGRAM: a datagram arrives as it was sent, or not at all."""
import socket

COUNT = 1000
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 7000))
receiver.settimeout(0.5)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
whole = arrived = 0
for n in range(COUNT):
    sent = b"datagram %d " % n + b"." * (n % 100)
    sender.sendto(sent, ("127.0.0.1", 7000))
    if n % 50 == 49:  # let the receiver keep up: its queue has an end, too
        number = None
        try:
            while number != n:
                data, _ = receiver.recvfrom(2000)
                number = int(data.split()[1])
                arrived += 1
                whole += data == b"datagram %d " % number + b"." * (number % 100)
        except TimeoutError:
            pass  # the last of these fifty was lost
print(f"sent {COUNT} datagrams; {arrived} arrived, {whole} of them exactly as they were sent")
