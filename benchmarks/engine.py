"""The engine against a plain aiohttp loop, side by side against one sandbox, in interleaved rounds.

    python benchmarks/engine.py [--accounts 400] [--transactions 26] [--rounds 3] [--concurrency 32]

Both send the same transfers. The plain loop sends bodies that were made beforehand and looks only at the status; the
engine makes each
item, keys it, passes breaker and limiter, measures, classifies, checks that the answer is its own, and counts.
Printed are requests a second,
the client's CPU per request, and the ratio engine / plain. Every answer is checked, and each engine round ends with
the proof of every balance.
"""

import argparse
import statistics
import time
from dataclasses import dataclass

import aiohttp
import anyio

from midaz_seed.midaz.routes import Place, transactions
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.events import Event, PhaseFinished, PhaseStarted
from midaz_seed.runner import run_in_loop, seed_async
from midaz_seed.sandbox.process import sandbox_process
from midaz_seed.settings.model import Settings


@dataclass
class Measure:
    """One round of sending."""

    requests: int
    wall_s: float
    cpu_s: float

    @property
    def rate_per_s(self) -> float:
        return self.requests / self.wall_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.requests * 1e6


def settings(url: str, options: argparse.Namespace, *, transactions_per_account: int, run_id: str) -> Settings:
    """One ledger with one asset, so that one phase is one stream of transfers."""
    return Settings.model_validate(
        {
            "runId": run_id,
            "target": {"baseUrl": url},
            "volume": {
                "organizations": 1,
                "ledgersPerOrganization": 1,
                "assetsPerLedger": 1,
                "accountsPerLedger": options.accounts,
                "transactionsPerAccount": transactions_per_account,
            },
            "generation": {"limits": {"maxConcurrency": options.concurrency}},
        }
    )


async def engine_round(url: str, options: argparse.Namespace, number: int) -> Measure:
    """A whole run; measured is its transfer phase."""
    marks: dict[str, tuple[float, float]] = {}

    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted | PhaseFinished) and event.phase is Phase.TRANSFERS:
            marks[type(event).__name__] = (time.perf_counter(), time.process_time())

    chosen = settings(url, options, transactions_per_account=options.transactions, run_id=f"engine-{number}")
    report = await seed_async(chosen, emit=emit)
    if report.exit_code or report.proof is None or not report.proof.ok:
        raise SystemExit(f"the engine's round did not end as planned: {report.verdict}")
    (wall_0, cpu_0), (wall_1, cpu_1) = marks["PhaseStarted"], marks["PhaseFinished"]
    return Measure(options.accounts * (options.transactions - 1), wall_1 - wall_0, cpu_1 - cpu_0)


async def plain_round(url: str, options: argparse.Namespace, number: int) -> Measure:
    """The same transfers, by a session and as many tasks as the engine has workers."""
    funded = settings(url, options, transactions_per_account=1, run_id=f"plain-{number}")
    report = await seed_async(funded)
    if report.exit_code:
        raise SystemExit(f"the plain round could not be prepared: {report.verdict}")
    full = settings(url, options, transactions_per_account=options.transactions, run_id=f"plain-{number}")
    (ledger,) = build_plan(full).ledgers
    bodies = [(item.key, item.body) for item in ledger.transfers()]
    organization_id, ledger_id = report.ledgers[0].organization_id, report.ledgers[0].id
    path = url + transactions(Place(organization_id, ledger_id), "json")
    waiting = iter(bodies)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            for key, body in waiting:
                headers = {"Content-Type": "application/json", "X-Idempotency": f"plain-{number}.{key}"}
                async with session.post(path, data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status != 201:
                        raise SystemExit(f"{answer.status} {await answer.text()}")

        wall_0, cpu_0 = time.perf_counter(), time.process_time()
        async with anyio.create_task_group() as group:
            for _ in range(options.concurrency):
                group.start_soon(worker)
        return Measure(len(bodies), time.perf_counter() - wall_0, time.process_time() - cpu_0)


async def main(options: argparse.Namespace) -> None:
    plain: list[Measure] = []
    engine: list[Measure] = []
    async with sandbox_process() as url:
        for number in range(options.rounds):
            plain.append(await plain_round(url, options, number))
            engine.append(await engine_round(url, options, number))
    print(f"{engine[0].requests} transfers a round, {options.rounds} rounds, {options.concurrency} in flight; medians")
    print(f"{'':14}{'requests/s':>12}{'CPU us/request':>16}")
    table = {"plain aiohttp": plain, "engine": engine}
    for name, measures in table.items():
        rate = statistics.median(measure.rate_per_s for measure in measures)
        cpu_us = statistics.median(measure.cpu_us for measure in measures)
        print(f"{name:14}{rate:12,.0f}{cpu_us:16.1f}")
    ratio = statistics.median(two.cpu_us / one.cpu_us for one, two in zip(plain, engine, strict=True))
    print(f"CPU per request, engine / plain: {ratio:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=400)
    parser.add_argument("--transactions", type=int, default=26)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    arguments = parser.parse_args()
    run_in_loop(lambda: main(arguments))
