"""Stopping: Ctrl-C in each phase drains, reports, and the same command goes on afterwards."""

import os
import signal

import pytest

from midaz_seed.errors import ExitCode
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseStarted, RunStarted
from midaz_seed.runner import seed_async
from tests.support import balances, sandbox, world

PHASES = [phase for phase in Phase if phase is not Phase.ACCOUNT_TYPES]


@pytest.mark.parametrize("phase", PHASES)
async def test_ctrl_c_in_a_phase_drains_and_the_same_command_goes_on(phase: Phase) -> None:
    sent = 0

    def emit(event: Event) -> None:
        nonlocal sent
        if isinstance(event, PhaseStarted) and event.phase is phase and not sent:
            sent += 1
            os.kill(os.getpid(), signal.SIGINT)

    async with sandbox() as server:
        settings = world(server.url, "small", volume={"accountsPerLedger": 30, "transactionsPerAccount": 4})
        stopped = await seed_async(settings, emit=emit, handle_signals=True)
        assert sent == 1
        assert stopped.exit_code == ExitCode.INTERRUPTED
        assert "again" in stopped.next_step
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        assert len(await balances(server.url)) == 4


async def test_sigterm_ends_with_143() -> None:
    def emit(event: Event) -> None:
        if isinstance(event, RunStarted):
            os.kill(os.getpid(), signal.SIGTERM)

    async with sandbox() as server:
        report = await seed_async(world(server.url), emit=emit, handle_signals=True)
    assert report.exit_code == ExitCode.TERMINATED


async def test_a_second_signal_ends_at_once_although_an_answer_is_outstanding() -> None:
    seen = 0

    def emit(event: Event) -> None:
        nonlocal seen
        if isinstance(event, PhaseStarted) and event.phase is Phase.DEPOSITS:
            os.kill(os.getpid(), signal.SIGINT)
        elif type(event).__name__ == "Draining":
            seen += 1
            os.kill(os.getpid(), signal.SIGINT)

    faults = {"rules": [{"on": "transactions", "latency": {"ms": 60_000}}]}
    async with sandbox(faults) as server:
        report = await seed_async(world(server.url), emit=emit, handle_signals=True)
    assert seen == 1
    assert report.exit_code == ExitCode.INTERRUPTED


async def test_a_run_that_was_stopped_reports_what_it_did() -> None:
    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.TRANSFERS:
            os.kill(os.getpid(), signal.SIGINT)

    async with sandbox() as server:
        report = await seed_async(world(server.url), emit=emit, handle_signals=True)
    phases = {phase.name: phase for phase in report.phases}
    assert phases["deposits"].created == 6
    assert phases["transfers"].created + phases["transfers"].skipped == phases["transfers"].planned
    assert report.ledgers[0].state == "stopped"
