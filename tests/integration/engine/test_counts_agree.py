"""The report, the ledgers' progress and the events count the same, also where doubts, a time limit and what was there
before make it hard."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseFinished
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.kills import run_until_killed
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, http_transport

VOLUME = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 24, "transactionsPerAccount": 13}
IN_LEDGERS = {phase.value for phase in Phase} - {"organizations", "ledgers", "settlement", "verify"}


class AnswerLosingTransport(WrappedTransport):
    """A transport that loses the first two answers to some accounts' transfers, after they were applied."""

    def __init__(self, transport: Transport, loses: Callable[[int], bool]) -> None:
        super().__init__(transport)
        self._loses = loses
        self._lost: Counter[str] = Counter()

    async def send(self, request: Request) -> Response:
        key = (request.headers or {}).get("X-Idempotency", "")
        found = re.search(r"\.t(\d+)\.\d+\.0$", key)
        answer = await super().send(request)
        if found is not None and self._loses(int(found[1])) and self._lost[key] < 2:
            self._lost[key] += 1
            raise LostConnectionError("the answer is lost")
        return answer


async def _counted(settings: Any, transport: Transport | None = None) -> tuple[Report, Counter[str]]:
    """A run's report, and the counts of the last event of each phase of each ledger."""
    last: dict[tuple[str, str], PhaseFinished] = {}

    def emit(event: Event) -> None:
        if isinstance(event, PhaseFinished):
            last[event.phase.value, event.ledger] = event

    report = await seed_async(settings, emit=emit, overrides={Transport: transport} if transport else None)
    counts: Counter[str] = Counter()
    for (phase, _), event in last.items():
        counts[f"{phase} created"] += event.created
        counts[f"{phase} existing"] += event.existing
        counts[f"{phase} failed"] += event.failed
    return report, counts


def _of(report: Report) -> Counter[str]:
    counts: Counter[str] = Counter()
    for phase in report.phases:
        if phase.name in IN_LEDGERS:
            counts[f"{phase.name} created"] += phase.created
            counts[f"{phase.name} existing"] += phase.existing
            counts[f"{phase.name} failed"] += phase.failed
    return counts


def _in_ledgers(counts: Counter[str]) -> Counter[str]:
    return Counter({name: count for name, count in counts.items() if name.split()[0] in IN_LEDGERS and count})


def _assert_agree(report: Report, events: Counter[str]) -> None:
    assert _in_ledgers(_of(report)) == _in_ledgers(events)


async def test_doubts_that_were_decided_are_in_the_events() -> None:
    async with sandbox() as server:
        wire = http_transport(server.url)
        settings = settings_for(
            server.url, volume=VOLUME, generation={"retries": {"max": 2}}, settlement={"maxDelayS": 0.05}
        )
        report, events = await _counted(settings, AnswerLosingTransport(wire, lambda account: account % 10 == 0))
        await wire.aclose()
    assert report.exit_code == 0, report.verdict
    assert sum(phase.recovered for phase in report.phases) > 0
    _assert_agree(report, events)


@pytest.mark.parametrize("posts", [70, 200])
async def test_what_a_killed_session_left_is_in_the_events_of_the_next(tmp_path: Path, posts: int) -> None:
    async with sandbox() as server:
        settings = settings_for(
            server.url, volume=VOLUME, settlement={"maxDelayS": 0.05}, journal={"directory": str(tmp_path)}
        )
        await run_until_killed(settings, posts, reaches=False)
        report, events = await _counted(settings)
    assert report.exit_code == 0, report.verdict
    _assert_agree(report, events)


async def test_what_a_time_limit_passes_over_is_in_the_events(tmp_path: Path) -> None:
    slow = {"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 2, "ms": 4}}
    volume = {**VOLUME, "accountsPerLedger": 40, "transactionsPerAccount": 40}
    async with sandbox({"rules": [slow]}) as server:
        settings = settings_for(
            server.url,
            volume=volume,
            generation={"limits": {"durationS": 3.0}},
            journal={"directory": str(tmp_path)},
        )
        for _ in range(2):  # the second finds what the first has made, and has no time for the rest either
            report, events = await _counted(settings)
            assert report.exit_code == 0, report.verdict
            assert report.plan_done_percent < 100
            _assert_agree(report, events)
        assert any(phase.existing for phase in report.phases if phase.name == "transfers")
