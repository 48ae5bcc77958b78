"""Kill runs and servers at random moments under every fault, go on, and count every movement by its mark.

    make chaos                                                     # about 300 client kills, 20 server kills
    .venv/bin/python -m tools.chaos.__main__ --only "cut after"             # one kind of fault
    .venv/bin/python -m tools.chaos.__main__ --only "cut after" --trial 3   # one of its trials, as the findings name it

Each trial has a server of its own and a run that is killed with SIGKILL when the server has seen a random number of
requests, goes on, is killed again, and then goes on until it says that it is done. A session may end otherwise, as long
as it says so: then it is run again, later with the server's clock moved on by an hour, at last without faults. Each
time that one says "done", and at the end, the server's own records have to hold the mark of every planned movement
exactly once, and every balance as planned. The moments are drawn from the seed; where exactly a kill then hits is up to
the machine.
"""

import argparse
import asyncio
import functools
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

from midaz_seed.sandbox.server import FaultPlan, SandboxConfig, SandboxServer, running
from midaz_seed.transport.base import Request, TransportError
from midaz_seed.transport.httptools_transport import HttptoolsTransport
from tests.support import UNMEASURED, balances, sandbox
from tools.chaos.audit import Audit, Planned, audit, audit_file, planned_by

Rules = list[dict[str, Any]]
MONEY = {"on": "transactions", "methods": ["POST"]}
POSTS, READS = {"methods": ["POST"]}, {"methods": ["GET"]}
HELD_S = 5.0


def _altered(how: str) -> Rules:
    return [{**POSTS, "rate": 0.02, "altered": {"how": how}}, {**READS, "rate": 0.01, "altered": {"how": how}}]


def _ingress(code: int) -> Rules:
    """A proxy that answers itself, of requests that it has passed on and of others."""
    pages = [{**POSTS, "rate": 0.01, "html": {"code": code, "when": when}} for when in ("before", "after")]
    return [*pages, {**READS, "rate": 0.01, "html": {"code": code}}]


def _held(answer: str, rate: float) -> Rules:
    return [{**MONEY, "rate": rate, "held": {"for_s": HELD_S, "answer": answer}}]


FAULTS: dict[str, Rules] = {
    "none": [],
    "slow answers": [{"rate": 0.02, "latency": {"ms": 20, "spread_ms": 15}}],
    "little room": [{**MONEY, "capacity": {"at_once": 8, "ms": 2, "waiting_max": 4}}],
    "503 and 429": [
        {"rate": 0.01, "status": {"code": 503}},
        {"rate": 0.01, "status": {"code": 429, "retry_after_s": 0}},
    ],
    "500 after effect": [{"rate": 0.01, "status": {"code": 500, "when": "after"}}],
    "cut before": [{"rate": 0.01, "reset": {"when": "before"}}],
    "cut after": [{"rate": 0.01, "reset": {"when": "after"}}],
    "half answers": [{"rate": 0.01, "truncate": {}}],
    "ingress 404": _ingress(404),
    "ingress 502": _ingress(502),
    "emptied": _altered("emptied"),
    "stripped": _altered("stripped"),
    "reformatted": _altered("reformatted"),
    "numbers": _altered("numbers"),
    "shortened": _altered("shortened"),
    "doubled answers": _altered("doubled"),
    "swapped": [
        {**POSTS, "rate": 0.02, "swapped": {"within_ms": 300}},
        {**READS, "rate": 0.02, "swapped": {"within_ms": 300}},
    ],
    "held, cut": _held("cut", 0.004),
    "held, no answer": _held("none", 0.002),
    "held, 504": _held("gateway", 0.004),
    "sent twice": [
        {**MONEY, "rate": 0.02, "duplicated": {}},
        {**MONEY, "rate": 0.02, "duplicated": {"after_ms": 20, "answer": "second"}},
        {**MONEY, "rate": 0.01, "duplicated": {"after_ms": 2000}},
    ],
    "stale lists": [
        {**READS, "rate": 0.5, "stale_lists": {"ms": 1500}},
        {**POSTS, "rate": 0.01, "reset": {"when": "after"}},
    ],
    "late balances": [{"on": "accounts", "methods": ["POST"], "rate": 0.2, "late_balances": {"ms": 150}}],
    "stale balances": [{"on": "balances", "stale_balances": {"ms": 120}}],
    "foreign replays": [{**MONEY, "rate": 0.01, "foreign_replay": {}}],
    "foreign and cut": [
        {**MONEY, "rate": 0.01, "foreign_replay": {}},
        {**MONEY, "rate": 0.01, "reset": {"when": "before"}},
        {**MONEY, "rate": 0.01, "reset": {"when": "after"}},
    ],
    "owner loses": [{**MONEY, "rate": 0.003, "foreign_replay": {"owner_loses": True}}],
    "stuck keys": [{**MONEY, "every": 700, "stuck": {}}],
    "exhausted pool": [{**POSTS, "rate": 0.01, "exhausted": {}}],
    "outages": [{"every": 2500, "refuse": {"for_s": 0.3}}],
}
FAULTS["mixed"] = [
    {**rule, "rate": rule["rate"] / 4} if "rate" in rule else rule
    for name in (
        *("slow answers", "503 and 429", "cut after", "half answers", "foreign replays", "stuck keys"),
        *("emptied", "swapped", "ingress 404", "held, cut", "sent twice"),
    )
    for rule in FAULTS[name]
]
SMALL = ["--preset", "small", "--transactions", "10"]
PACKED = ["--transactions-per-batch", "10"]
SHARDED = ["--shards", "2"]
MANY_LEDGERS = ["--preset", "medium", "--accounts", "40", *PACKED]
TINY = ["--preset", "small", "--accounts", "24", "--transactions", "12"]


def few(accounts: int, transactions: int) -> list[str]:
    """One ledger with one asset and few accounts: what is in doubt there has many explanations."""
    counts = {"organizations": 1, "ledgers": 1, "assets": 1, "portfolios": 0, "segments": 0}
    volume = {**counts, "accounts": accounts, "transactions": transactions}
    return [part for name, count in volume.items() for part in (f"--{name}", str(count))]


FEW = [few(2, 700), few(3, 450), few(4, 350), few(2, 300)]
WAYS = [SMALL, MANY_LEDGERS, [*SMALL, *SHARDED], [*MANY_LEDGERS, *SHARDED, "--concurrency", "auto"]]
TTL_S, MARGIN_S = 20, 9
"""A key lives so long on the server; it is not sent again in the last part of that, which is longer than anything that
is held, by as much as a busy machine may be late."""
PATIENT = [
    *("--attempts", "20", "--set", "breaker.openS=0.2", "--set", "settlement.maxDelayS=0.3"),
    *("--set", "idempotency.ttlS=10", "--set", "idempotency.marginS=3"),
]
PACE = [
    *("--set", "breaker.openS=0.2", "--set", "settlement.maxDelayS=0.3", "--set", "settlement.deadlineS=15"),
    *("--set", f"idempotency.ttlS={TTL_S}", "--set", f"idempotency.marginS={MARGIN_S}", "--timeout", "4"),
]
END_WITHIN_S = 300.0
SESSIONS_MAX = 8
"""A run that has not come to its end after so many sessions, the last ones without faults, never will."""
WAIT_AFTER, CALM_AFTER = 2, 5
"""After so many sessions without a good end time passes between them, or the faults end."""
HOUR_S = 3700.0
HONEST = (0, 1, 3, 4, 130, 143)
"""Exit codes that a session may have: done, or not, and said so."""


@dataclass
class Row:
    """What happened under one fault. Re-sends are counted by the server, from replays to not made by the sessions that
    ended; the last columns by the audits."""

    fault: str
    runs: int = 0
    kills: int = 0
    re_sends: int = 0
    replays: int = 0
    foreign: int = 0
    in_doubt: int = 0
    made: int = 0
    not_made: int = 0
    undecided_ends: int = 0
    other_ends: int = 0
    """Sessions that ended by themselves, neither done nor undecided."""
    doubled: int = 0
    missing: int = 0
    false_done: int = 0
    differences: int = 0
    broken: int = 0
    """Trials that never came to their end, and sessions that failed in a way that they must not."""

    @property
    def is_bad(self) -> bool:
        """Something happened that never may."""
        return any((self.doubled, self.missing, self.false_done, self.differences, self.broken))

    def take(self, report: dict[str, Any]) -> None:
        """Add what a session has counted."""
        phases = report["phases"]
        self.replays += sum(phase["replayed"] for phase in phases)
        self.foreign += sum(phase["foreign_replays"] for phase in phases)
        self.made += sum(phase["doubts_applied"] for phase in phases)
        self.not_made += sum(phase["doubts_not_applied"] for phase in phases)
        self.in_doubt = self.made + self.not_made


# ---- processes


@asynccontextmanager
async def process(*arguments: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command in a process of its own, which is killed at the end of the block if it is still there."""
    source = Path(__file__).parents[2]
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
    """A sandbox in a process of its own: its URL and its process."""
    async with process("sandbox", "--port", str(port), *arguments, cwd=cwd) as started:
        assert started.stdout is not None
        line = (await started.stdout.readline()).decode()
        assert line.startswith("sandbox listening on "), (await started.communicate())[1].decode()
        yield line.split()[-1], started


async def _asked(url: str, request: Request) -> Any:
    """What a sandbox says about itself, as JSON; None while it is not there."""
    transport = HttptoolsTransport(url, url, headers={}, request_timeout_s=5, connect_timeout_s=5)
    try:
        return json.loads((await transport.send(request)).body)
    except (TransportError, ValueError):
        return None
    finally:
        await transport.aclose()


async def posts_seen(url: str) -> int:
    """POST requests that a server has carried out; 0 while it is not there."""
    stats = await _asked(url, Request("GET", "/sandbox/stats"))
    return sum(count for name, count in stats["requests"].items() if name.startswith("POST ")) if stats else 0


async def undisturbed(world: Sequence[str], cwd: Path) -> tuple[dict[str, dict[str, str]], int]:
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


# ---- servers of a trial


class Server(Protocol):
    """Where a trial's sessions go, and what the trial knows about it without asking through its API."""

    url: str

    async def posts(self) -> int:
        """POST requests that it has seen."""
        ...

    async def audit(self, planned: Planned) -> Audit | None:
        """What is not as planned now; None where that can be seen at the end only."""
        ...

    async def pass_time(self, delta_s: float) -> None:
        """Move its clock on."""
        ...

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        ...


class Near:
    """A sandbox in this process."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._sandbox = sandbox
        self.url = sandbox.url

    async def posts(self) -> int:
        requests = self._sandbox.app.statistics.requests
        return sum(count for (method, _), count in requests.items() if method == "POST")

    async def audit(self, planned: Planned) -> Audit | None:
        return audit(self._sandbox.state, planned)

    async def pass_time(self, delta_s: float) -> None:
        await self.settled()
        clock: Any = self._sandbox.clock
        clock.advance(delta_s)

    def calm(self) -> None:
        self._sandbox.faults.plan = FaultPlan()

    async def settled(self) -> None:
        """Wait for what is still on the way to it."""
        for _ in range(600):
            if not self._sandbox.app.later:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("requests are held for longer than a minute")


class Far:
    """A sandbox in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def posts(self) -> int:
        return await posts_seen(self.url)

    async def audit(self, planned: Planned) -> Audit | None:
        return None

    async def pass_time(self, delta_s: float) -> None:
        await _asked(self.url, Request("POST", "/sandbox/clock", json.dumps({"advanceS": delta_s}).encode()))

    def calm(self) -> None:
        """It has no faults but its death."""


# ---- trials


@dataclass
class Trial:
    """One server under one fault, and the sessions that go there."""

    row: Row
    world: list[str]
    rng: random.Random
    server: Server
    name: str
    more: list[str] = field(default_factory=list)
    """Flags that do not change the data."""
    is_done: bool = False
    """Its last session said so."""
    verbose: ClassVar[bool] = False

    @property
    def planned(self) -> Planned:
        """What its runs plan."""
        return planned_by(tuple(self.world))

    def moment(self, *, of: float = 1.0) -> int:
        """A random number of POST requests, up to a part of those that the plan needs."""
        return self.rng.randrange(1, max(int(self.planned.plan.posts * of), 2))

    async def session(
        self, cwd: Path, *more: str, kill_at: int | None = None, by: signal.Signals = signal.SIGKILL
    ) -> int | None:
        """One session, killed after so many more requests unless it has ended by then; its exit code, None when it was
        killed."""
        start = await self.server.posts()
        arguments = ["run", *self.world, "-u", self.server.url, "--json", "-q", *PACE, *self.more, *more]
        async with process(*arguments, cwd=cwd) as run:
            output = asyncio.ensure_future(run.communicate())
            if kill_at is not None:
                while not output.done() and await self.server.posts() - start < kill_at:
                    await asyncio.sleep(0.002)
                if not output.done():
                    run.send_signal(by)
                    self.row.kills += 1
            out, err = await asyncio.wait_for(output, END_WITHIN_S)
        if run.returncode == -signal.SIGKILL:
            return None
        await self._take(run.returncode, out, err)
        return run.returncode

    async def _take(self, code: int | None, out: bytes, err: bytes) -> None:
        """Judge how a session ended."""
        if b"Traceback" in err or b"internal error" in err:
            self.row.broken += 1
            self.say(err.decode()[-2000:])
        assert code in HONEST, f"exit {code}: {err.decode()[-2000:]}"
        report = json.loads(out) if out.startswith(b"{") else None
        if report is not None:
            self.row.take(report)
        if code == 0:
            found = await self.server.audit(self.planned)
            if found is not None and not found.exactly_once:
                self.row.false_done += 1
                self.say(f"a session says done, and there are {found}")
            return
        self.row.undecided_ends += code == 4
        self.row.other_ends += code != 4
        self.say(f"exit {code}: {_reason(report) if report else err.decode().strip()[-400:]}", loud=False)

    async def until_done(self, cwd: Path, *more: str) -> None:
        """Sessions one after the other until one is done."""
        for number in range(1, SESSIONS_MAX + 1):
            self.is_done = await self.session(cwd, *more) == 0
            if self.is_done:
                return
            if number == CALM_AFTER:
                self.server.calm()
            if number >= WAIT_AFTER:  # keys of earlier sessions end by the clients' time too
                await asyncio.sleep(TTL_S)
                await self.server.pass_time(HOUR_S)
        raise AssertionError(f"not done after {SESSIONS_MAX} sessions")

    async def end(self) -> None:
        """The last look, when nothing is on its way any more."""
        self.row.runs += 1
        if isinstance(self.server, Near):
            await self.server.settled()
        self.row.re_sends += max(await self.server.posts() - self.planned.plan.posts, 0)
        self.judge(await self.server.audit(self.planned))

    def judge(self, found: Audit | None) -> None:
        """Count what is not as planned at the end: of a run that never said that it is done, only what is there too
        often."""
        if found is None:
            return
        self.row.doubled += len(found.doubled)
        if self.is_done:
            self.row.missing += len(found.missing)
            self.row.differences += len(found.strange)
            self.row.false_done += not found.exactly_once
        if str(found) != "all well":
            self.say(f"in the end there are {found}")

    async def carry_out(self, kind: "Kind", cwd: Path) -> None:
        """Have everything happen; a trial that breaks is counted, and looked at all the same."""
        try:
            await kind(self, cwd)
        except (AssertionError, TimeoutError) as error:
            self.is_done = False
            self.row.broken += 1
            self.say(str(error)[-2000:] or type(error).__name__)

    def say(self, what: str, *, loud: bool = True) -> None:
        """Tell what happened, and how to make it happen again."""
        if loud or self.verbose:
            print(f"{self.name}: {what}", file=sys.stderr, flush=True)


def _reason(report: dict[str, Any]) -> str:
    """Why a session was not done, by its report."""
    differences = (report["proof"] or {"differences": []})["differences"]
    ledgers = [ledger for ledger in report["ledgers"] if ledger["reason"]]
    return " ".join([report["verdict"], *(str(each) for each in [*differences[:3], *ledgers[:3]])])


Kind = Callable[[Trial, Path], Awaitable[None]]
"""What happens to the sessions of a trial, until one says that it is done."""


async def client_killed(trial: Trial, cwd: Path, *, kills: int = 2) -> None:
    """A run whose client is killed so many times."""
    left = trial.planned.plan.posts
    for _ in range(kills):
        at = trial.rng.randrange(1, max(left, 2))
        await trial.session(cwd, kill_at=at)
        left -= at
    await trial.until_done(cwd)


async def journal_restored(trial: Trial, cwd: Path) -> None:
    """The runs' directory is copied while a session writes to it, put back after others have gone on, and gone on from;
    the keys of the copy may have ended by then."""
    runs, copy = cwd / "runs", cwd / "copy"
    first = asyncio.ensure_future(trial.session(cwd, kill_at=trial.moment(of=0.6)))
    start, at = await trial.server.posts(), trial.moment(of=0.4)
    while not first.done() and await trial.server.posts() - start < at:
        await asyncio.sleep(0.002)
    if first.done() or trial.rng.random() < 0.5:  # of a session that was killed, else of one that is alive
        await first
    if not runs.exists():  # killed before there was anything
        await first
        await trial.until_done(cwd)
        return
    shutil.copytree(runs, copy)
    await first
    if trial.rng.random() < 0.5:
        await trial.until_done(cwd)
    else:
        await trial.session(cwd, kill_at=trial.moment(of=0.3))
    if trial.rng.random() < 0.5:
        await asyncio.sleep(TTL_S)
    shutil.rmtree(runs)
    copy.rename(runs)
    if trial.rng.random() < 0.5:
        await trial.session(cwd, kill_at=trial.moment(of=0.2))
    await trial.until_done(cwd)


async def done_elsewhere(trial: Trial, cwd: Path) -> None:
    """Interrupted here, done in another directory without a journal, and gone on with here by the old journal: within
    the life of the keys, or after it."""
    elsewhere = cwd / "elsewhere"
    elsewhere.mkdir()
    planned = trial.planned
    among = planned.deposits if trial.rng.random() < 0.5 else len(planned.movements)
    by = signal.SIGTERM if trial.rng.random() < 0.7 else signal.SIGKILL
    await trial.session(cwd, kill_at=planned.before_money + trial.rng.randrange(max(among, 1)), by=by)
    await trial.until_done(elsewhere, "--no-journal")
    if trial.rng.random() < 0.5:
        await asyncio.sleep(TTL_S)
    await trial.until_done(cwd)


def several_clients(count: int, *, kills: bool) -> Kind:
    """So many clients begin the same run at the same moment, each in a directory of its own."""

    async def clients(trial: Trial, cwd: Path) -> None:
        folders = [cwd / f"client {number}" for number in range(count)]
        moments = [trial.moment() if kills and trial.rng.random() < 0.7 else None for _ in folders]
        for folder in folders:
            folder.mkdir()
        await asyncio.gather(*(trial.session(folder, kill_at=at) for folder, at in zip(folders, moments, strict=True)))
        await trial.until_done(folders[0])

    return clients


async def near_trial(
    kind: Kind, rules: Rules, more: list[str], world: list[str], row: Row, rng: random.Random, name: str
) -> None:
    """One trial of a kind with a sandbox in this process, and its audit. `more`: flags for every session."""
    faults = FaultPlan.parse({"seed": rng.randrange(1000), "rules": rules})
    with tempfile.TemporaryDirectory() as folder:
        async with running(SandboxConfig(faults=faults, control=True)) as own:
            trial = Trial(row, world, rng, Near(own), name, more)
            await trial.carry_out(kind, Path(folder))
            await trial.end()


async def server_killed(client_too: bool, world: list[str], row: Row, rng: random.Random, name: str) -> None:
    """One run whose server is killed as a real one is and is started again; with `client_too` the client goes too."""
    kept = ("--data", "ledger.sqlite", "--crash-like-midaz", "--control")
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        async with server(*kept, cwd=cwd) as (url, first):
            trial = Trial(row, world, rng, Far(url), name)

            async def kind(trial: Trial, cwd: Path) -> None:
                session = asyncio.ensure_future(trial.session(cwd))
                at = trial.moment()
                while not session.done() and await trial.server.posts() < at:
                    await asyncio.sleep(0.01)
                first.kill()
                await first.wait()
                row.kills += 1
                if client_too:
                    session.cancel()  # its process is killed with it
                    await asyncio.wait([session])
                async with server(*kept, cwd=cwd, port=int(url.rpartition(":")[2])):
                    trial.is_done = not client_too and await session == 0
                    if not trial.is_done:
                        await trial.until_done(cwd)

            await trial.carry_out(kind, cwd)
        row.runs += 1
        trial.judge(await audit_file(cwd / "ledger.sqlite", trial.planned))


# ---- all of them

Start = Callable[[Row, random.Random, str], Awaitable[None]]
MEETING: Rules = [{"on": "organizations", "latency": {"ms": 50}}, {"on": "ledgers", "latency": {"ms": 30}}]
"""Makes it likely that two clients meet where they create the same."""
LOSING: Rules = [*MEETING, *FAULTS["cut after"]]
KINDS: dict[str, tuple[Kind, list[Rules]]] = {
    "journal restored": (journal_restored, [[], FAULTS["cut after"], [], FAULTS["mixed"]]),
    "done elsewhere": (done_elsewhere, [[], FAULTS["cut after"]]),
    "two clients": (several_clients(2, kills=False), [MEETING, LOSING]),
    "two clients, killed": (several_clients(2, kills=True), [MEETING, LOSING]),
    "four clients, killed": (several_clients(4, kills=True), [MEETING, LOSING]),
}
SERVER_KILLED = {"server killed": False, "server and client killed": True}


def attempts(number: int) -> list[str]:
    """Many, so that nearly everything is decided while it is sent, or few, so that much is in doubt."""
    return ["--attempts", "20" if number % 2 == 0 else "4"]


def world_of(number: int, place: int) -> list[str]:
    """Plain, packed or sharded, another one for each kind; each fourth time few accounts."""
    return FEW[place % len(FEW)] if number % 4 == 3 else WAYS[(number + place) % len(WAYS)]


def all_trials(rounds: int, kills: int, server_kills: int) -> Iterator[tuple[str, int, Start]]:
    """Every trial: its kind, its number, and what starts it."""
    killing = functools.partial(client_killed, kills=kills)
    for place, (fault, rules) in enumerate(FAULTS.items()):
        for number in range(rounds):
            world, more = world_of(number, place), attempts(number // 2 + place)
            yield fault, number, functools.partial(near_trial, killing, rules, more, world)
    for place, (what, (kind, turns)) in enumerate(KINDS.items()):
        for number in range(2 * rounds):
            world = FEW[number // 2 % len(FEW)] if number % 2 else WAYS[(number // 2 + place) % len(WAYS)]
            more = attempts(number // 2)
            yield what, number, functools.partial(near_trial, kind, turns[number // 2 % len(turns)], more, world)
    for what, client_too in SERVER_KILLED.items():
        for number in range(server_kills // 2):
            world = few(3, 120) if number % 4 == 3 else TINY
            yield what, number, functools.partial(server_killed, client_too, world)


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


async def chaos(trials: Iterable[tuple[str, int, Start]], *, seed: int, at_once: int) -> list[Row]:
    """The trials, some at a time; what failed is in their rows and said at once."""
    rows: dict[str, Row] = {}
    places = asyncio.Semaphore(at_once)

    async def one(what: str, number: int, start: Start) -> None:
        row = rows.setdefault(what, Row(what))
        async with places:
            begun_s, name = time.monotonic(), f"{what} {number}"
            try:
                await start(row, random.Random(f"{seed}:{what}:{number}"), name)
            except (AssertionError, LookupError, OSError, ValueError) as error:  # of the trial itself
                row.broken += 1
                print(f"{name}: {error!r}"[-2000:], file=sys.stderr, flush=True)
            print(f"{name}: {time.monotonic() - begun_s:.1f} s", file=sys.stderr, flush=True)

    await asyncio.gather(*(one(*trial) for trial in trials))
    return list(rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4, help="trials of each fault; each fourth has few accounts")
    parser.add_argument("--kills", type=int, default=2, help="kills of each run")
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2, help="trials that go on at the same time")
    parser.add_argument("--only", help=f"one of: {', '.join([*FAULTS, *KINDS, *SERVER_KILLED])}")
    parser.add_argument("--trial", type=int, help="of that kind, this one alone")
    parser.add_argument("--verbose", action="store_true", help="tell also how sessions end that are not done")
    given = parser.parse_args()
    Trial.verbose = given.verbose
    chosen = [
        trial
        for trial in all_trials(given.rounds, given.kills, given.server_kills)
        if given.only in (None, trial[0]) and given.trial in (None, trial[1])
    ]
    started_s = time.monotonic()
    rows = asyncio.run(chaos(chosen, seed=given.seed, at_once=given.at_once))
    print(table(rows))
    print(f"{len(chosen)} trials in {(time.monotonic() - started_s) / 60:.1f} min")
    sys.exit(any(row.is_bad for row in rows))


if __name__ == "__main__":
    main()
