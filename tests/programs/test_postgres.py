#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""PostgreSQL, a process for each connection: queries, COPY both ways, cancelling, pgbench with kept and
with new connections."""
import hashlib
import os
import pathlib
import pwd
import re

from harness import expect, main, wait_for_port

PORT = 5433
BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/nowhere"))


def body(case, programs):
    rows = 2_000 if case.lossy else 200_000
    as_user = []
    if os.geteuid() == 0:  # the server refuses to be root
        entry = pwd.getpwnam("nobody")
        os.chown(".", entry.pw_uid, entry.pw_gid)
        as_user = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    programs.run(*as_user, BIN / "initdb", "-D", "data", "-U", "me", "-A", "trust", "--no-sync",
                 "--no-locale", "-E", "UTF8", seconds=240)
    server = programs.start(*as_user, BIN / "postgres", "-D", "data", "-h", case.address, "-p", PORT,
                            "-k", "", "-F", "-c", "autovacuum=off")
    wait_for_port(case, PORT, server)
    server.wait_for("ready to accept connections")
    link = ["-h", case.address, "-p", PORT, "-U", "me"]

    def psql(*words, **more):
        return programs.run("psql", "-X", "-q", "-At", *link, "-d", "postgres", *words, **more)

    expect("a sum", psql("-c", "select sum(i) from generate_series(1, 1000) i"), "500500\n")
    expect("who we are", psql("-c", "select host(inet_client_addr()) || ' ' || inet_server_port()"),
           f"{case.address} {PORT}\n")
    psql("-c", "create table t as select i, md5(i::text) m "
               f"from generate_series(1, {rows}) i")
    psql("-c", "\\copy t to out.txt", seconds=300)
    psql("-c", "create table u (like t)", "-c", "\\copy u from out.txt", seconds=300)
    wanted = hashlib.md5("".join(f"{i}\t{hashlib.md5(str(i).encode()).hexdigest()}\n"
                                 for i in range(1, rows + 1)).encode()).hexdigest()
    expect("what was copied out", hashlib.md5(pathlib.Path("out.txt").read_bytes()).hexdigest(), wanted)
    expect("and in again", psql("-c", "select count(*) from (select * from t except select * from u) d"),
           "0\n")
    sleeper = programs.start(
        "psql", "-X", *link, "-d", "postgres", "-c", "set statement_timeout = '300ms'",
        "-c", "select pg_sleep(60)")
    expect("cancelled", (sleeper.wait(), "canceling statement" in sleeper.output()), (1, True))
    programs.run("pgbench", *link, "-i", "-q", "-s", "1", "postgres", seconds=300)
    for words in (["-c", "8", "-j", "2"], ["-c", "2", "-C"]):
        transactions = "3" if case.lossy else "50"
        said = programs.run("pgbench", *link, "-n", *words, "-t", transactions, "postgres", seconds=300)
        clients = int(words[1])
        done = int(transactions) * clients
        expect("transactions", re.search(r"actually processed: (\d+)/(\d+)", said).groups(),
               (str(done), str(done)))
    expect("in the bank", psql("-c", "select (select sum(abalance) from pgbench_accounts) = "
                                     "(select sum(delta) from pgbench_history)"), "t\n")


main(body, ["psql", "pgbench", str(BIN / "postgres")])
