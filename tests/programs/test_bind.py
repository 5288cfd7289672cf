#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""BIND: queries by UDP and TCP, a zone transfer, updates with nsupdate, and rndc."""
import os
import pathlib

from harness import expect, main, wait_for_port

DNS, CONTROL = 5353, 9953
KEY = 'key k { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; };\n'
CONFIG = """
options {{
    directory "{here}"; {listen}
    pid-file "{here}/pid"; session-keyfile "{here}/session"; managed-keys-directory "{here}";
    recursion no; dnssec-validation no; allow-transfer {{ any; }};
}};
controls {{ inet {address} port {control} allow {{ any; }} keys {{ k; }}; }};
zone "ex.test" {{ type master; file "{here}/zone"; allow-update {{ any; }}; }};
"""


def body(case, programs):
    six = ":" in case.address
    this, other = ("listen-on-v6", "listen-on") if six else ("listen-on", "listen-on-v6")
    pathlib.Path("conf").write_text(KEY + CONFIG.format(
        here=os.getcwd(), address=case.address, control=CONTROL,
        listen=f"{this} port {DNS} {{ {case.address}; }}; {other} {{ none; }};"))
    hosts = "".join(f"h{i} IN A 192.0.2.{i}\n" for i in range(200))
    pathlib.Path("zone").write_text("$TTL 60\n@ IN SOA ns.ex.test. a.ex.test. 1 60 60 60 60\n IN NS ns\n"
                                    f"ns IN A 127.0.0.1\nw IN A 192.0.2.1\nlong IN TXT {'a' * 200}\n{hosts}")
    server = programs.start("named", "-g", "-c", f"{os.getcwd()}/conf", "-n", "2")
    wait_for_port(case, CONTROL, server)
    patience = ["+tries=15", "+time=1"] if case.lossy else ["+tries=2", "+time=20"]

    def dig(*words):
        output = programs.run("dig", f"@{case.address}", "-p", DNS, *patience, *words)
        return [line for line in output.splitlines() if line and not line.startswith(";")]

    expect("by UDP", dig("w.ex.test", "+short"), ["192.0.2.1"])
    expect("by TCP", dig("w.ex.test", "+tcp", "+short"), ["192.0.2.1"])
    expect("a transfer", sum("192.0.2." in line for line in dig("ex.test", "AXFR")), 201)
    pathlib.Path("update").write_text(f"server {case.address} {DNS}\nzone ex.test\n"
                                      "update add new.ex.test 60 A 192.0.2.77\nsend\n")
    programs.run("nsupdate", "-v", "update")
    expect("what was added", dig("new.ex.test", "+short"), ["192.0.2.77"])
    pathlib.Path("rndc").write_text(KEY + f"options {{ default-key k; default-server {case.address}; "
                                          f"default-port {CONTROL}; }};\n")
    expect("rndc", "server is up and running" in programs.run("rndc", "-c", "rndc", "status"), True)
    programs.run("rndc", "-c", "rndc", "stop")
    server.succeed()


main(body, ["named", "dig", "nsupdate", "rndc"])
