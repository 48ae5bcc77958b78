"""What a slice costs, and what n slices reach on a server that limits each connection: the figures of docs/scale.md.

    python benchmarks/scale.py            # about five minutes on two cores
    python benchmarks/scale.py --quick    # fewer slices, and no large plan

The slices of the second table are in one process, because 64 processes would measure this machine; their code is that
of a process. Each has two connections to a sandbox that takes 100 ms for each transaction, so that a connection cannot
reach more than ten in a second.
"""

import argparse
import asyncio
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import sandbox
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.shards.messages import NewProgress
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings

LATENCY_S = 0.1
CONNECTIONS = 2
ACCOUNTS = 6
TRANSACTIONS = 24
FAULTS = f"rules: [{{on: transactions, methods: [POST], latency: {{ms: {LATENCY_S * 1000:g}}}}}]"
LEDGERS = 64


def _children_s() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(url: str, *arguments: str) -> tuple[float, float]:
    """Run the command to its end; return its CPU seconds, and its memory in 10**6 bytes."""
    before_s = _children_s()
    command = [sys.executable, "-m", "midaz_seed", "run", "--base-url", url, "--quiet", "--json", *arguments]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return _children_s() - before_s, json.loads(printed)["rss_mb_max"]


def costs(presets: list[str]) -> None:
    """Print what one process needs: to start, for a request, and for its journal."""
    print("| plan | CPU s of a slice without work | MB at most |")
    print("| --- | ---: | ---: |")
    with sandbox() as server:
        for preset in presets:
            cpu_s, memory_mb = _run(server.url, "--preset", preset, "--slice", "4000/4000", "--no-journal")
            print(f"| {preset} | {cpu_s:.1f} | {memory_mb:.0f} |", flush=True)
    with sandbox() as server, tempfile.TemporaryDirectory() as folder:
        idle_s, _ = _run(server.url, "--preset", "small", "--slice", "4000/4000", "--no-journal")
        cpu_s, _ = _run(server.url, "--preset", "small", "--runs-dir", folder)
        journal = sum(file.stat().st_size for file in Path(folder).rglob("journal*"))
        directory = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        posts, server_s = 8434, server.cpu_s()
        print(
            f"\nsmall, {posts:,} requests: client {1e6 * (cpu_s - idle_s) / posts:.0f} us a request beyond its start, "
            f"sandbox {1e6 * server_s / posts:.0f} us; journal {journal / posts:.1f} bytes a request, "
            f"the whole directory {directory / 1e6:.1f} MB\n"
        )


def _settings(url: str, slice_: str) -> Settings:
    volume = {
        "organizations": 8,
        "ledgersPerOrganization": LEDGERS // 8,
        "assetsPerLedger": 1,
        "portfoliosPerLedger": 0,
        "segmentsPerLedger": 0,
        "accountsPerLedger": ACCOUNTS,
        "transactionsPerAccount": TRANSACTIONS,
    }
    of = int(slice_.partition("/")[2])
    limits = {"slice": slice_, "maxConcurrency": CONNECTIONS * of}
    return Settings.model_validate(
        {
            "preset": "tiny",
            "volume": volume,
            "target": {"baseUrl": url},
            "generation": {"limits": limits},
            "journal": {"enabled": False},
        }
    )


async def _slices(url: str, count: int) -> tuple[Any, list[int]]:
    """Carry out all slices at the same time; return their merged report, and the size of each message of progress."""
    sizes: list[int] = []

    async def watch(context: RunContext) -> None:
        new = NewProgress(context, [])
        while True:
            await context.clock.sleep(0.5)
            sizes.append(len(pickle.dumps(new.take())))

    parts = [_settings(url, f"{number}/{count}") for number in range(1, count + 1)]
    plan = {Plan: build_plan(parts[0])}  # a process builds it once, and these share one
    reports = await asyncio.gather(*(seed_async(part, watch=watch, overrides=plan) for part in parts))
    return merge_reports(reports), sizes


def slices(counts: list[int]) -> None:
    """Print what n slices reach together."""
    print("| slices | connections | movements/s at most | movements/s | of it | client CPU s | progress, bytes/s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        faults = Path(folder, "faults.yaml")
        faults.write_text(FAULTS, encoding="utf-8")
        for count in counts:
            with sandbox("--faults", str(faults)) as server:
                cpu_s, wall_s = time.process_time(), time.monotonic()
                report, sizes = asyncio.run(_slices(server.url, count))
                cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
                if report.exit_code or report.movements != LEDGERS * ACCOUNTS * TRANSACTIONS:
                    raise SystemExit(f"{count} slices: {report.verdict}")
                most = count * CONNECTIONS / LATENCY_S
                transfers = next(each for each in report.throughput if each.phase == "transfers")
                rate = transfers.movements_accepted_per_s
                print(
                    f"| {count} | {count * CONNECTIONS} | {most:,.0f} | {rate:,.0f} | {100 * rate / most:.0f} % "
                    f"| {cpu_s:.1f} | {sum(sizes) / wall_s:,.0f} |",
                    flush=True,
                )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer slices, and no large plan")
    quick = parser.parse_args().quick
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n")
    slices([8, 64] if quick else [4, 16, 64])
    print()
    costs(["small", "medium"] if quick else ["small", "medium", "large"])


if __name__ == "__main__":
    main()
