#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""vsftpd and curl: data connections that the client makes (EPSV, PASV) and that the server makes (EPRT, PORT)."""
import os
import pathlib

from harness import expect, main, sha256, wait_for_port, write_random

PORT = 2121
CONFIG = """
{listen}
listen_port={port}
anonymous_enable=YES
local_enable=NO
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_umask=022
background=NO
seccomp_sandbox=NO
run_as_launching_user={launching}
secure_chroot_dir={empty}
connect_from_port_20=YES
xferlog_enable=NO
isolate=NO
isolate_network=NO
"""


def body(case, programs):
    here = pathlib.Path.cwd()
    here.chmod(0o755)
    for name, mode in (("up", 0o777), ("empty", 0o755)):
        (here / "ftp" / name).mkdir(parents=True)
        (here / "ftp" / name).chmod(mode)
    digest = write_random("ftp/file", 50_000 if case.lossy else 3_000_000)
    os.chmod("ftp/file", 0o644)
    os.chmod("ftp", 0o555)
    listen = f"listen=NO\nlisten_ipv6=YES\nlisten_address6={case.address}" if ":" in case.address else \
             f"listen=YES\nlisten_address={case.address}"
    pathlib.Path("conf").write_text(CONFIG.format(
        listen=listen, port=PORT, root=here / "ftp", empty=here / "ftp" / "empty",
        launching="NO" if os.geteuid() == 0 else "YES"))
    server = programs.start("vsftpd", here / "conf")
    wait_for_port(case, PORT, server)
    url = f"ftp://{case.at(PORT)}"
    ways = {"EPSV": [], "EPRT": ["-P", "-"]}
    if ":" not in case.address:
        ways |= {"PASV": ["--disable-epsv"], "PORT": ["--disable-eprt", "-P", "-"]}
    for way, options in ways.items():
        programs.run("curl", "-gsS", *options, f"{url}/file", "-o", way)
        expect(f"the file by {way}", sha256(way), digest)
        programs.run("curl", "-gsS", *options, "-T", way, f"{url}/up/{way}")
        expect(f"what was sent by {way}", sha256(f"ftp/up/{way}"), digest)
    expect("the list", sorted(programs.run("curl", "-gsS", "-l", f"{url}/up/").split()), sorted(ways))


main(body, ["vsftpd", "curl"])
