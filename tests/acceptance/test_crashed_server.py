"""The crash that was measured on a real v3.8, and similar ones.

The server is killed with 16 transactions in flight: 5 not begun, 3 with their key claimed, 8 applied. Started again, it
answers 0084 for 11 keys until they expire, and lists the 8 an hour later."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from midaz_seed.clock import Clock, FakeClock
from midaz_seed.midaz.api import transaction_request
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.sandbox import SandboxConfig, SandboxServer, Stages, running
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Response, Transport, TransportError
from midaz_seed.transport.httptools_transport import HttptoolsTransport
from tests.support.clocks import wait_for_sleepers
from tests.support.ledger_client import ledger_client
from tests.support.sandbox import read_balances
from tests.support.settings import settings_for
from tests.support.transports import http_transport
from tools.chaos.processes import command_process, sandbox_process

IN_FLIGHT, APPLIED, CLAIMED = 16, 8, 3
RECEIVED_S, CLAIMED_S, APPLIED_S = 1 / 64, 1 / 128, 1 / 32
"""Exact in binary, so that steps of a clock add up to them."""
STAGES = Stages(received_ms=RECEIVED_S * 1000, claimed_ms=CLAIMED_S * 1000, applied_ms=APPLIED_S * 1000, spread=0)
STEP_S = 0.02
SMALL = {"accountsPerLedger": 24, "transactionsPerAccount": 13}
PACE = {"generation": {"limits": {"maxConcurrency": IN_FLIGHT}}}


class CrashingTransport:
    """A transport that kills the server when 16 transactions of one kind are in flight, at three stages of them."""

    def __init__(
        self, transport: Transport, clock: FakeClock, crash: Callable[[], Awaitable[None]], *, kind: str, after: int
    ) -> None:
        """`after`: how many transactions of this kind go through first."""
        self._transport = transport
        self._clock = clock
        self._crash = crash
        self._kind = kind
        self._before = after
        self._gates: list[anyio.Event] = []
        self._all_here = anyio.Event()
        self.time_passes = True
        self.crashed = False

    async def send(self, request: Request) -> Response:
        if request.path.endswith(self._kind) and not self.crashed:
            self._before -= 1
            if self._before < 0:
                self._gates.append(gate := anyio.Event())
                if len(self._gates) == IN_FLIGHT:
                    self._all_here.set()
                await gate.wait()
        return await self._transport.send(request)

    async def die(self) -> None:
        """Wait for all 16, let them continue in three groups so that each reaches its stage, and kill the server."""
        await self._all_here.wait()
        self.time_passes = False
        clock, waiting = self._clock, self._clock.sleepers
        self._let_go(0, APPLIED)
        await wait_for_sleepers(clock, waiting + APPLIED)
        await clock.advance(CLAIMED_S)
        self._let_go(APPLIED, APPLIED + CLAIMED)
        for _ in range(2):  # the first are claimed now; then applied, when the second are claimed
            await wait_for_sleepers(clock, waiting + APPLIED + CLAIMED)
            await clock.advance(RECEIVED_S - CLAIMED_S)
        self._let_go(APPLIED + CLAIMED, IN_FLIGHT)
        await wait_for_sleepers(clock, waiting + IN_FLIGHT)
        self.crashed = True
        await self._crash()
        self.time_passes = True

    def _let_go(self, start: int, stop: int) -> None:
        for gate in self._gates[start:stop]:
            gate.set()

    async def aclose(self) -> None:
        await self._transport.aclose()


class Servers:
    """A sandbox, and after a crash another one with the same port and file."""

    def __init__(self, data: Path, clock: FakeClock) -> None:
        self.clock = clock
        self._config = SandboxConfig(data=data, clock=clock, stages=STAGES)
        self._stack = AsyncExitStack()
        self.now: SandboxServer

    async def __aenter__(self) -> "Servers":
        self.now = await self._stack.enter_async_context(running(self._config))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def crash(self) -> None:
        """Kill it, and start another one on its port and file."""
        await self.now.kill()
        self.now = await self._stack.enter_async_context(
            running(replace(self._config, port=self.now.port, stages=None))
        )
        assert len(self.now.state.hidden) == APPLIED


@asynccontextmanager
async def crashing(data: Path, *, kind: str, after: int) -> AsyncIterator[tuple[Servers, CrashingTransport]]:
    """Run the servers with a clock that moves as fast as it can; yield them and a transport to them."""
    clock = FakeClock()
    async with Servers(data, clock) as servers, anyio.create_task_group() as group:
        url = servers.now.url
        inner = http_transport(url, request_timeout_s=30)
        transport = CrashingTransport(inner, clock, servers.crash, kind=kind, after=after)

        async def time() -> None:
            while True:
                await asyncio.sleep(0)
                if transport.time_passes:
                    await clock.advance(5 * STEP_S if transport.crashed else STEP_S)

        group.start_soon(time)
        group.start_soon(transport.die)
        yield servers, transport
        await transport.aclose()
        group.cancel_scope.cancel()


async def _doubled_by_the_old_policy(data: Path) -> int:
    """Return by how much too much is moved by a client that sends the same key again until the answer is not 0084."""
    count = 60
    async with (
        crashing(data, kind="inflow", after=30) as (servers, transport),
        ledger_client(servers.now.url) as client,
    ):
        leg = b'{"accountAlias":"a","amount":{"asset":"BRL","value":"1"}}'
        body = b'{"send":{"asset":"BRL","value":"1","distribute":{"to":[' + leg + b"]}}}"
        numbers = iter(range(count))
        in_flight_answers = 0

        async def work() -> None:
            nonlocal in_flight_answers
            for number in numbers:
                request = transaction_request(f"{client.ledger}/transactions/inflow", body, f"key-{number}", "300")
                while True:
                    try:
                        answer = await transport.send(request)
                    except TransportError:
                        continue
                    if answer.status == 201:
                        break
                    assert b"0084" in answer.body
                    in_flight_answers += 1
                    await servers.clock.sleep(5)

        async with anyio.create_task_group() as workers:
            for _ in range(IN_FLIGHT):
                workers.start_soon(work)
        assert in_flight_answers > 11 * 40
        return await client.available() - count


async def test_the_measured_crash_doubles_eight_movements_for_the_old_policy_and_none_for_ours(tmp_path: Path) -> None:
    assert await _doubled_by_the_old_policy(tmp_path / "old.sqlite") == APPLIED

    async with crashing(tmp_path / "ours.sqlite", kind="/json", after=100) as (servers, transport):
        settings = settings_for(
            servers.now.url,
            volume=SMALL,
            **PACE,
            idempotency={"ttlS": 300, "marginS": 30},
            settlement={"deadlineS": 400, "maxDelayS": 2},
            breaker={"openS": 1, "giveUpS": 3000},
        )
        report = await seed_async(settings, overrides={Clock: servers.clock, Transport: transport})
        assert report.exit_code == 0, report.verdict
        assert transport.crashed
        assert report.elapsed_s > 270 - 1
        assert report.failed_items_total == 0
        assert report.proof is not None
        assert report.proof.ok
        assert sum(phase.recovered for phase in report.phases) == report.proof.transactions_unlisted == APPLIED
        (found,) = (await read_balances(servers.now.url)).values()
        assert not _differences(found, settings)
        # an hour later the server lists them, and a verification without the journal finds everything as planned
        await servers.clock.advance(3700)
        assert (await verify_async(settings)).exit_code == 0


def _differences(found: dict[str, str], settings: Settings) -> list[tuple[str, str, str | None]]:
    """Return (alias, planned, on the server) of every account whose balance is not the planned one."""
    (ledger,) = build_plan(settings).ledgers
    planned = {row.alias: format(row.available.normalize(), "f") for row in ledger.expected_balances()}
    return [
        (alias, value, found.get(alias))
        for alias, value in planned.items()
        if not alias.startswith("@external/") and found.get(alias) != value
    ]


class KillingTransport:
    """A transport that kills the server process at chosen requests, each counted from the last start, and starts it
    again."""

    def __init__(self, stack: AsyncExitStack, data: str, kills: list[int]) -> None:
        self._stack = stack
        self._data = data
        self._requests = 0
        self._process: asyncio.subprocess.Process
        self._transport: HttptoolsTransport
        self.url = ""
        self.kills = kills

    async def start(self) -> None:
        port = int(self.url.rpartition(":")[2] or 0)
        url, self._process = await self._stack.enter_async_context(
            sandbox_process("--data", self._data, "--crash-like-midaz", port=port)
        )
        if not self.url:
            self._transport = http_transport(url, request_timeout_s=30)
        self.url = url

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    async def send(self, request: Request) -> Response:
        self._requests += 1
        if self.kills and self._requests == self.kills[0]:
            await self.kill()
            await self.start()
            self.kills.pop(0)
            self._requests = 0
        return await self._transport.send(request)

    async def posts(self) -> int:
        """Count the transactions that the present process was asked for."""
        answer = await self._transport.send(Request("GET", "/sandbox/stats"))
        return int(json.loads(answer.body)["requests"].get("POST transactions", 0))

    async def aclose(self) -> None:
        await self._transport.aclose()


async def test_a_server_process_killed_twice_leaves_every_balance_as_planned(tmp_path: Path) -> None:
    rng = random.Random(1)
    async with AsyncExitStack() as stack:
        transport = KillingTransport(stack, str(tmp_path / "ledger.sqlite"), [rng.randrange(60, 180) for _ in range(2)])
        await transport.start()
        settings = settings_for(transport.url, volume=SMALL, **PACE, idempotency={"ttlS": 10, "marginS": 9})
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
        assert not transport.kills
        assert report.exit_code == 0, report.verdict
        (found,) = (await read_balances(transport.url)).values()
        assert not _differences(found, settings)


UNDECIDED = "Not decided: it is unknown whether"
"""Verdict where the balances fit more than one answer: rounded amounts make that possible, and nothing is guessed."""


@pytest.mark.timeout(240)
async def test_client_and_server_killed_together_resume_from_the_journal_as_planned(tmp_path: Path) -> None:
    """Only the journal and the balances show what was applied: the server lists it half an hour later."""
    for attempt in range(5):  # what was in flight at a kill is not the same twice
        if await _killed_together(tmp_path / str(attempt)):
            return
    pytest.fail("the balances decided none of five runs")


async def _killed_together(folder: Path) -> bool:
    """Kill client and server together twice, and resume. Return False when the balances leave something undecided."""
    await anyio.Path(folder).mkdir()
    changes = {
        "volume.accountsPerLedger": 24,
        "volume.transactionsPerAccount": 26,
        "idempotency.ttlS": 10,
        "idempotency.marginS": 9,
        "settlement.maxDelayS": 0.2,
        "settlement.deadlineS": 5,
        "journal.directory": folder / "runs",
    }
    flags = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    async with AsyncExitStack() as stack:
        transport = KillingTransport(stack, str(folder / "ledger.sqlite"), [])
        await transport.start()
        arguments = ["run", "--preset", "tiny", "-u", transport.url, "--json", "-q", *flags]
        for posts in (100, 250):
            async with command_process(*arguments) as client:
                while client.returncode is None and await transport.posts() < posts:
                    await asyncio.sleep(0.005)
                if client.returncode == 4:  # undecided after the first kill already
                    await transport.aclose()
                    return False
                assert client.returncode is None
                await transport.kill()
                client.kill()
                await client.wait()
            await transport.start()
        async with command_process(*arguments) as client:
            out, _ = await asyncio.wait_for(client.communicate(), 60)
        report = json.loads(out)
        if client.returncode == 4:
            assert report["verdict"].startswith(UNDECIDED), report["verdict"]
            await transport.aclose()
            return False
        assert client.returncode == 0, report["verdict"]
        assert report["proof"]["transactions_unlisted"] > 0
        settings = settings_for(transport.url, volume={"accountsPerLedger": 24, "transactionsPerAccount": 26})
        (found,) = (await read_balances(transport.url)).values()
        await transport.aclose()
        assert not _differences(found, settings)
        return True
