#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ip, tc, ethtool and their like ask about the network: line by line what they show on the kernel's, in a namespace
of its own with lo up."""
import shutil
import sys

from harness import Stage, lines_on_both, need

ASKED = """
ip link                     ip -4 link                  ip -6 link                  ip -br link
ip addr                     ip -4 addr                  ip -6 addr                  ip -br addr
ip -4 -o addr               ip -6 -o addr               ip -f inet addr             ip addr show scope host
ip link show dev lo         ip link show dev nope       ip link show type veth      ip link show index 1
ip -j addr                  ip neigh                    ip -6 neigh                 ip nexthop
ip route                    ip -6 route                 ip route show table all     ip -6 route show table all
ip rule                     ip -6 rule                  ip addrlabel                ip netconf show dev lo
ip route get 127.0.0.1      ip route get 127.3.2.1      ip route get 192.0.2.1      ip route get 127.255.255.255
ip route get 0.0.0.0        ip route get 127.0.0.1 from 127.0.0.2                   ip route get 127.0.0.1 uid 5
ip route get 127.0.0.1 fibmatch                         ip -6 route get ::1 fibmatch
ip route get 127.255.255.255 fibmatch                   ip route get 127.3.2.1 fibmatch
ip -6 route get ::1         ip -6 route get ::1 from ::1                            ip -6 route get 2001:db8::1
ip route get 127.0.0.1 oif lo                           ip route get 127.0.0.1 tos 4 mark 1
ip neigh get 127.0.0.1 dev lo                           ip nexthop get id 1
tc qdisc                    tc class show dev lo        tc filter show dev lo       bridge link
ethtool lo                  ethtool -i lo               ethtool -S lo               ethtool -T lo
mii-tool lo                 getent ahosts localhost     getent ahostsv6 ::1
"""

# What the machine's own settings decide.
SETTINGS = ("inet lo forwarding", "inet6 lo forwarding", "Error: Neighbour", "RTNETLINK answers: No such file")


def questions():
    """Each on a line of its own, of programs that are there."""
    asked = [q.strip() for line in ASKED.splitlines() for q in line.split("  ") if q.strip()]
    return [q for q in asked if shutil.which(q.split()[0])]


def main():
    need("ip")
    script = "".join(f"echo '=== {q}'; {q} 2>&1; echo \"exit code $?\"\n" for q in questions())
    stage = Stage()
    try:
        kernel, own = lines_on_both(stage, "", ["sh", "-c", script])
    finally:
        stage.remove()
    kernel, own = ([line for line in lines if not line.startswith(SETTINGS)] for lines in (kernel, own))
    differ = [f"{k!r} on the kernel's, {o!r} here" for k, o in zip(kernel, own) if k.split() != o.split()]
    if len(kernel) != len(own) or differ:
        print("\n".join(differ[:20] or [f"{len(kernel)} lines on the kernel's, {len(own)} here"]))
        sys.exit(1)
    print(f"{len(questions())} questions, {len(kernel)} lines, all alike")


main()
