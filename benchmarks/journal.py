"""What the journal costs: runs with and without it, taken in turn, against one sandbox each.

    .venv/bin/python benchmarks/journal.py [--preset medium] [--rounds 3] [--pack 1]

Prints, for each, CPU seconds of the client, seconds of the run and movements a second, and the journal's size. The CPU
is what the journal costs; the seconds show whether that matters while the server is the limit. With --appends it also
measures the ways to write a lease that were considered: an appended frame, one with fsync, and a SQLite commit.
"""

import argparse
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from midaz_seed.clock import SystemClock
from midaz_seed.event_loop import run_in_loop
from midaz_seed.plan.items import Phase
from midaz_seed.runner import seed_async
from midaz_seed.runs.journal import LEASE_ITEMS, Journal
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings


async def one(preset: str, pack: int, *, journal: bool, folder: Path) -> tuple[float, float, float, int]:
    """(CPU seconds, seconds, movements a second, bytes of journal) of one proved run."""
    async with sandbox_process() as (url, _):
        runs = folder / "runs"
        settings = Settings.model_validate(
            {
                "preset": preset,
                "target": {"baseUrl": url},
                "generation": {"batches": {"transactionsPerBatch": pack}},
                "journal": {"enabled": journal, "directory": str(runs)},
            }
        )
        before = resource.getrusage(resource.RUSAGE_SELF)
        report = await seed_async(settings)
        after = resource.getrusage(resource.RUSAGE_SELF)
    if report.exit_code or report.proof is None or not report.proof.ok:
        sys.exit(f"the run was not proved: {report.verdict}")
    size = sum(file.stat().st_size for file in runs.glob("*/journal")) if journal else 0
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, report.elapsed_s, report.movements_per_s, size


async def compare(preset: str, rounds: int, pack: int) -> None:
    found: dict[bool, list[tuple[float, float, float, int]]] = {False: [], True: []}
    for number in range(rounds):
        for journal in (False, True) if number % 2 else (True, False):
            with tempfile.TemporaryDirectory() as folder:
                found[journal].append(await one(preset, pack, journal=journal, folder=Path(folder)))
    print(f"\n{preset}, {rounds} runs each, in turn\n\njournal   CPU s  run s  movements/s  journal kB")
    middle = {
        journal: [statistics.median(column) for column in zip(*runs, strict=True)] for journal, runs in found.items()
    }
    for journal, (cpu_s, run_s, rate, size) in middle.items():
        print(f"{'on' if journal else 'off':<8}{cpu_s:>7.2f}{run_s:>7.2f}{rate:>13,.0f}{size / 1000:>12,.0f}")
    on, off = middle[True], middle[False]
    print(f"on / off{on[0] / off[0]:>7.3f}{on[1] / off[1]:>7.3f}{on[2] / off[2]:>13.3f}")


def appends(leases: int = 2000) -> None:
    """Microseconds a movement of each way to make a lease durable."""
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        print(f"\nway to write {leases} leases of {LEASE_ITEMS}           us/movement   bytes/movement")
        path = Path(folder) / "journal"
        count = leases * LEASE_ITEMS
        track = Journal(SystemClock(), path, "digest").phase_log(0, Phase.TRANSFERS, count)
        started_s = time.perf_counter()
        for ordinal in range(count):
            track.begin(ordinal)
            track.made(ordinal)
        _row("appended frame (this journal)", time.perf_counter() - started_s, count, path.stat().st_size)
        for synchronous in ("NORMAL", "FULL"):
            _row(f"SQLite, WAL, synchronous={synchronous}", *_sqlite(Path(folder), synchronous, leases))
        fd = os.open(Path(folder) / "synced", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        started_s = time.perf_counter()
        for _ in range(leases // 10):
            os.write(fd, bytes(29 + 8 * LEASE_ITEMS))
            os.fdatasync(fd)
        _row("appended frame, synced each time", 10 * (time.perf_counter() - started_s), count, path.stat().st_size)
        os.close(fd)


def _sqlite(folder: Path, synchronous: str, leases: int) -> tuple[float, int, int]:
    file = folder / f"{synchronous}.sqlite"
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(f"PRAGMA synchronous={synchronous}")
    database.execute("CREATE TABLE leases (first INTEGER PRIMARY KEY, count INTEGER, at REAL)")
    database.execute("CREATE TABLE made (item INTEGER PRIMARY KEY) WITHOUT ROWID")
    started_s = time.perf_counter()
    for lease in range(leases):
        database.execute("BEGIN")
        if lease:
            made = [((lease - 1) * LEASE_ITEMS + item,) for item in range(LEASE_ITEMS)]
            database.executemany("INSERT INTO made VALUES (?)", made)
        database.execute("INSERT INTO leases VALUES (?, ?, ?)", (lease * LEASE_ITEMS, LEASE_ITEMS, time.time()))
        database.execute("COMMIT")
    elapsed_s = time.perf_counter() - started_s
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return elapsed_s, leases * LEASE_ITEMS, file.stat().st_size


def _row(name: str, elapsed_s: float, movements: int, size: int) -> None:
    print(f"{name:<40}{1e6 * elapsed_s / movements:>12.2f}{size / movements:>17.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pack", type=int, default=1)
    parser.add_argument("--appends", action="store_true", help="measure the ways to write a lease as well")
    given = parser.parse_args()
    if given.appends:
        appends()
    run_in_loop(lambda: compare(given.preset, given.rounds, given.pack))


if __name__ == "__main__":
    main()
