#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Open MPI, three processes that speak TCP alone: sums, large messages all to all, barriers."""
import os
import subprocess

from harness import HERE, STEP_SECONDS, expect, main

PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int rank, size, sum, n = atoi(argv[1]);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    char *mine = calloc(n, 1), *all = calloc(n, size);
    mine[n - 1] = rank + 1;
    MPI_Allgather(mine, n, MPI_CHAR, all, n, MPI_CHAR, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++)
        sum += 100 * (all[(long)(i + 1) * n - 1] == i + 1);
    for (int i = 0; i < 5; i++)
        MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        printf("sum %d of %d\n", sum, size);
    MPI_Finalize();
    return 0;
}
"""


def prepare(directory):
    (directory / "mpi.c").write_text(PROGRAM)
    subprocess.run(["mpicc", "-o", directory / "mpi", directory / "mpi.c"], check=True)


def body(case, programs):
    os.environ["OMPI_MCA_btl_tcp_if_include"] = "lo"
    as_root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    said = programs.run("mpirun", *as_root, "--oversubscribe", "-np", "3", "--mca", "btl", "tcp,self",
                        HERE / "mpi", 5_000 if case.lossy else 2_000_000, seconds=2 * STEP_SECONDS)
    expect("what it found", said.splitlines()[-1:], ["sum 303 of 3"])


main(body, ["mpirun", "mpicc"], prepare)
