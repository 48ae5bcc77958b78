"""Random sessions of the real client against the sandbox, through a network that does everything that networks do.

    make machine                                                                # ten minutes of it
    .venv/bin/python -m tests.acceptance.test_exactly_once_machine --seed 7     # one batch that was named

A session runs to its end, is killed with what its journal holds at that moment, or runs beside another one of the same
run; journals are saved, restored and lost; the lives of keys pass. After each step the sandbox's own records say
whether any movement was made twice, and after each "Done" whether all were made. In the end the faults stop, and the
run has to come to "Done" within a few sessions.

What is held, or sent twice, arrives within the margin that the settings promise (ADR 7): later is the documented limit.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from midaz_seed.clock import Clock, ShiftedClock, SystemClock
from midaz_seed.errors import ExitCode, SeedError
from midaz_seed.plan.dimensions import KEY_MARK
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import REPORT
from midaz_seed.sandbox import FaultPlan, SandboxServer
from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.faults.effects import How
from midaz_seed.sandbox.faults.gateway import altered
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.settings.model import Settings
from tests.support.clocks import AcceleratedClock
from tests.support.gateway import DROP, Forward, Gateway, GatewayAnswer, running_gateway
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tools.chaos.audit import Planned, audit, planned_by

Result = TypeVar("Result")
TIMES_FASTER = 10
TTL_S, MARGIN_S = 60, 20
HELD_S = 12.0
"""How long the network holds a request at most, and one that could only be let go later than the next is lost in it."""
HELD_S_MAX = 15.0
HOUR_S = 3700.0
PAIR_S, ALONE_S = TTL_S / 2 / TIMES_FASTER, 30.0
"""Real seconds after which a session is killed. Two at the same moment may not stand still for a key's life between
their look and their sending (ADR 7)."""
SESSIONS_TO_DONE = 4
CLIENT = "X-Client"
FOR_EVER = 10**9

BODIES: tuple[How, ...] = ("emptied", "stripped", "shortened", "reformatted", "numbers", "doubled")
PAGES = (404, 409, 502)
HELD_ANSWERS = ("cut", "page", "none")
FAULTS = (
    *("request lost", "answer lost", "answer cut", "answers swapped", "delayed", "sent twice", "sent twice, second"),
    *(f"body {how}" for how in BODIES),
    *(f"page {code} {when}" for code in PAGES for when in ("before", "after")),
    *(f"held, {answer}" for answer in HELD_ANSWERS),
)
MONEY = {"on": "transactions", "methods": ["POST"]}
SANDBOX_FAULTS: dict[str, dict[str, Any]] = {
    "foreign replays": {**MONEY, "rate": 0.03, "foreign_replay": {}},
    "owner loses": {**MONEY, "rate": 0.02, "foreign_replay": {"owner_loses": True}},
    "stuck": {**MONEY, "rate": 0.02, "stuck": {}},
    "many stuck": {**MONEY, "from_request": 15, "to_request": 60, "rate": 0.4, "stuck": {"applied": 0.5}},
    "stale lists": {"methods": ["GET"], "rate": 0.5, "stale_lists": {"ms": 2000}},
    "late balances": {"on": "accounts", "methods": ["POST"], "rate": 0.3, "late_balances": {"ms": 1500}},
    "exhausted": {"methods": ["POST"], "rate": 0.02, "exhausted": {}},
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with some of a session's requests of one kind, counted from 1."""

    what: str
    first: int
    count: int
    rate: float

    def hits(self, number: int, chance: float) -> bool:
        return self.first <= number < self.first + self.count and chance < self.rate

    def __repr__(self) -> str:
        end = "" if self.count == FOR_EVER else f"..{self.first + self.count - 1}"
        return f"<{self.what} {self.first}{end} x{self.rate:g}>"


@dataclass(frozen=True)
class Weather:
    """What goes wrong with the postings of transactions, and with all other requests."""

    money: tuple[Fault, ...] = ()
    other: tuple[Fault, ...] = ()
    seed: int = 0


CALM = Weather()


@dataclass(eq=False)
class Client:
    """One session as the network knows it: it may be killed at one of its requests."""

    number: int
    kill_at: int | None = None
    reaches: bool = False
    """The last request gets to the server."""
    keep: Callable[[], None] = lambda: None
    """Called at the moment of the kill."""
    requests: int = 0
    of_kind: Counter[str] = field(default_factory=Counter)
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        """From now on nothing that it sends counts, and nothing that it writes."""
        if not self.killed.is_set():
            self.keep()
            self.killed.set()


class Network(Gateway):
    """Everything between the clients and the server."""

    def __init__(self, upstream: str, clock: Clock) -> None:
        super().__init__(upstream, lambda *_: None)
        self.weather = CALM
        self.clients: dict[int, Client] = {}
        self.injected: Counter[str] = Counter()
        self.lost_late = 0
        self.late_creates = 0
        """Creates of entities that came once more, or when nobody waited for them any more."""
        self._clock = clock
        self._chance = random.Random(0)
        self._under_way = 0
        self._held: set[asyncio.Task[None]] = set()
        self._let_go = asyncio.Event()
        self._first_of_two: tuple[GatewayAnswer, asyncio.Future[GatewayAnswer]] | None = None

    def change(self, weather: Weather) -> None:
        self.weather = weather
        self._chance = random.Random(weather.seed)

    async def exchange(self, head: bytes, body: bytes, forward: Forward) -> GatewayAnswer:
        client = self.clients[_client_of(head)]
        if client.killed.is_set():
            return DROP
        client.requests += 1
        if client.requests == client.kill_at:
            client.kill()
            if not client.reaches:
                return DROP
        self._under_way += 1
        try:
            what = self._what_happens(client, head)
            return await (forward() if what is None else self._gone_wrong(what, head, body, forward))
        finally:
            self._under_way -= 1

    def _what_happens(self, client: Client, head: bytes) -> str | None:
        kind = "money" if _is_post(head) and not _is_create(head) else "other"
        client.of_kind[kind] += 1
        for fault in self.weather.money if kind == "money" else self.weather.other:
            if fault.hits(client.of_kind[kind], self._chance.random()):
                self.injected[f"{kind}: {fault.what}"] += 1
                return fault.what
        return None

    async def _gone_wrong(self, what: str, head: bytes, body: bytes, forward: Forward) -> GatewayAnswer:
        name, _, how = what.partition(" ")
        match name:
            case "held,":
                self._later(head, body)
                return await self._instead(how)
            case "page":
                code, _, when = how.partition(" ")
                if when == "after":
                    await forward()
                return _page(int(code))
            case "body":
                return _with_body(await forward(), how)
        match what:
            case "request lost":
                return DROP
            case "answer lost":
                await forward()
                return DROP
            case "answer cut":
                answer = await forward()
                return GatewayAnswer(answer.status, answer.headers, answer.body[: len(answer.body) // 2], cut=True)
            case "answers swapped":
                return await self._swapped(await forward())
            case "delayed":
                await asyncio.sleep(self._chance.choice((0.01, 0.1, 0.7)))
                return await forward()
            case "sent twice":
                answer = await forward()
                self._later(head, body)
                return answer
            case "sent twice, second":
                await forward()
                self.late_creates += _is_create(head)
                return await self.deliver(head, body)
        raise AssertionError(what)

    async def _instead(self, how: str) -> GatewayAnswer:
        if how == "none":
            await asyncio.sleep(0.7)
        return _page(504) if how == "page" else DROP

    async def _swapped(self, answer: GatewayAnswer) -> GatewayAnswer:
        """The answer of the next request that this happens to; its own when there is none for a moment."""
        if self._first_of_two is not None:
            (other, waiting), self._first_of_two = self._first_of_two, None
            waiting.set_result(answer)
            return other
        mine: asyncio.Future[GatewayAnswer] = asyncio.get_running_loop().create_future()
        self._first_of_two = answer, mine
        done, _ = await asyncio.wait({mine}, timeout=0.1)
        if done:
            return mine.result()
        self._first_of_two = None
        return answer

    # ---- what arrives later

    def _later(self, head: bytes, body: bytes) -> None:
        for_s = self._chance.random() * HELD_S
        task = asyncio.create_task(self._deliver_later(head, body, for_s))
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _deliver_later(self, head: bytes, body: bytes, for_s: float) -> None:
        since_s = self._clock.monotonic()
        sleep = asyncio.ensure_future(self._clock.sleep(for_s))
        go = asyncio.ensure_future(self._let_go.wait())
        await asyncio.wait({sleep, go}, return_when=asyncio.FIRST_COMPLETED)
        for each in (sleep, go):
            each.cancel()
        await asyncio.gather(sleep, go, return_exceptions=True)
        if self._clock.monotonic() - since_s > HELD_S_MAX:
            self.lost_late += 1
            return
        self.late_creates += _is_create(head)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the server may cut it off, as any other
            await self.deliver(head, body)

    async def settled(self) -> None:
        """Wait for what is on its way and not held."""
        for _ in range(1000):
            if not self._under_way:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("a request is on its way for seconds")

    async def let_go(self) -> None:
        """Deliver everything that is held."""
        self._let_go.set()
        while self._held:
            await asyncio.gather(*self._held)
        self._let_go.clear()
        await self.settled()


def _client_of(head: bytes) -> int:
    name = f"\r\n{CLIENT}: ".encode()
    return int(head.split(name)[1].split(b"\r\n")[0])


def _is_post(head: bytes) -> bool:
    return head.startswith(b"POST ")


def _is_create(head: bytes) -> bool:
    """Of an entity."""
    return _is_post(head) and b"/transactions/" not in head.split(b"\r\n")[0]


def _page(code: int) -> GatewayAnswer:
    return GatewayAnswer(code, [("Content-Type", "text/html")], b"<html><h1>%d</h1></html>" % code)


def _with_body(answer: GatewayAnswer, how: Any) -> GatewayAnswer:
    return GatewayAnswer(answer.status, answer.headers, altered(Reply(answer.status, [], answer.body), how).body)


@dataclass(frozen=True)
class Ended:
    """How a session ended: its exit code, None when it was killed."""

    code: int | None
    told: str = "killed"


def two_worlds(sandboxed: SandboxState) -> Iterator[str]:
    """Organizations, ledgers and portfolios that share a mark and each hold money, and money in what was removed."""
    places: dict[str, set[str]] = defaultdict(set)
    for book in sandboxed.ledger_states.values():
        if not book.seqs:
            continue
        organization = sandboxed.organizations.live.get(book.org_id)
        ledger = sandboxed.ledger_doc(book.org_id, book.ledger_id)
        if organization is None or ledger is None:
            yield f"money in ledger {book.ledger_id}, which was removed"
            continue
        places[_mark(organization)].add(book.org_id)
        places[_mark(ledger)].add(book.ledger_id)
        _add_portfolios(book, places)
    yield from (f"{len(ids)} of {mark} hold money" for mark, ids in places.items() if len(ids) > 1)


def _add_portfolios(book: LedgerState, places: dict[str, set[str]]) -> None:
    portfolios = book.collection("portfolios").live
    for account in book.collection("accounts"):
        portfolio = portfolios.get(str(account.get("portfolioId")))
        if portfolio is not None and account["id"] in book.touched:
            places[_mark(portfolio)].add(portfolio["id"])


def _mark(doc: dict[str, Any]) -> str:
    return str((doc.get("metadata") or {}).get(KEY_MARK))


SEEN: Counter[str] = Counter()
"""What all machines of this process have done."""


def weather_of(number: int) -> Weather:
    """Weather drawn from a number; 0 is calm."""
    if not number:
        return CALM
    chance = random.Random(number)

    def faults(least: int, most: int) -> tuple[Fault, ...]:
        return tuple(_fault(chance) for _ in range(chance.randint(least, most)))

    return Weather(faults(1, 3), faults(0, 2), number)


def _fault(chance: random.Random) -> Fault:
    what = chance.choice(FAULTS)
    if chance.random() < 0.6:
        return Fault(what, 1, FOR_EVER, chance.choice((0.03, 0.1, 0.3)))
    return Fault(what, chance.randint(1, 60), chance.randint(1, 8), 1.0)


@dataclass(frozen=True)
class Before:
    """What happens before a session, and the weather that it meets."""

    weather: Weather
    wait_s: float
    journal: str
    """It is kept, lost, or restored from a copy."""
    which: int
    """The copy: there is one of each step's beginning."""


def before_of(number: int) -> Before:
    """Drawn from a number; 0 is nothing."""
    chance = random.Random(number)
    wait_s = chance.choice((0.0, 0.0, 8.0, TTL_S - MARGIN_S + 1.0, TTL_S + 1.0, TTL_S + 1.0, HOUR_S)) if number else 0.0
    journal = chance.choice(("kept", "kept", "kept", "restored", "lost")) if number else "kept"
    return Before(weather_of(number), wait_s, journal, chance.randrange(6))


@dataclass(frozen=True)
class Shape:
    """A plan, how many requests its sessions have in flight, and what the server does by itself."""

    assets: int
    parts: int
    """Portfolios, and segments."""
    accounts: int
    transactions: int
    pack: int = 1
    in_flight: int = 4
    faults: tuple[str, ...] = ()


def shape_of(number: int) -> Shape:
    """Drawn from a number. Few accounts and many in flight leave the balances the most explanations."""
    chance = random.Random(number)
    assets = chance.choice((1, 1, 2))
    faults = chance.sample(sorted(SANDBOX_FAULTS), chance.randint(0, 2))
    return Shape(
        assets,
        chance.randint(0, 2),
        max(chance.choice((2, 2, 3, 4, 6)), 2 * assets),
        chance.randint(6, 40),
        chance.choice((1, 1, 3)),
        chance.choice((1, 4, 16)),
        tuple(faults),
    )


# hypothesis prefers small and equal values: what has to vary is drawn from a number, which is what it varies
NUMBERS = st.integers(0, 2**32)
BEFORE, SHAPES = NUMBERS.map(before_of), NUMBERS.map(shape_of)
BESIDE = ("nothing", "the same journal", "its own", "an older copy")


class ExactlyOnceMachine(RuleBasedStateMachine):
    """One server, one plan, and everything that may happen to its sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="midaz-seed-machine-"))
        self.runs = self.folder / "runs"
        self.elsewhere = self.folder / "elsewhere"
        self.sessions = 0
        self.steps = 0
        self.cut_short = 0
        """In so many steps sessions are killed, or have another one beside them, before one may come to its end."""
        self.trace: list[str] = []
        self.well = False
        self.done = False
        """Nothing more can happen before the journal changes."""
        SEEN["examples"] += 1

    def _do(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(what)

    # ---- the world

    @initialize(shape=SHAPES, cut_short=st.integers(0, 3), fault_seed=st.integers(0, 1000))
    def begin(self, shape: Shape, cut_short: int, fault_seed: int) -> None:
        self.volume = {
            "organizations": 1,
            "ledgersPerOrganization": 1,
            "assetsPerLedger": shape.assets,
            "portfoliosPerLedger": shape.parts,
            "segmentsPerLedger": shape.parts,
            "accountsPerLedger": shape.accounts,
            "transactionsPerAccount": shape.transactions,
        }
        flags = {
            "--organizations": 1,
            "--ledgers": 1,
            "--assets": shape.assets,
            "--portfolios": shape.parts,
            "--segments": shape.parts,
            "--accounts": shape.accounts,
            "--transactions": shape.transactions,
            "--transactions-per-batch": shape.pack,
        }
        self.planned: Planned = planned_by(tuple(str(part) for pair in flags.items() for part in pair))
        self.shape, self.cut_short = shape, cut_short
        self._say(f"{shape}, seed of the server's faults {fault_seed}")
        self._do(self._open({"seed": fault_seed, "rules": [SANDBOX_FAULTS[name] for name in shape.faults]}))
        self.well = True

    async def _open(self, faults: dict[str, Any]) -> None:
        self.clock = ShiftedClock(AcceleratedClock(SystemClock(), TIMES_FASTER))
        self.server: SandboxServer = await self.stack.enter_async_context(sandbox(faults, clock=self.clock))
        self.network = Network(self.server.url, self.clock)
        self.url = await self.stack.enter_async_context(running_gateway(self.network))

    def _settings(self, client: Client, runs: Path) -> Settings:
        return settings_for(
            self.url,
            volume=self.volume,
            target={"headers": [f"{CLIENT}: {client.number}"], "requestTimeoutS": 0.5, "connectTimeoutS": 1},
            generation={
                "retries": {"max": 3, "initialDelay": 10, "maxDelay": 100},
                "limits": {"maxConcurrency": self.shape.in_flight},
                "batches": {"transactionsPerBatch": self.shape.pack},
            },
            breaker={"failures": 4, "openS": 0.3, "giveUpS": 15},
            settlement={"deadlineS": 8, "initialDelayS": 0.05, "maxDelayS": 0.5},
            idempotency={"ttlS": TTL_S, "marginS": MARGIN_S},
            runs=runs,
        )

    def _say(self, what: str) -> None:
        self.trace.append(what)

    # ---- sessions

    async def _session(
        self, runs: Path, *, kill_at: int | None = None, reaches: bool = False, within_s: float
    ) -> Ended:
        """A session to its end, to its kill, or to the end of its time, which is a kill too."""
        self.sessions += 1
        client = Client(self.sessions, kill_at, reaches)
        kept = self.folder / f"kept-{client.number}"
        client.keep = lambda: _copy(runs, kept)
        self.network.clients[client.number] = client
        SEEN["sessions"] += 1
        run = asyncio.create_task(self._reported(self._settings(client, runs)))
        end = asyncio.create_task(client.killed.wait())
        await asyncio.wait({run, end}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if run.done() and not client.killed.is_set():
            ended = run.result()
        else:
            SEEN["kills" if client.killed.is_set() else "out of time"] += 1
            client.kill()
            run.cancel()
            ended = Ended(None)
        client.killed.set()
        await asyncio.gather(run, end, return_exceptions=True)
        if ended.code is None:
            _remove(runs)
            _copy(kept, runs)
        _touch(runs, self.clock.time())
        self._say(f"  session {client.number}: {ended.code} after {client.requests} requests: {ended.told}")
        SEEN[f"exit {ended.code}"] += 1
        return ended

    async def _reported(self, chosen: Settings) -> Ended:
        try:
            report = await seed_async(chosen, overrides={Clock: self.clock})
        except SeedError as error:
            return Ended(ExitCode(error.exit_code), f"{type(error).__name__}: {error}")
        runs = list(chosen.journal.directory.iterdir())
        told = orjson.loads((runs[0] / REPORT).read_bytes())
        assert told["exit_code"] == ExitCode(report.exit_code), told
        assert report.verdict
        assert all(row.planned == row.created + row.existing + row.failed + row.skipped for row in report.phases)
        differs = "; ".join(map(str, report.proof.differences[:3])) if report.proof else ""
        return Ended(report.exit_code, f"{report.verdict} {report.next_step} {differs}")

    async def _after(self, *ended: Ended) -> None:
        """Hold the server's records against the plan."""
        await self.network.settled()
        found = audit(self.server.state, self.planned)
        wrong = [*(f"{mark} doubled" for mark in found.doubled), *two_worlds(self.server.state)]
        self.done = self.done or any(each.code == ExitCode.DONE for each in ended)
        if any(each.code == ExitCode.DONE for each in ended):
            strange = [what for what in found.strange if not self._is_late_twin(what)]
            wrong += [f"{what} after Done" for what in (*found.missing, *strange)]
        self._hold(wrong)

    def _is_late_twin(self, what: str) -> bool:
        """An entity that the network has made once more, after the client had looked for it: nobody can prevent that,
        and the next session takes it away. That it is empty is held elsewhere (`two_worlds`)."""
        return self.network.late_creates > 0 and what.endswith(" times")

    def _hold(self, wrong: list[str]) -> None:
        if wrong:
            self.well = False
            raise AssertionError("\n".join([*wrong[:8], *self.trace]))

    # ---- rules; which of them applies must not depend on how a session ended, or hypothesis could draw nothing twice

    @precondition(lambda self: self.steps >= self.cut_short)
    @rule(before=BEFORE)
    def run(self, before: Before) -> None:
        self._do(self._run(before, "run", None, reaches=False))

    @rule(before=BEFORE, at=st.integers(1, 1000), reaches=st.booleans())
    def run_and_be_killed(self, before: Before, at: int, reaches: bool) -> None:
        at = 1 + at % (self.planned.plan.posts + 12)
        arrives = "reaches" if reaches else "does not reach"
        self._do(self._run(before, f"run, killed at request {at}, which {arrives} the server", at, reaches=reaches))

    async def _run(self, before: Before, what: str, kill_at: int | None, *, reaches: bool) -> None:
        await self._begin(before, what)
        await self._after(await self._session(self.runs, kill_at=kill_at, reaches=reaches, within_s=ALONE_S))

    @rule(before=BEFORE, beside=st.sampled_from(BESIDE), kill_at=st.none() | st.integers(1, 200))
    def run_two_at_once(self, before: Before, beside: str, kill_at: int | None) -> None:
        self._do(self._run_two(before, beside, kill_at))

    async def _run_two(self, before: Before, beside: str, kill_at: int | None) -> None:
        await self._begin(before, f"run two, the second with {beside}, the first killed at {kill_at}")
        SEEN["pairs"] += 1
        if beside != "its own":
            _remove(self.elsewhere)
        if beside == "the same journal":
            _copy(self.runs, self.elsewhere)
        if beside == "an older copy":
            _copy(self._saved(before.which), self.elsewhere)
        first = self._session(self.runs, kill_at=kill_at, reaches=True, within_s=PAIR_S)
        await self._after(*await asyncio.gather(first, self._session(self.elsewhere, within_s=PAIR_S)))

    async def _begin(self, before: Before, what: str) -> None:
        """What comes before every session: a copy of the journal, perhaps another one in its place, and time."""
        _copy(self.runs, self._saved(self.steps))
        journal = "restored" if self.done and before.journal == "kept" else before.journal
        if journal != "kept":
            SEEN[f"journal {journal}"] += 1
            _remove(self.runs)
            self.done = False
        which = before.which % (self.steps + 1)
        if journal == "restored":
            _copy(self._saved(which), self.runs)
        self.steps += 1
        self._say(f"{self.steps}. journal {journal} ({which}), {before.wait_s:g} s pass, {what}, in {before.weather}")
        await self._pass(before.wait_s)
        self.network.change(before.weather)

    def _saved(self, which: int) -> Path:
        """The copy that was made before a step, counted from 0 and round again."""
        return self.folder / f"saved-{which % (self.steps + 1)}"

    async def _pass(self, delta_s: float) -> None:
        if delta_s > HELD_S:
            await self.network.let_go()
        self.clock.advance(delta_s)
        await asyncio.sleep(0.01)
        await self._after()

    @invariant()
    def nothing_is_there_twice(self) -> None:
        if self.well:
            self._do(self._after())

    # ---- the end

    def teardown(self) -> None:
        try:
            if self.well:
                self._do(self._come_to_done())
        finally:
            if hasattr(self, "network"):
                SEEN.update({f"fault {name}": count for name, count in self.network.injected.items()})
                SEEN.update({f"sandbox {name}": count for name, count in self.server.faults.injected.items()})
                SEEN["held too long, lost"] += self.network.lost_late
            self._do(self.stack.aclose())
            self._do(self.loop.shutdown_default_executor())
            self.loop.close()
            _remove(self.folder)

    async def _come_to_done(self) -> None:
        self.network.change(CALM)
        await self.network.let_go()
        self.server.faults.plan = FaultPlan()
        await self._pass(HOUR_S + TTL_S)
        self._say("the faults stop")
        for number in range(1, SESSIONS_TO_DONE + 1):
            ended = await self._session(self.runs, within_s=2 * ALONE_S)
            await self._after(ended)
            if ended.code == ExitCode.DONE:
                SEEN[f"done after {number}"] += 1
                return
        found = audit(self.server.state, self.planned)
        self._hold([f"not done after {SESSIONS_TO_DONE} calm sessions: {found}"])


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target)


def _touch(runs: Path, now_s: float) -> None:
    """A client asks when its journal was written last."""
    for file in runs.glob("*/journal*"):
        os.utime(file, (now_s, now_s))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


CHOSEN = settings(deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck), database=None)
ExactlyOnceMachine.TestCase.settings = settings(
    CHOSEN, max_examples=3, stateful_step_count=5, derandomize=True, phases=[Phase.generate]
)


class TestExactlyOnceMachine(ExactlyOnceMachine.TestCase):
    """Runs the machine."""


def batch(number: int, *, examples: int, steps: int) -> str:
    """Examples of one seed; what broke, or ""."""
    machine = seed(number)(type("Machine", (ExactlyOnceMachine,), {}))
    chosen = settings(CHOSEN, max_examples=examples, stateful_step_count=steps, phases=[Phase.generate])
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except Exception:  # noqa: BLE001 - whatever it is, it is told and the next batch begins
        return traceback.format_exc()
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="of the first batch")
    parser.add_argument("--examples", type=int, default=10, help="of each batch")
    parser.add_argument("--steps", type=int, default=8, help="of each example, at most")
    given = parser.parse_args()
    until_s, broken = time.monotonic() + 60 * given.minutes, 0
    first = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    for number in itertools.count(first):
        told = batch(number, examples=given.examples, steps=given.steps)
        broken += bool(told)
        print(f"seed {number}: {told or 'well'}; {SEEN['examples']} examples, {SEEN['sessions']} sessions", flush=True)
        if time.monotonic() > until_s:
            break
    print("\n".join(f"{count:8,} {name}" for name, count in sorted(SEEN.items())))
    print(f"{broken} broken")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
