#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""squid before a server: a file from there, from the cache, and TLS through CONNECT."""
import os
import pathlib
import pwd

from harness import PYTHON, expect, main, sha256, wait_for_port, write_random

PROXY, HTTP, TLS = 3128, 8001, 8443


def body(case, programs):
    here = pathlib.Path.cwd()
    site, cache = here / "site", here / "cache"
    site.mkdir()
    cache.mkdir()
    here.chmod(0o755)
    if os.geteuid() == 0:  # squid works as another user then
        proxy = pwd.getpwnam("proxy")
        for path in (here, cache):
            os.chown(path, proxy.pw_uid, proxy.pw_gid)
    digest = write_random(site / "file", 50_000 if case.lossy else 3_000_000)
    os.utime(site / "file", (0, 0))  # so old that it need not be asked for again
    programs.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert",
                 "-days", "2", "-subj", "/CN=x")
    plain = programs.start(PYTHON, "-m", "http.server", HTTP, "--bind", case.address, "--directory", site)
    tls = programs.start("openssl", "s_server", "-accept", case.at(TLS), "-cert", here / "cert", "-key",
                         here / "key", "-WWW", "-quiet", cwd=site)
    pathlib.Path("conf").write_text(
        f"http_port {case.at(PROXY)}\nhttp_access allow all\ncache_dir ufs {cache} 50 4 4\n"
        f"pid_filename {here}/pid\ncache_log {here}/cache.log\naccess_log stdio:{here}/access\n"
        f"coredump_dir {here}\nvisible_hostname x\nmaximum_object_size 10 MB\npinger_enable off\n"
        f"shutdown_lifetime 1 seconds\nrefresh_pattern . 60 90% 120\n")
    programs.run("squid", "-z", "-N", "-f", here / "conf")
    squid = programs.start("squid", "-N", "-f", here / "conf")
    for program, port in ((plain, HTTP), (tls, TLS), (squid, PROXY)):
        wait_for_port(case, port, program)
    through = ["curl", "-gsSk", "-x", f"http://{case.at(PROXY)}", "-o", "got"]
    for url in (f"http://{case.at(HTTP)}/file", f"http://{case.at(HTTP)}/file", f"https://{case.at(TLS)}/file"):
        programs.run(*through, url)
        expect(url, sha256("got"), digest)
    squid.process.terminate()
    squid.wait()
    said = pathlib.Path("access").read_text(encoding="utf-8")
    expect("fetched, from the cache, tunnelled",
           ["TCP_MISS/" in said, "_HIT/" in said, "TCP_TUNNEL/" in said], [True, True, True])


main(body, ["squid", "openssl", "curl"])
