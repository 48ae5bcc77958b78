"""Kill runs and servers at random moments, go on, and see whether every balance is the planned one.

    make chaos                                          # 112 client kills, 20 server kills
    .venv/bin/python -m tests.chaos --only "cut after"  # one kind of fault

Each trial has a server of its own, a run that is killed with SIGKILL when the server has seen a random number of
requests, a resume that may be killed too, and a last one to the end. Then the server's balances are compared with those
of a run that nobody disturbed, and the run's own proof has to hold, which counts the transactions. The moments are
drawn from the seed; where exactly a kill then hits is up to the machine.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from midaz_seed.transport.base import Request, TransportError
from midaz_seed.transport.wire import WireTransport
from tests.support import UNMEASURED, balances, sandbox

# without settings of the machine's, and without the measuring of coverage: a process that is killed writes none
ON_POSTS = {"on": "transactions", "methods": ["POST"]}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "slow answers": [{"rate": 0.02, "latency": {"ms": 20, "spread_ms": 15}}],
    "little room": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 8, "ms": 2, "waiting_max": 4}}],
    "503 and 429": [
        {"rate": 0.01, "status": {"code": 503}},
        {"rate": 0.01, "status": {"code": 429, "retry_after_s": 0}},
    ],
    "500 after effect": [{"rate": 0.01, "status": {"code": 500, "when": "after"}}],
    "cut before": [{"rate": 0.01, "reset": {"when": "before"}}],
    "cut after": [{"rate": 0.01, "reset": {"when": "after"}}],
    "half answers": [{"rate": 0.01, "truncate": {}}],
    "proxy pages": [{"rate": 0.01, "html": {"code": 502, "when": "after"}}],
    "late balances": [{"on": "accounts", "methods": ["POST"], "rate": 0.2, "late_balances": {"ms": 150}}],
    "stale balances": [{"on": "balances", "stale_balances": {"ms": 120}}],
    "foreign replays": [{**ON_POSTS, "rate": 0.01, "foreign_replay": {}}],
    "stuck keys": [{**ON_POSTS, "every": 700, "stuck": {}}],
    "exhausted pool": [{"methods": ["POST"], "rate": 0.01, "exhausted": {}}],
    "outages": [{"every": 2500, "refuse": {"for_s": 0.3}}],
}
FAULTS["mixed"] = [
    {**rule, "rate": rule["rate"] / 4} if "rate" in rule else rule
    for name in ("slow answers", "503 and 429", "cut after", "half answers", "foreign replays", "stuck keys")
    for rule in FAULTS[name]
]
SMALL, MEDIUM = ["--preset", "small"], ["--preset", "medium"]
PACKED, SHARDED = ["--transactions-per-batch", "10"], ["--shards", "2"]
WORLDS = [SMALL, [*MEDIUM, *PACKED], [*SMALL, *SHARDED], [*MEDIUM, *PACKED, *SHARDED, "--concurrency", "auto"]]
"""The rounds of each fault take them in turn. Killing a run that has shards takes them with it."""
TINY = ["--preset", "small", "--accounts", "24", "--transactions", "12"]
PATIENT = [
    *("--attempts", "20", "--set", "breaker.openS=0.2", "--set", "settlement.maxDelayS=0.3"),
    *("--set", "idempotency.ttlS=10", "--set", "idempotency.marginS=3"),
]
END_WITHIN_S = 180.0


@dataclass
class Row:
    """What happened under one fault. Re-sends are counted by the server, the others by the sessions that ended."""

    fault: str
    runs: int = 0
    kills: int = 0
    re_sends: int = 0
    replays: int = 0
    foreign: int = 0
    in_doubt: int = 0
    applied: int = 0
    not_applied: int = 0
    differences: int = 0

    def take(self, report: dict[str, Any], posts: int) -> None:
        """Add a run that came to its end; `posts` is how many the server has seen."""
        phases = report["phases"]
        self.re_sends += posts - sum(phase["planned"] for phase in phases)
        self.replays += sum(phase["replayed"] for phase in phases)
        self.foreign += sum(phase["foreign_replays"] for phase in phases)
        self.applied += sum(phase["doubts_applied"] for phase in phases)
        self.not_applied += sum(phase["doubts_not_applied"] for phase in phases)
        self.in_doubt = self.applied + self.not_applied
        proof = report["proof"]
        self.differences += 1 if proof is None else proof["differences_total"]


Balances = dict[str, dict[str, str]]


@asynccontextmanager
async def process(*arguments: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command in a process of its own, which is killed at the end of the block if it is still there."""
    source = Path(__file__).parent.parent
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "midaz_seed", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={**UNMEASURED, "PYTHONPATH": str(source)},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@asynccontextmanager
async def server(*arguments: str, cwd: Path, port: int = 0) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A sandbox: its URL and its process."""
    async with process("sandbox", "--port", str(port), *arguments, cwd=cwd) as started:
        assert started.stdout is not None
        line = (await started.stdout.readline()).decode()
        assert line.startswith("sandbox listening on "), (await started.communicate())[1].decode()
        yield line.split()[-1], started


async def posts_seen(url: str) -> int:
    """POST requests that the server has carried out; 0 while it is not there."""
    transport = WireTransport(url, url, headers={}, request_timeout_s=5, connect_timeout_s=5)
    try:
        for _ in range(20):  # a fault may hit this request too
            try:
                answer = await transport.send(Request("GET", "/sandbox/stats"))
                requests = json.loads(answer.body)["requests"]
            except (TransportError, ValueError, KeyError):
                continue
            return sum(count for name, count in requests.items() if name.startswith("POST "))
    finally:
        await transport.aclose()
    return 0


async def undisturbed(world: Sequence[str], cwd: Path) -> tuple[Balances, int]:
    """The balances of a run that nobody disturbs, and how many POST requests it takes."""
    async with sandbox() as calm:
        report = await finished(calm.url, world, cwd, "--no-journal")
        return await balances(calm.url), sum(phase["planned"] for phase in report["phases"])


async def finished(url: str, world: Sequence[str], cwd: Path, *more: str) -> dict[str, Any]:
    """A run to its end: its report."""
    async with process("run", *world, "-u", url, "--json", "-q", *PATIENT, *more, cwd=cwd) as run:
        out, err = await asyncio.wait_for(run.communicate(), END_WITHIN_S)
    assert b"Traceback" not in err, err.decode()
    assert run.returncode == 0, err.decode() or out.decode()
    report: dict[str, Any] = json.loads(out)
    return report


async def killed(url: str, world: Sequence[str], cwd: Path, posts: int) -> bool:
    """Begin a run, or go on with it, and kill it when the server has seen so many more POST requests; False when it
    had come to its end before."""
    before = await posts_seen(url)
    async with process("run", *world, "-u", url, "-q", *PATIENT, cwd=cwd) as run:
        while run.returncode is None and await posts_seen(url) - before < posts:
            await asyncio.sleep(0.01)
        return run.returncode is None


async def client_trial(
    row: Row, world: Sequence[str], calm: tuple[Balances, int], kills: int, rng: random.Random
) -> None:
    """One run under a fault, its client killed so many times."""
    planned, posts = calm
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        (cwd / "faults.yaml").write_text(yaml.safe_dump({"seed": rng.randrange(1000), "rules": FAULTS[row.fault]}))
        async with server("--faults", "faults.yaml", cwd=cwd) as (url, _):
            left = posts
            for _ in range(kills):
                moment = rng.randrange(1, max(left, 2))
                row.kills += await killed(url, world, cwd, moment)
                left -= moment
            row.runs += 1
            row.take(await finished(url, world, cwd), await posts_seen(url))
            row.differences += await balances(url) != planned


async def server_trial(
    row: Row, world: Sequence[str], calm: tuple[Balances, int], rng: random.Random, *, client_too: bool
) -> None:
    """One run whose server is killed as a real one is and started again; with `client_too` the client goes with it."""
    planned, posts = calm
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        kept = ("--data", "ledger.sqlite", "--crash-like-midaz")
        async with server(*kept, cwd=cwd) as (url, first):
            moment = rng.randrange(1, posts)
            port = int(url.rpartition(":")[2])
            async with process("run", *world, "-u", url, "--json", "-q", *PATIENT, cwd=cwd) as run:
                while run.returncode is None and await posts_seen(url) < moment:
                    await asyncio.sleep(0.01)
                first.kill()
                await first.wait()
                if client_too:
                    run.kill()
                    await run.wait()
                row.kills += 1
                row.runs += 1
                async with server(*kept, cwd=cwd, port=port) as (again, _):
                    if client_too:
                        report = await finished(again, world, cwd)
                    else:
                        out, err = await asyncio.wait_for(run.communicate(), END_WITHIN_S)
                        assert run.returncode == 0, err.decode()
                        report = json.loads(out)
                    row.take(report, sum(phase["planned"] for phase in report["phases"]))
                    row.re_sends += sum(phase["retries"] for phase in report["phases"])
                    row.differences += await balances(again) != planned


def table(rows: Iterable[Row]) -> str:
    """The rows as text, with their sum."""
    names = [field.name for field in fields(Row)]
    rows = list(rows)
    total = Row("all", *(sum(getattr(row, name) for row in rows) for name in names[1:]))
    cells = [[name.replace("_", " ") for name in names]]
    cells += [[str(getattr(row, name)) for name in names] for row in [*rows, total]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    lines = [
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in cells)
    ]
    return "\n".join(lines)


async def chaos(seed: int, rounds: int, kills: int, server_kills: int, only: str | None) -> list[Row]:
    """Every trial, one after the other; what failed is in the row's differences and said at once."""
    rng = random.Random(seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        calms = [await undisturbed(world, Path(folder)) for world in WORLDS]
        for fault in FAULTS:
            if only not in (None, fault):
                continue
            row = Row(fault)
            rows.append(row)
            for number in range(rounds):
                world, calm = WORLDS[number % len(WORLDS)], calms[number % len(WORLDS)]
                await _guarded(row, client_trial(row, world, calm, kills, rng))
            print(f"{fault}: {row.kills} kills, {row.differences} differences", file=sys.stderr, flush=True)
        if server_kills and only in (None, "server killed"):
            calm = await undisturbed(TINY, Path(folder))
            for client_too in (False, True):
                row = Row("server and client killed" if client_too else "server killed")
                rows.append(row)
                for _ in range(server_kills // 2):
                    await _guarded(row, server_trial(row, TINY, calm, rng, client_too=client_too))
                print(f"{row.fault}: {row.kills} kills, {row.differences} differences", file=sys.stderr, flush=True)
    return rows


async def _guarded(row: Row, trial: Any) -> None:
    try:
        await trial
    except (AssertionError, TimeoutError) as error:
        row.differences += 1
        print(f"{row.fault}: {error}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4, help="runs under each fault: plain, packed, sharded, both")
    parser.add_argument("--kills", type=int, default=2, help="kills of each run")
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--only", help=f"one of: {', '.join(FAULTS)}, server killed")
    given = parser.parse_args()
    rows = asyncio.run(chaos(given.seed, given.rounds, given.kills, given.server_kills, given.only))
    print(table(rows))
    sys.exit(any(row.differences for row in rows))


if __name__ == "__main__":
    main()
