"""What the benchmarks share: a sandbox of their own, requests made beforehand, the barest client, CPU times, tables."""

import asyncio
import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import aiohttp
import orjson

from midaz_seed.midaz import routes
from midaz_seed.midaz.routes import Place
from midaz_seed.plan.items import Entity
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_READY = "sandbox listening on "


@dataclass(frozen=True)
class Measure:
    """One round: what was sent, how long it took, and the CPU of both sides."""

    requests: int
    wall_s: float
    client_s: float
    server_s: float

    @property
    def rate_per_s(self) -> float:
        """Requests a second."""
        return self.requests / self.wall_s

    @property
    def client_us(self) -> float:
        """CPU of the client per request."""
        return self.client_s / self.requests * 1e6

    @property
    def server_us(self) -> float:
        """CPU of the server per request."""
        return self.server_s / self.requests * 1e6


@dataclass(frozen=True)
class Post:
    """A request made beforehand."""

    path: str
    body: bytes
    key: str = ""
    """The idempotency key; "": none."""

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        return {"Content-Type": "application/json"} | ({"X-Idempotency": self.key} if self.key else {})

    def wire(self, host: str) -> bytes:
        """The bytes on the connection."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"POST {self.path} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in a process of its own."""

    url: str
    pid: int
    folder: Path
    """Where its file is, and what else shall go when it does."""

    def cpu_s(self) -> float:
        """CPU that it has used so far; Linux counts it in hundredths of a second."""
        return process_cpu_s(self.pid)


def process_cpu_s(pid: int) -> float:
    """CPU that a process has used so far, in seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


@contextmanager
def sandbox(*options: str) -> Iterator[Sandbox]:
    """A durable sandbox (a temporary SQLite file) for the duration of the block."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "midaz_seed", "sandbox", "--port", "0", "--until-eof"]
        command += ["--data", str(Path(folder) / "sandbox.sqlite"), *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(_READY):
                raise SystemExit(f"the sandbox did not start: {line}")
            try:
                yield Sandbox(line.removeprefix(_READY).split()[-1], process.pid, Path(folder))
            finally:
                process.terminate()


def one_ledger(
    url: str,
    run_id: str,
    *,
    accounts: int,
    transactions_per_account: int,
    concurrency: int,
    journal: Path | None = None,
) -> Settings:
    """One ledger with one asset, so that one phase is one stream of transfers; `journal` is the folder of the run's."""
    return Settings.model_validate(
        {
            "runId": run_id,
            "target": {"baseUrl": url},
            "volume": {
                "organizations": 1,
                "ledgersPerOrganization": 1,
                "assetsPerLedger": 1,
                "accountsPerLedger": accounts,
                "transactionsPerAccount": transactions_per_account,
            },
            "generation": {"limits": {"maxConcurrency": concurrency}},
            "journal": {"enabled": journal is not None, "directory": str(journal or "runs")},
        }
    )


async def transfers(url: str, run_id: str, *, accounts: int, count: int) -> list[Post]:
    """Fund a ledger, and make the requests of `count` transfers between its accounts; none has been sent."""
    report = await seed_async(one_ledger(url, run_id, accounts=accounts, transactions_per_account=1, concurrency=32))
    if report.exit_code:
        raise SystemExit(f"the round could not be prepared: {report.verdict}")
    each = -(-count // accounts) + 1
    full = one_ledger(url, run_id, accounts=accounts, transactions_per_account=each, concurrency=32)
    (ledger,) = build_plan(full).ledgers
    place = Place(report.ledgers[0].organization_id, report.ledgers[0].id)
    async with aiohttp.ClientSession(url) as session:  # what these transfers need, on top of what the first plan needed
        for item in ledger.deposits():
            async with session.post(
                routes.transactions(place, item.endpoint), data=item.body, headers={"Content-Type": "application/json"}
            ) as answer:
                if answer.status != 201:
                    raise SystemExit(f"the round could not be prepared: {answer.status} {await answer.text()}")
    made = [
        Post(routes.transactions(place, item.endpoint), item.body, f"{run_id}.{item.key}")
        for item in ledger.transfers()
    ]
    return made[:count]


async def accounts(url: str, run_id: str, *, count: int) -> list[Post]:
    """Make a ledger, and the requests of `count` accounts in it; none has been sent."""
    report = await seed_async(one_ledger(url, run_id, accounts=2, transactions_per_account=0, concurrency=8))
    if report.exit_code:
        raise SystemExit(f"the round could not be prepared: {report.verdict}")
    full = one_ledger(url, f"{run_id}a", accounts=count, transactions_per_account=0, concurrency=8)
    (ledger,) = build_plan(full.model_copy(update={"seed": full.seed + 1})).ledgers
    place = Place(report.ledgers[0].organization_id, report.ledgers[0].id)
    path = routes.collection(Entity.ACCOUNT, place)
    return [Post(path, orjson.dumps(item.payload)) for item in ledger.account_items()]


class _Raw(asyncio.Protocol):
    """One connection that sends bytes made beforehand and looks at nothing but status and length."""

    def __init__(self, waiting: Iterator[bytes], done: Callable[[int], None]) -> None:
        self._waiting = waiting
        self._done = done
        self._kept = b""
        self._answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        data = next(self._waiting, None)
        if data is None:
            self._transport.close()
        else:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        kept = self._kept + data if self._kept else data
        end = kept.find(b"\r\n\r\n") + 4
        start = kept.find(b"content-length: ") + 16
        if end < 4 or start < 16 or len(kept) < end + int(kept[start : kept.find(b"\r\n", start)]):
            self._kept = kept
            return
        self._kept = b""
        if kept[9:12] != b"201":
            self._transport.close()
            return
        self._answered += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done(self._answered)


async def send_raw(url: str, requests: Sequence[bytes], concurrency: int) -> int:
    """Send them over so many connections; gives how many got a 201."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    waiting, answered, open_connections = iter(requests), 0, concurrency
    ended = loop.create_future()

    def done(count: int) -> None:
        nonlocal answered, open_connections
        answered += count
        open_connections -= 1
        if not open_connections:
            ended.set_result(None)

    for _ in range(concurrency):
        await loop.create_connection(lambda: _Raw(waiting, done), parts.hostname, parts.port)
    await ended
    return answered


async def raw(url: str, posts: Sequence[Post], concurrency: int) -> Callable[[], Awaitable[int]]:
    """The barest client, ready to send: only the sending is to be measured."""
    host = urlsplit(url).netloc
    requests = [post.wire(host) for post in posts]
    return lambda: send_raw(url, requests, concurrency)


def forget_the_past() -> None:
    """What earlier rounds left is not looked through for garbage in the time of the next."""
    gc.collect()
    gc.freeze()


async def measured(server: Sandbox, count: int, send: Callable[[], Awaitable[int]]) -> Measure:
    """Measure a round. Ends the program unless every request got its 201."""
    forget_the_past()
    wall_0, client_0, server_0 = time.perf_counter(), time.process_time(), server.cpu_s()
    good = await send()
    wall_1, client_1, server_1 = time.perf_counter(), time.process_time(), server.cpu_s()
    if good != count:
        raise SystemExit(f"{good} of {count} requests were answered with 201")
    return Measure(count, wall_1 - wall_0, client_1 - client_0, server_1 - server_0)


def median(measures: Sequence[Measure], name: str) -> float:
    """The median of one of a measure's figures."""
    return statistics.median(getattr(measure, name) for measure in measures)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as Markdown writes it."""
    for row in (head, ["---"] + ["---:"] * (len(head) - 1), *rows):
        print(f"| {' | '.join(row)} |", flush=True)


def print_machine(*packages: str) -> None:
    """On what the figures were measured."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), platform.machine()
    )
    parts = [f"{model}, {len(os.sched_getaffinity(0))} cores", f"CPython {platform.python_version()}"]
    for package in packages:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    print("; ".join(parts))


def _cpu_lines() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []
