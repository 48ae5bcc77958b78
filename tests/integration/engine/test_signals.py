"""Signals: whatever a call waits for, it ends within its grace time, with a complete report, and can be resumed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import Signals
from typing import Any

import anyio
import pytest

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import ExitCode, SignalledError, UnreachableError
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import BreakerChanged, Draining, Event, PhaseStarted, RateLimited
from midaz_seed.reporting.report import Report
from midaz_seed.runner import Watch, examine_async, seed_async, teardown_async, verify_async
from midaz_seed.runs.directory import RunStatus, find_run
from midaz_seed.settings.model import Settings
from tests.support.gateway import GatewayAnswer, gateway
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for

pytestmark = pytest.mark.slow

AT_ONCE_S = 8.0
"""Far less than what any of these calls waits for, and enough for a busy machine."""
HANGING = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 60_000}}]}
DOWN = {"rules": [{"from_request": 30, "reset": {}}]}


def _signal_at(wanted: Callable[[Event], bool], *numbers: Signals) -> Callable[[Event], None]:
    """Return an `emit` that sends this process a signal at the first event that is wanted, and the next one when the
    run drains."""
    left = list(numbers)

    def emit(event: Event) -> None:
        if left and (wanted(event) if len(left) == len(numbers) else isinstance(event, Draining)):
            os.kill(os.getpid(), left.pop(0))

    return emit


def _breaker_opens(event: Event) -> bool:
    return isinstance(event, BreakerChanged) and event.state == "open"


def _phase_begins(phase: Phase) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, PhaseStarted) and event.phase is phase


async def _stopped(settings: Settings, emit: Callable[[Event], None]) -> Report:
    with anyio.fail_after(AT_ONCE_S):
        return await seed_async(settings, emit=emit, handle_signals=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_a_run_whose_breaker_is_open(number: Signals, tmp_path: Path) -> None:
    """T1, T6: requests that are parked are not in flight, so nothing is waited for."""
    journal, breaker = {"directory": str(tmp_path)}, {"openS": 60, "giveUpS": 600}
    data = tmp_path / "ledger.sqlite"
    async with sandbox(DOWN, data=data) as server:
        settings = settings_for(server.url, journal=journal, breaker=breaker)
        stopped = await _stopped(settings, _signal_at(_breaker_opens, number))
        assert stopped.exit_code == (ExitCode.INTERRUPTED if number is signal.SIGINT else ExitCode.TERMINATED)
        assert f"Interrupted by {number.name}" in stopped.verdict
        assert find_run(tmp_path, stopped.run_id).read_record().status is RunStatus.UNFINISHED
    async with sandbox(data=data) as server:
        report = await seed_async(settings_for(server.url, journal=journal))
        assert report.exit_code == 0, report.verdict


Condition = Callable[[RunContext], bool]


def _requests(phase: Phase, number: int = 1) -> Condition:
    return lambda context: context.meter.phases[phase].requests >= number


def _signal_when(condition: Condition) -> Watch:
    """Return a `watch` that sends this process a SIGTERM as soon as a condition holds."""

    async def watch(context: RunContext) -> None:
        while not condition(context):
            await anyio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    return watch


WAITS: dict[str, tuple[dict[str, Any], dict[str, Any], Condition]] = {
    "for the time of a Retry-After": (
        {"on": "transactions", "methods": ["POST"], "status": {"code": 429, "retry_after_s": 60}},
        {},
        lambda context: context.meter.overloaded > 0,
    ),
    "for a slot of a low rate": (
        {"on": "transactions", "every": 1000, "status": {"code": 500}},
        {"limits": {"requestsPerSecond": 0.1, "maxConcurrency": 1}},
        _requests(Phase.ORGANIZATIONS, 2),
    ),
    "for deposits to be visible": (
        {"on": "balances", "stale_balances": {"ms": 600_000}},
        {"settlement": {"deadlineS": 300, "initialDelayS": 60, "maxDelayS": 60}},
        _requests(Phase.SETTLEMENT),
    ),
    "for the answer to a read": (
        {"on": "balances", "methods": ["GET"], "latency": {"ms": 60_000}},
        {"target": {"requestTimeoutS": 300}},
        _requests(Phase.SETTLEMENT),
    ),
    "for a key that is in flight": (
        {"on": "transactions", "methods": ["POST"], "stuck": {}},
        {"target": {"requestTimeoutS": 0.2}},
        lambda context: any(group.code == "0084" for group in context.tracker.groups()),
    ),
    "for an entity to be listed": (
        {"on": "portfolios", "methods": ["POST"], "status": {"code": 502, "when": "after"}},
        {"settlement": {"deadlineS": 300, "maxDelayS": 60}},
        _requests(Phase.PORTFOLIOS, 3),
    ),
}


@pytest.mark.parametrize("what", WAITS)
async def test_a_signal_ends_a_run_that_waits(what: str) -> None:
    """T1: every wait ends, not only that of the breaker."""
    rule, changes, condition = WAITS[what]
    async with sandbox({"rules": [rule]}) as server:
        with anyio.fail_after(AT_ONCE_S):
            report = await seed_async(
                settings_for(server.url, **changes), watch=_signal_when(condition), handle_signals=True
            )
    assert report.exit_code == ExitCode.TERMINATED, report.verdict


@pytest.mark.parametrize("shards", [1, 2])
async def test_what_has_no_answer_within_the_grace_is_abandoned_counted_and_decided_later(
    shards: int, tmp_path: Path
) -> None:
    """T2: requests hang."""
    journal, data = {"directory": str(tmp_path)}, tmp_path / "ledger.sqlite"
    volume = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 4}
    sections = {"volume": volume, "journal": journal}

    async with sandbox(HANGING, data=data) as server:
        limits = {"graceS": 4.0 if shards > 1 else 1.0, "shards": shards, "maxConcurrency": 8}
        settings = settings_for(server.url, limits=limits, target={"requestTimeoutS": 300}, **sections)
        with anyio.fail_after(AT_ONCE_S + 10):
            stopped = await seed_async(settings, watch=_signal_when(_requests(Phase.DEPOSITS, 8)), handle_signals=True)
    assert stopped.exit_code == ExitCode.TERMINATED
    assert sum(phase.abandoned for phase in stopped.phases) == 8
    assert "8 transactions were in flight: the next session decides them" in stopped.verdict
    async with sandbox(data=data) as server:
        report = await seed_async(settings_for(server.url, **sections))
        assert report.exit_code == 0, report.verdict


async def test_a_sandbox_that_ends_with_the_run_leaves_nothing_for_a_next_session_to_decide(tmp_path: Path) -> None:
    """T2, P13: what was in flight ended with the sandbox."""
    faults = tmp_path / "faults.yaml"
    faults.write_text(json.dumps(HANGING))
    settings = settings_for(
        "sandbox",
        sandbox={"faults": faults},
        limits={"graceS": 1.0, "maxConcurrency": 2},
        target={"requestTimeoutS": 300},
    )
    with anyio.fail_after(AT_ONCE_S + 10):
        stopped = await seed_async(settings, watch=_signal_when(_requests(Phase.DEPOSITS, 2)), handle_signals=True)
    assert stopped.verdict.endswith("2 transactions were in flight.")
    assert "the same command starts over" in stopped.next_step


async def test_a_stop_rule_too_cuts_off_what_hangs() -> None:
    """T2: a run that ends for another reason does not wait longer than the grace time either."""
    faults = {"rules": [{"on": "transactions", "methods": ["POST"], "to_request": 2, "latency": {"ms": 60_000}},
                        {"on": "transactions", "methods": ["POST"], "unauthorized": {}}]}  # fmt: skip
    async with sandbox(faults) as server:
        settings = settings_for(server.url, limits={"graceS": 1.0}, target={"requestTimeoutS": 300})
        with anyio.fail_after(AT_ONCE_S):
            report = await seed_async(settings)
    assert report.exit_code == ExitCode.TARGET, report.verdict
    assert sum(phase.abandoned for phase in report.phases) == 2


@asynccontextmanager
async def _hanging_server() -> AsyncIterator[str]:
    """A server that accepts connections and never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set()
        try:
            while await reader.read(4096):
                pass
        finally:
            writer.close()

    seen = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    async def send_signal() -> None:
        await seen.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    sending = asyncio.create_task(send_signal())
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        sending.cancel()
        server.close()


CALLS: dict[str, Callable[[Settings], Any]] = {
    "run": lambda settings: seed_async(settings, handle_signals=True),
    "verify": lambda settings: verify_async(settings, handle_signals=True),
    "teardown": lambda settings: teardown_async(settings, handle_signals=True),
    "doctor": lambda settings: examine_async(settings, handle_signals=True),
    "doctor --write": lambda settings: examine_async(settings, write=True, handle_signals=True),
}


@pytest.mark.parametrize("batches", [{}, {"transactionsPerBatch": "auto"}])
@pytest.mark.parametrize("command", CALLS)
async def test_a_signal_ends_every_command_that_waits_for_the_first_answer(
    command: str, batches: dict[str, Any]
) -> None:
    """T3: while connecting, nothing is in flight that would have to end."""
    async with _hanging_server() as url:
        settings = settings_for(url, target={"requestTimeoutS": 300}, generation={"batches": batches})
        with anyio.fail_after(AT_ONCE_S), pytest.raises(SignalledError) as caught:
            await CALLS[command](settings)
    assert caught.value.exit_code == ExitCode.TERMINATED


@pytest.mark.parametrize("ends", ["signal", "time limit"])
async def test_a_plan_that_takes_long_to_build_delays_neither_signals_nor_the_time_limit(ends: str) -> None:
    """T1, T5: the plan is built beside the event loop."""
    volume = {
        "organizations": 1,
        "ledgersPerOrganization": 1,
        "accountsPerLedger": 4_000,
        "transactionsPerAccount": 500,
    }
    limits = {"durationS": 0.5} if ends == "time limit" else {}
    async with sandbox() as server, anyio.create_task_group() as group:

        async def send_signal() -> None:
            await anyio.sleep(0.5)  # building it takes some seconds
            os.kill(os.getpid(), signal.SIGTERM)

        if ends == "signal":
            group.start_soon(send_signal)
        with anyio.fail_after(AT_ONCE_S), pytest.raises((SignalledError, UnreachableError)):
            await seed_async(settings_for(server.url, volume=volume, limits=limits), handle_signals=True)


async def test_a_second_signal_says_what_was_in_flight() -> None:
    """T4: what was dropped is not called finished."""
    async with sandbox(HANGING) as server:
        settings = settings_for(
            server.url, limits={"graceS": 600, "maxConcurrency": 4}, target={"requestTimeoutS": 300}
        )
        report = await _stopped(settings, _signal_at(_phase_begins(Phase.DEPOSITS), signal.SIGINT, signal.SIGTERM))
    assert report.exit_code == ExitCode.INTERRUPTED
    assert "Interrupted by SIGINT and stopped at once" in report.verdict
    left = sum(phase.abandoned for phase in report.phases)
    assert "nothing was in flight" in report.verdict if not left else f"{left} transaction" in report.verdict


async def test_a_second_signal_does_not_say_that_killed_shards_had_nothing_in_flight() -> None:
    """T4: it is unknown what a shard without a result had in flight."""
    volume = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 4}

    async def watch(context: RunContext) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            while context.meter.phases[Phase.DEPOSITS].requests < 4:
                await anyio.sleep(0.01)
            os.kill(os.getpid(), number)
            await anyio.sleep(0.2)  # the first one is handled before the next comes

    async with sandbox(HANGING) as server:
        limits = {"graceS": 3600, "maxConcurrency": 4, "shards": 2}
        settings = settings_for(server.url, volume=volume, limits=limits, target={"requestTimeoutS": 300})
        with anyio.fail_after(AT_ONCE_S + 10):
            report = await seed_async(settings, watch=watch, handle_signals=True)
    assert report.exit_code == ExitCode.INTERRUPTED
    assert "2 shards ended without a result: the next session decides what was made" in report.verdict


async def test_a_signal_while_the_server_limits_the_rate_ends_the_run() -> None:
    """T1, L1: the throttle's wait ends too."""

    def reject(head: bytes, body: bytes) -> GatewayAnswer | None:
        return GatewayAnswer(429, [], b"no") if b"/transactions" in head.split(b"\r\n")[0] else None

    async with sandbox() as server, gateway(server.url, lambda *answer: None, reject) as url:
        report = await _stopped(
            settings_for(url), _signal_at(lambda event: isinstance(event, RateLimited), signal.SIGTERM)
        )
    assert report.exit_code == ExitCode.TERMINATED
    assert sum(phase.abandoned for phase in report.phases) <= 6


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_stops_a_run_in_order_but_not_under_nohup(ignored: bool, tmp_path: Path) -> None:
    """T6: SIGHUP is as SIGTERM; a process that is to ignore it ignores it."""
    faults = tmp_path / "faults.yaml"
    faults.write_text("rules: [{on: transactions, methods: [POST], latency: {ms: 100}}]\n")
    words = ["run", "--target", "sandbox", "--sandbox-faults", str(faults), "--accounts", "10", "-c", "2"]
    command = [sys.executable, "-m", "midaz_seed", *words, "--preset", "tiny", "--report", "report.json"]
    handler = (lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) if ignored else None
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        preexec_fn=handler,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"deposits" in line:
                process.send_signal(signal.SIGHUP)
                break
        process.stderr.read()
    assert process.returncode == (0 if ignored else ExitCode.TERMINATED)
    assert (tmp_path / "report.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_an_examination_that_a_signal_ends_removes_what_it_wrote(number: Signals) -> None:
    """T7: `doctor --write`."""
    async with sandbox({"rules": [{"on": "transactions", "latency": {"ms": 300}}]}) as server:

        async def send_signal() -> None:
            while not server.app.statistics.requests["POST", "transactions"]:
                await anyio.sleep(0.02)
            os.kill(os.getpid(), number)

        async with anyio.create_task_group() as group:
            group.start_soon(send_signal)
            with anyio.fail_after(AT_ONCE_S), pytest.raises(SignalledError):
                await examine_async(settings_for(server.url), write=True, handle_signals=True)
        assert server.app.statistics.requests["POST", "organizations"] == 1
        assert not await read_balances(server.url)


async def test_a_teardown_that_a_signal_ends_can_be_repeated() -> None:
    """T7: the removal itself is cut off while a request hangs."""

    async def hold_removal(head: bytes, body: bytes) -> GatewayAnswer | None:
        if head.startswith(b"DELETE"):
            os.kill(os.getpid(), signal.SIGTERM)
            await anyio.sleep_forever()
        return None

    async with sandbox() as server, gateway(server.url, lambda *answer: None, hold_removal) as url:
        assert (await seed_async(settings_for(url))).exit_code == 0
        with anyio.fail_after(AT_ONCE_S), pytest.raises(SignalledError):
            await teardown_async(settings_for(url), handle_signals=True)
        await teardown_async(settings_for(server.url))
        assert not await read_balances(server.url)
