"""The order of dates against free order: whole runs of one history, each on a sandbox of its own with slow answers.

    python benchmarks/order.py [--customers 2000] [--per-day 0.75] [--days 6] [--latency-ms 30] [--concurrency 16]

The time is that of the transfers, from the first to the last. Exact order waits at the end of each epoch, and for
earlier movements of the same account. The program ends at the first run that does not prove every balance, or whose
history is not right.
"""

import argparse
import asyncio
import statistics
from pathlib import Path

from measuring import print_machine, print_table, sandbox

from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings

COST_MAX_PERCENT = 10
"""What exact order may cost in time."""
_SCENARIO = """\
scenario: order-benchmark
about: A retail bank with some days.
extends: builtin:retail-bank
time: {{last_day: "2025-02-10", history: {days} days, order: {order}}}
volume: {{customers: {customers}, per_customer_per_day: "{per_day}"}}
proof: {{as_of: [2 random days], statements: 20}}
"""
_FAULTS = """\
rules:
  - {{on: transactions, methods: [POST], latency: {{ms: {latency_ms}, spread_ms: {spread_ms}}}}}
"""


def _run(options: argparse.Namespace, order: str, number: int) -> Report:
    """Run the history in this order on a new sandbox, and return the report."""
    faults = _FAULTS.format(latency_ms=options.latency_ms, spread_ms=options.latency_ms // 3)
    file = Path(options.folder) / "faults.yaml"
    file.write_text(faults)
    with sandbox("--faults", str(file)) as server:
        scenario = server.folder / "scenario.yaml"
        scenario.write_text(
            _SCENARIO.format(days=options.days, order=order, customers=options.customers, per_day=options.per_day)
        )
        settings = Settings.model_validate(
            {
                "runId": f"order-{order}-{number}",
                "scenario": str(scenario),
                "target": {"baseUrl": server.url},
                "generation": {"limits": {"maxConcurrency": options.concurrency}},
                "journal": {"enabled": True, "directory": str(server.folder / "runs")},
            }
        )
        report = asyncio.run(seed_async(settings))
    if report.exit_code or report.proof is None or report.proof.history is None:
        raise SystemExit(f"{order}: {report.verdict}")
    return report


def _seconds(report: Report) -> float:
    transfers = next(phase for phase in report.phases if phase.name == "transfers")
    return transfers.busy_s


def main(options: argparse.Namespace) -> None:
    """Measure both orders in turn."""
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    found: dict[str, list[Report]] = {"free": [], "exact": []}
    for number in range(options.rounds):
        for order, reports in found.items():
            reports.append(_run(options, order, number))
    seconds = {order: statistics.median(map(_seconds, reports)) for order, reports in found.items()}
    rows = []
    for order, reports in found.items():
        transfers = next(phase for phase in reports[0].phases if phase.name == "transfers")
        history = reports[0].proof.history if reports[0].proof else None
        assert history is not None
        right = history.skipped or f"right at {len(history.days)} dates, {history.lines_out_of_step} lines out of step"
        cost = f"{100 * (seconds[order] / seconds['free'] - 1):+.1f} %"
        rate = f"{transfers.planned / seconds[order]:,.0f}"
        cpu = f"{reports[0].client_cpu_percent:.0f} %"
        rows.append((order, f"{transfers.planned:,}", f"{seconds[order]:.2f}", rate, cost, cpu, right))
    print_table(("order", "transfers", "seconds", "per s", "cost", "client CPU", "history"), rows)
    cost = 100 * (seconds["exact"] / seconds["free"] - 1)
    if cost > COST_MAX_PERCENT:
        raise SystemExit(f"exact order costs {cost:.1f} %, more than {COST_MAX_PERCENT} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--per-day", default="0.75", help="movements of a customer on a day")
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("--latency-ms", type=int, default=30)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", default="/tmp", help="for the fault plan")
    main(parser.parse_args())
