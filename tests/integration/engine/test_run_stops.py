"""Stopping: Ctrl-C in each phase drains, reports, and the same command goes on afterwards."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.errors import ExitCode
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseStarted, RunStarted
from midaz_seed.runner import seed_async
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for

pytestmark = pytest.mark.slow

OF_SCENARIOS = {
    Phase.ACCOUNT_TYPES,
    Phase.ASSET_RATES,
    Phase.OPERATION_ROUTES,
    Phase.TRANSACTION_ROUTES,
    Phase.LEDGER_SETTINGS,
    Phase.HOLDERS,
    Phase.INSTRUMENTS,
    Phase.FOLLOW_UPS,
    Phase.READS,
    Phase.REFUSALS,
}
"""Phases that the presets do not have."""
PHASES = [phase for phase in Phase if phase not in OF_SCENARIOS]


@pytest.mark.parametrize("phase", PHASES)
async def test_ctrl_c_in_a_phase_drains_and_the_same_command_resumes(phase: Phase) -> None:
    sent = 0

    def emit(event: Event) -> None:
        nonlocal sent
        if isinstance(event, PhaseStarted) and event.phase is phase and not sent:
            sent += 1
            os.kill(os.getpid(), signal.SIGINT)

    async with sandbox() as server:
        settings = settings_for(server.url, "small", volume={"accountsPerLedger": 10, "transactionsPerAccount": 4})
        stopped = await seed_async(settings, emit=emit, handle_signals=True)
        assert sent == 1
        assert stopped.exit_code == ExitCode.INTERRUPTED
        assert "again" in stopped.next_step
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        assert len(await read_balances(server.url)) == 4


async def test_sigterm_ends_with_143() -> None:
    def emit(event: Event) -> None:
        if isinstance(event, RunStarted):
            os.kill(os.getpid(), signal.SIGTERM)

    async with sandbox() as server:
        report = await seed_async(settings_for(server.url), emit=emit, handle_signals=True)
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
        report = await seed_async(settings_for(server.url), emit=emit, handle_signals=True)
    assert seen == 1
    assert report.exit_code == ExitCode.INTERRUPTED


async def test_a_run_that_was_stopped_reports_what_it_did() -> None:
    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.TRANSFERS:
            os.kill(os.getpid(), signal.SIGINT)

    async with sandbox() as server:
        report = await seed_async(settings_for(server.url), emit=emit, handle_signals=True)
    phases = {phase.name: phase for phase in report.phases}
    assert phases["deposits"].created == 6
    assert phases["transfers"].created + phases["transfers"].skipped == phases["transfers"].planned
    assert report.ledgers[0].state == "stopped"


@pytest.mark.parametrize(
    ("faults", "stop", "reason", "shards"),
    [
        ({"on": "transactions", "rate": 0.5, "status": {"code": 503}}, {"errorRatePercent": 20}, "errorRatePercent", 1),
        ({"on": "transactions", "rate": 0.5, "status": {"code": 503}}, {"errorRatePercent": 20}, "errorRatePercent", 2),
        ({"on": "transactions", "latency": {"ms": 40}}, {"latencyMsP99": 20}, "latencyMsP99 is 20", 1),
        ({"on": "balances", "stale_balances": {"ms": 60_000}}, {"settlementLagS": 0.3}, "settlementLagS is 0.3", 1),
    ],
    ids=["errors", "errors in a process", "latency", "settlement"],
)
async def test_a_stop_rule_ends_the_run_with_a_complete_report_and_the_run_can_be_resumed(
    faults: dict[str, Any], stop: dict[str, float], reason: str, shards: int, tmp_path: Path
) -> None:
    volume = {"accountsPerLedger": 60, "transactionsPerAccount": 20, "ledgersPerOrganization": 2}
    changes: dict[str, Any] = {"volume": volume, "journal": {"directory": str(tmp_path)}}
    # slow enough to last for several windows, and a window long enough for 100 attempts on a busy machine
    pace, stop = {"limits": {"shards": shards, "requestsPerSecond": 600}}, {"windowS": 1.5, **stop}
    data = tmp_path / "ledger.sqlite"
    async with sandbox({"rules": [faults]}, data=data) as server:
        settings = settings_for(server.url, stop=stop, settlement={"deadlineS": 60}, generation=pace, **changes)
        report = await seed_async(settings)
        assert report.exit_code == 1
        assert reason in report.verdict
        assert "run --resume" in report.next_step
        posts = sum(count for (method, _), count in server.app.statistics.requests.items() if method == "POST")
        assert sum(phase.created for phase in report.phases) <= posts
        assert {ledger.state for ledger in report.ledgers} <= {"stopped", "done", "waiting"}
    async with sandbox(data=data) as server:
        again = await seed_async(settings_for(server.url, limits={"shards": shards}, **changes))
        assert again.exit_code == 0, again.verdict
