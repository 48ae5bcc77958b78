"""Whole runs against a durable sandbox in a process of its own: time of each phase, CPU of both sides, memory.

    python benchmarks/sizes.py small medium [large] [--concurrency 64]
    python benchmarks/sizes.py 10000 100000 1000000 --packed 19      # memory against the number of movements
    python benchmarks/sizes.py large --packed 19 --shards 2          # several processes; CPU is that of all of them

A word is a preset; a number is so many movements, as accounts with twenty transactions each in ledgers of up to 1,000
accounts. The program ends at the first run that does not prove every balance.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
from measuring import Sandbox, print_machine, print_table, sandbox

_PHASES = ("accounts", "deposits", "transfers", "verify")
_PER_ACCOUNT = 20
_ACCOUNTS_MAX = 1_000


@dataclass(frozen=True)
class Run:
    """What one run told, and what it took."""

    size: str
    report: dict[str, object]
    wall_s: float
    client_cpu_s: float
    server_cpu_s: float
    peak_mb: float

    def phase(self, name: str) -> dict[str, float]:
        """The report's entry of a phase."""
        phases: list[dict[str, float]] = self.report["phases"]  # type: ignore[assignment]
        return next((phase for phase in phases if phase["name"] == name), {"busy_s": 0.0, "requests": 0, "created": 0})

    @property
    def requests(self) -> int:
        """Over all phases."""
        phases: list[dict[str, int]] = self.report["phases"]  # type: ignore[assignment]
        return sum(phase["requests"] for phase in phases)


def counts(movements: int) -> dict[str, int]:
    """The counts of a run with this number of movements, by the names of their options."""
    accounts = movements // _PER_ACCOUNT
    ledgers = -(-accounts // _ACCOUNTS_MAX)
    options = {"organizations": 1, "ledgers": ledgers, "assets": 2, "portfolios": 1, "segments": 1}
    return options | {"accounts": accounts // ledgers, "transactions": _PER_ACCOUNT}


def volume(size: str) -> list[str]:
    """The options that make a run of this size."""
    if not size.isdigit():
        return ["--preset", size]
    options = counts(int(size))
    return ["--preset", "small", *[word for name, count in options.items() for word in (f"--{name}", str(count))]]


def run(size: str, server: Sandbox, *, concurrency: int, packed: str, shards: int, more: tuple[str, ...] = ()) -> Run:
    """One run of the command line in a process of its own, with further options."""
    command = [sys.executable, "-m", "midaz_seed", "run", *volume(size), "-u", server.url, "--json", "-q"]
    command += ["-c", str(concurrency), "--transactions-per-batch", packed, "--shards", str(shards), *more]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        environment = {**os.environ, "MIDAZ_SEED_JOURNAL__DIRECTORY": folder, "PYTHONPATH": os.pathsep.join(sys.path)}
        start_s, server_0 = time.perf_counter(), server.cpu_s()
        with told.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, env=environment)
            _, status, usage = os.wait4(process.pid, 0)  # the memory of this child alone
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s, server_s = time.perf_counter() - start_s, server.cpu_s() - server_0
        if process.returncode:
            raise SystemExit(f"{size}: exit code {process.returncode}\n{told.read_text()[-2000:]}")
        report = orjson.loads(told.read_bytes())
    if not (report["proof"] and report["proof"]["ok"]):
        raise SystemExit(f"{size}: the balances are not proved: {report['verdict']}")
    return Run(size, report, wall_s, usage.ru_utime + usage.ru_stime, server_s, usage.ru_maxrss / 1024)


def main(options: argparse.Namespace) -> None:
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    runs = []
    for size in options.sizes:
        with sandbox() as server:
            packed, shards = options.packed, options.shards
            runs.append(run(size, server, concurrency=options.concurrency, packed=packed, shards=shards))
    print_table(
        [
            f"run (packed {options.packed}, shards {options.shards})",
            "requests",
            "whole s",
            *[f"{name} s" for name in _PHASES],
            "client CPU s",
            "us a request",
            "sandbox CPU s",
            "us a request",
            "client MB at most",
        ],
        [
            [
                found.size,
                f"{found.requests:,}",
                f"{found.wall_s:.1f}",
                *[f"{found.phase(name)['busy_s']:.1f}" for name in _PHASES],
                f"{found.client_cpu_s:.1f}",
                f"{found.client_cpu_s / found.requests * 1e6:.1f}",
                f"{found.server_cpu_s:.1f}",
                f"{found.server_cpu_s / found.requests * 1e6:.1f}",
                f"{found.peak_mb:.0f}",
            ]
            for found in runs
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--packed", default="1", help="movements in a transaction, or auto")
    parser.add_argument("--shards", type=int, default=1)
    main(parser.parse_args())
