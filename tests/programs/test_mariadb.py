#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""MariaDB: a database made anew, large values both ways, clients at once, a dump, and its end by a client."""
import getpass
import pathlib

from harness import STEP_SECONDS, expect, main, wait_for_port

PORT = 3306
# It is about sockets: little for the disk to do.
LIGHT = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=10M", "--innodb-flush-log-at-trx-commit=0",
         "--innodb-doublewrite=0", "--sync-frm=0"]


def body(case, programs):
    data, socket = pathlib.Path("db").absolute(), pathlib.Path("s").absolute()
    user = getpass.getuser()
    programs.run("mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}",
                 "--auth-root-authentication-method=normal", "--skip-test-db", *LIGHT, seconds=2 * STEP_SECONDS)
    server = programs.start("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}",
                            f"--bind-address={case.address}", f"--port={PORT}", f"--user={user}",
                            f"--pid-file={data}/pid", *LIGHT)
    wait_for_port(case, PORT, server)
    programs.run("mariadb", "--no-defaults", "-S", socket, "-u", "root", "-e",
                 "create database d; create user t@'%' identified by 'p'; grant all on *.* to t@'%';"
                 "delete from mysql.global_priv where user=''; flush privileges")
    tcp = ["--no-defaults", "-h", case.address, f"-P{PORT}", "--protocol=tcp", "-u", "t", "-pp"]
    size = 100_000 if case.lossy else 3_000_000
    programs.run("mariadb", *tcp, "d", "-e",
                 f"create table a(i int primary key auto_increment, b longblob);"
                 f"insert into a(b) values(repeat('x', {size}))")
    clients = [programs.start("mariadb", *tcp, "d", "-e", f"insert into a(b) values({i}); select sleep(0.1)")
               for i in range(6)]
    for client in clients:
        client.succeed()
    expect("what it holds", programs.run("mariadb", *tcp, "-N", "d", "-e",
                                         "select count(*), max(length(b)) from a").split(), ["7", str(size)])
    dump = programs.run("mariadb-dump", *tcp, "d", "a")
    expect("the value in a dump", "x" * size in dump, True)
    programs.run("mariadb-admin", *tcp, "shutdown")
    server.succeed()


main(body, ["mariadbd", "mariadb", "mariadb-install-db", "mariadb-dump", "mariadb-admin"])
