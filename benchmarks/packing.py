"""The automatic pack size against fixed ones: whole runs, each against a durable sandbox of its own.

    python benchmarks/packing.py [--movements 100000] [--rounds 2] [--concurrency 16]

Movements per second are those of the transfers, by the server's answers; with `auto` the measuring before the run is
not in them, but has a column. The program ends at the first run that does not prove every balance.
"""

import argparse
import statistics
from typing import Any

from measuring import print_machine, print_table, sandbox
from sizes import Run, run

_SIZES = ("1", "2", "5", "10", "19", "auto")


def _transfers(found: Run) -> dict[str, Any]:
    phases: list[dict[str, Any]] = found.report["throughput"]  # type: ignore[assignment]
    return next(phase for phase in phases if phase["phase"] == "transfers")


def rate_per_s(runs: list[Run]) -> float:
    """Movements of the transfers per second: the median of some runs."""
    return statistics.median(_transfers(found)["movements_accepted_per_s"] for found in runs)


def main(options: argparse.Namespace) -> None:
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    runs: dict[str, list[Run]] = {size: [] for size in _SIZES}
    for _ in range(options.rounds):
        for size in _SIZES:
            with sandbox() as server:
                found = run(str(options.movements), server, concurrency=options.concurrency, packed=size, shards=1)
                runs[size].append(found)
    best = max(rate_per_s(runs[size]) for size in _SIZES if size != "auto")
    rows = []
    for size, made in runs.items():
        choices: list[dict[str, Any]] = [found.report["packing"] for found in made if found.report["packing"]]  # type: ignore[misc]
        chosen = ", ".join(str(choice["size"]) for choice in choices)
        rows.append(
            [
                f"**auto** ({chosen})" if choices else size,
                f"{_transfers(made[0])['transactions_accepted']:,}",
                f"{rate_per_s(made):,.0f}",
                f"{statistics.median(found.phase('transfers')['latency_ms']['p99'] for found in made):.1f}",  # type: ignore[index]
                f"{100 * rate_per_s(made) / best:.0f} %",
                f"{statistics.median(choice['elapsed_s'] for choice in choices):.1f}" if choices else "",
            ]
        )
    print_table(["packed", "transfer transactions", "movements/s", "p99 ms", "of the best", "found in s"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movements", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=16)
    main(parser.parse_args())
