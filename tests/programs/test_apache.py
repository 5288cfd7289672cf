#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Apache httpd (event, two processes with threads): files by sendfile, ranges, kept connections, a
proxy before it, and a graceful restart while it serves."""
import os
import pathlib
import re

from harness import expect, main, sha256, wait_for_port, write_random

PORT, PROXY = 8080, 8081
MODULES = ["mpm_event", "authz_core", "mime", "dir", "proxy", "proxy_http"]
CONFIG = """
ServerRoot {here}
ServerName test
PidFile {here}/pid
ErrorLog {here}/error.log
Mutex file:{here} default
{modules}
TypesConfig /dev/null
Listen {at}
Listen {proxy_at}
DocumentRoot {here}/site
EnableSendfile on
EnableMMAP off
KeepAlive on
MaxKeepAliveRequests 0
StartServers 2
ThreadsPerChild 8
MaxRequestWorkers 32
{user}
<Directory {here}>
    Require all granted
</Directory>
<VirtualHost {proxy_at}>
    ProxyPass / http://{at}/
    ProxyTimeout 120
</VirtualHost>
"""


def body(case, programs):
    here = pathlib.Path.cwd()
    here.chmod(0o755)
    size = 300_000 if case.lossy else 20_000_000
    (here / "site").mkdir()
    digest = write_random(here / "site" / "large", size)
    (here / "site" / "small").write_text("small\n")
    modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in MODULES)
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    (here / "config").write_text(CONFIG.format(here=here, modules=modules, at=case.at(PORT), user=user,
                                               proxy_at=case.at(PROXY)))
    server = programs.start("/usr/sbin/apache2", "-D", "FOREGROUND", "-f", here / "config")
    wait_for_port(case, PORT, server)

    def curl(*words):
        return programs.run("curl", "-sS", "-f", *words, seconds=240)

    for port in (PORT, PROXY):
        base = f"http://{case.at(port)}"
        curl("-o", "copy", f"{base}/large")
        expect("SHA-256", sha256("copy"), digest)
        expect("a range", len(curl("-r", "100-199", "-o", "part", f"{base}/large") or
                              pathlib.Path("part").read_bytes()), 100)
        expect("on one connection", curl(*[f"{base}/small"] * 20), "small\n" * 20)
    if not case.lossy:
        said = programs.run("wrk", "-t", "2", "-c", "20", "-d", "2", f"http://{case.at(PORT)}/small")
        # Reading fails now and then, on the kernel's sockets too: the server ends processes it has no use for.
        expect("connecting and waiting", re.findall(r"connect [1-9]|timeout [1-9]|Non-2xx", said), [])
    server.process.send_signal(10)  # SIGUSR1: graceful
    for _ in range(10):
        expect("while it restarts", curl("--retry", "5", "--retry-connrefused",
                                         f"http://{case.at(PORT)}/small"), "small\n")


main(body, ["/usr/sbin/apache2", "curl", "wrk"])
