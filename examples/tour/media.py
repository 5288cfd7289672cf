# SPDX-License-Identifier: BSD-2-Clause
"""Media: two seconds of sound as RTP (RFC 3550) over datagrams, one packet every 20 ms.

What is late is as bad as lost, so nothing is ever sent again; the receiver counts what is missing and
how unevenly the rest came (interarrival jitter, RFC 3550 6.4.1)."""
import socket
import struct
import threading
import time

PACKETS, SAMPLES, RATE = 100, 160, 8000  # 20 ms of 8 kHz sound in each packet


def send():
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", 5004))
    begin = time.monotonic()
    for n in range(PACKETS):
        out.send(struct.pack("!BBHII", 0x80, 0, n, n * SAMPLES, 0x50C4) + b"\xff" * SAMPLES)
        time.sleep(max(0, begin + (n + 1) * SAMPLES / RATE - time.monotonic()))


receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 5004))
receiver.settimeout(1)
sender = threading.Thread(target=send)
sender.start()
got, jitter, last_transit = set(), 0.0, None
try:
    while PACKETS - 1 not in got:
        packet = receiver.recv(2000)
        _, _, number, stamp, _ = struct.unpack("!BBHII", packet[:12])
        transit = time.monotonic() - stamp / RATE
        if last_transit is not None:
            jitter += (abs(transit - last_transit) - jitter) / 16
        last_transit = transit
        got.add(number)
except TimeoutError:
    pass
sender.join()
print(f"{PACKETS} packets sent, {len(got)} heard, {PACKETS - len(got)} missing; "
      f"playable: {len(got) >= PACKETS * 0.8}; jitter {jitter * 1000:.1f} ms")
