"""Runs with less metadata side by side: whole runs, interleaved, each against a durable sandbox of its own.

    python benchmarks/metadata.py [--movements 20000] [--rounds 3] [--concurrency 16]

The sandbox has no MongoDB: what it saves is the parsing, storing and writing of a shorter body. A real server saves a
write to MongoDB for each transaction. The program ends at the first run that does not prove every balance.
"""

import argparse
import statistics

from measuring import print_machine, print_table, sandbox
from packing import rate_per_s
from sizes import Run, run

_MODES = ("full", "mark", "none")


def main(options: argparse.Namespace) -> None:
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    runs: dict[str, list[Run]] = {mode: [] for mode in _MODES}
    for number in range(options.rounds):
        for mode in _MODES if number % 2 == 0 else reversed(_MODES):  # the machine's speed drifts
            with sandbox() as server:
                more = ("--metadata", mode)
                found = run(
                    str(options.movements), server, concurrency=options.concurrency, packed="1", shards=1, more=more
                )
                runs[mode].append(found)
    base = runs["full"]
    rows = []
    for mode, made in runs.items():
        ratios = [rate_per_s([one]) / rate_per_s([full]) for one, full in zip(made, base, strict=True)]
        rows.append(
            [
                mode,
                f"{rate_per_s(made):,.0f}",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                f"{statistics.median(one.client_cpu_s / one.requests * 1e6 for one in made):.1f}",
                f"{statistics.median(one.server_cpu_s / one.requests * 1e6 for one in made):.1f}",
            ]
        )
    head = ["metadata", "transfers/s", "of full, by round", "client CPU us a request", "sandbox CPU us a request"]
    print_table(head, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movements", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=16)
    main(parser.parse_args())
