"""The automatic batch size against fixed ones: whole runs, each against a durable sandbox of its own.

    python benchmarks/packing.py [--movements 100000] [--rounds 2] [--concurrency 16] [--sizes 1 19 95 auto]

Movements per second are those of the transfers, by the server's answers; with `auto` the measuring before the run is
not in them, but has a column. An account has 19 transfers, so larger batches have several source accounts. Legs are
accounts on a side of a transaction: movements of a batch to the same account are one. The sandbox's CPU is that of the
whole run, by movement. The program ends at the first run that does not prove every balance.
"""

import argparse
import statistics
from typing import Any

from measuring import print_machine, print_table, sandbox
from sizes import Run, counts, run

from midaz_seed.plan.plan import build_plan
from midaz_seed.settings.model import Settings

_SIZES = ("1", "2", "5", "10", "19", "38", "95", "190", "auto")


def _transfers(found: Run) -> dict[str, Any]:
    phases: list[dict[str, Any]] = found.report["throughput"]  # type: ignore[assignment]
    return next(phase for phase in phases if phase["phase"] == "transfers")


def rate_per_s(runs: list[Run]) -> float:
    """Movements of the transfers per second: the median of some runs."""
    return statistics.median(_transfers(found)["movements_accepted_per_s"] for found in runs)


def legs_of(movements: int, size: int) -> int:
    """Legs of all transfers in batches of this size."""
    names = {
        "organizations": "organizations",
        "ledgers": "ledgersPerOrganization",
        "transactions": "transactionsPerAccount",
    }
    given = {names.get(name, f"{name}PerLedger"): count for name, count in counts(movements).items()}
    batches = {"transactionsPerBatch": size}
    plan = build_plan(Settings.model_validate({"volume": given, "generation": {"batches": batches}}))
    accounts = (item.accounts for ledger in plan.ledgers for item in ledger.transfers())
    return sum(len(sources) + len(destinations) for sources, destinations in accounts)


def main(options: argparse.Namespace) -> None:
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    runs: dict[str, list[Run]] = {size: [] for size in options.sizes}
    for number in range(options.rounds):
        for size in options.sizes if number % 2 == 0 else reversed(options.sizes):  # the machine's speed drifts
            with sandbox() as server:
                found = run(str(options.movements), server, concurrency=options.concurrency, packed=size, shards=1)
                runs[size].append(found)
    best = max(rate_per_s(runs[size]) for size in options.sizes if size != "auto")
    rows = []
    for size, made in runs.items():
        choices: list[dict[str, Any]] = [found.report["packing"] for found in made if found.report["packing"]]  # type: ignore[misc]
        chosen = ", ".join(str(choice["size"]) for choice in choices)
        transactions = _transfers(made[0])["transactions_accepted"]
        legs = legs_of(options.movements, choices[0]["size"] if choices else int(size))
        moved = _transfers(made[0])["movements_accepted"]
        rows.append(
            [
                f"**auto** ({chosen})" if choices else size,
                f"{transactions:,}",
                f"{legs / transactions:.1f}",
                f"{rate_per_s(made):,.0f}",
                f"{rate_per_s(made) * legs / moved:,.0f}",
                f"{statistics.median(found.server_cpu_s for found in made) / options.movements * 1e6:.1f}",
                f"{statistics.median(found.phase('transfers')['latency_ms']['p99'] for found in made):.1f}",  # type: ignore[index]
                f"{100 * rate_per_s(made) / best:.0f} %",
                f"{statistics.median(choice['elapsed_s'] for choice in choices):.1f}" if choices else "",
            ]
        )
    head = ["packed", "transactions", "legs each", "movements/s", "legs/s", "sandbox us a movement"]
    print_table([*head, "p99 ms", "of the best", "found in s"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movements", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sizes", nargs="+", default=list(_SIZES))
    parser.add_argument("--concurrency", type=int, default=16)
    main(parser.parse_args())
