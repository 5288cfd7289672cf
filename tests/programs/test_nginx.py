#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nginx: a master with two workers (of another user where the master is root), SO_REUSEPORT, sendfile,
a proxy to itself, new workers on SIGHUP; curl as its client."""
import concurrent.futures
import os
import pathlib
import signal

from harness import expect, main, sha256, wait_for_port, write_random

PORT, PROXY = 8080, 8081
CONFIG = """
worker_processes 2;
{user}
pid {home}/nginx.pid;
error_log stderr;
daemon off;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{ listen {at} reuseport; root {home}/site; }}
    server {{ listen {proxy_at}; location / {{ proxy_pass http://{at}; }} }}
}}
"""


def body(case, programs):
    home = pathlib.Path.cwd()
    home.chmod(0o755)
    site = home / "site"
    site.mkdir()
    digest = write_random(site / "large", 1_000_000 if case.lossy else 30_000_000)
    (site / "small").write_text("small\n")
    user = "user www-data;" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(CONFIG.format(user=user, home=home, at=case.at(PORT),
                                                   proxy_at=case.at(PROXY)))
    nginx = programs.start("nginx", "-e", "stderr", "-c", home / "nginx.conf")
    wait_for_port(case, PROXY, nginx)
    for port in (PORT, PROXY):
        programs.run("curl", "-sS", "-f", "-o", "copy", f"http://{case.at(port)}/large", seconds=120)
        expect(f"SHA-256 of what port {port} sent", sha256("copy"), digest)

    def fetch(number):
        port = PORT if number % 2 else PROXY
        return programs.run("curl", "-sS", "-f", f"http://{case.at(port)}/small")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fetch, range(16 if case.lossy else 64)))
    expect("the small answers", set(answers), {"small\n"})
    nginx.process.send_signal(signal.SIGHUP)
    expect("after SIGHUP", [fetch(i) for i in range(4)], ["small\n"] * 4)
    nginx.process.send_signal(signal.SIGQUIT)
    expect("nginx's exit status", nginx.wait(), 0)


main(body, ["nginx", "curl"])
