#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OpenSSH: sshd, and ssh, scp, sftp and tunnels as the same user with a key. An account that nobody may
log in to, as that of `nobody`, is not let in by a server of its own either: there nothing but the refusal
is looked at, the server's or, where the server cannot see that the account is locked, its shell's."""
import getpass
import os
import pathlib

from harness import PYTHON, expect, main, sha256, wait_for_port, write_random

PORT, WEB, TUNNEL, REMOTE = 2222, 8001, 8002, 8003
SERVER = """
Port {port}
ListenAddress {address}
HostKey {here}/host_key
PidFile {here}/sshd.pid
AuthorizedKeysFile {here}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
AcceptEnv *
"""
CLIENT = """
Host there
    HostName {address}
    Port {port}
    User {user}
    IdentityFile {here}/key
    IdentitiesOnly yes
    UserKnownHostsFile {here}/known
    StrictHostKeyChecking accept-new
    ControlPath none
    LogLevel ERROR
"""


def body(case, programs):
    here = pathlib.Path.cwd()
    size = 200_000 if case.lossy else 20_000_000
    for name in ("host_key", "key"):
        programs.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", here / name)
    words = {"port": PORT, "address": case.address, "here": here, "user": getpass.getuser()}
    (here / "server").write_text(SERVER.format(**words))
    (here / "client").write_text(CLIENT.format(**words))
    if os.geteuid() == 0:
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # where privileges are dropped
    server = programs.start("/usr/sbin/sshd", "-D", "-e", "-f", here / "server")
    wait_for_port(case, PORT, server)
    config = ["-F", here / "client"]
    if getpass.getuser() == "nobody":
        refused = programs.start("ssh", *config, "there", "true")
        status, said = refused.wait(), refused.output()
        by_server = status == 255 and "Permission denied" in said
        expect("refused", by_server or (status == 1 and "not available" in said), True)
        return

    expect("a command", programs.run("ssh", *config, "there", "echo $((6 * 7)); exit 0"), "42\n")
    failing = programs.start("ssh", *config, "there", "exit 7")
    expect("its status", failing.wait(), 7)
    expect("where from", programs.run("ssh", *config, "there", "echo $SSH_CONNECTION").split()[::2],
           [case.address] * 2)
    digest = write_random("large", size)
    with open("large", "rb") as data:
        said = programs.run("ssh", *config, "there", "sha256sum", stdin=data, seconds=300)
    expect("SHA-256 of standard input", said.split()[0], digest)
    programs.run("scp", "-q", *config, "large", f"there:{here}/by-scp", seconds=300)
    expect("SHA-256 by scp", sha256("by-scp"), digest)
    pathlib.Path("batch").write_text(f"put large {here}/by-sftp\nget {here}/by-sftp back\n")
    programs.run("sftp", "-q", *config, "-b", "batch", "there", seconds=300)
    expect("SHA-256 by sftp", sha256("back"), digest)
    tunnels(case, programs, config, digest)


def tunnels(case, programs, config, digest):
    web = programs.start(PYTHON, "-m", "http.server", WEB, "--bind", case.address)
    wait_for_port(case, WEB, web)
    target = case.at(WEB)
    programs.start("ssh", *config, "-N", "-o", "ExitOnForwardFailure=yes", "-L",
                   f"{case.at(TUNNEL)}:{target}", "-R", f"{case.at(REMOTE)}:{target}", "there")
    for port in (TUNNEL, REMOTE):
        wait_for_port(case, port)
        programs.run("curl", "-sS", "-f", "-o", f"copy-{port}", f"http://{case.at(port)}/large", seconds=300)
        expect("SHA-256 by a tunnel", sha256(f"copy-{port}"), digest)


main(body, ["ssh", "scp", "sftp", "/usr/sbin/sshd", "curl"])
