"""Accepted and settled apart: what the looks of the barrier and the proof show after the last answer.

The server's time stands still and moves by a step with each look, so how much each look finds is certain.
"""

from typing import Any

import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.errors import ExitCode
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import ThroughputReport
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import RecordQueue
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, WrappedTransport, hide_balances, http_transport

SMALL = {"accountsPerLedger": 24, "transactionsPerAccount": 5}
MADE = 120
"""Deposits and transfers of a ledger."""
QUEUE = RecordQueue(delay_ms=95, per_s=100)


class TimeMovingTransport(WrappedTransport):
    """A transport that moves the server's clock before each read of balances or of the number of transactions."""

    def __init__(self, transport: Transport, clock: FakeClock, step_s: float) -> None:
        super().__init__(transport)
        self._clock, self._step_s = clock, step_s
        self._accounts_are_new = True

    async def send(self, request: Request) -> Response:
        path = request.path.split("?")[0]
        if request.method != "POST" and path.endswith(("/balances", "/transactions", "/transactions/metrics/count")):
            await self._clock.advance(self._step_s)
        elif path.endswith("/inflow") and self._accounts_are_new:
            self._accounts_are_new = False
            await self._clock.advance(1)  # v3.3 makes the accounts' balances late
        return await super().send(request)


async def _run(dialect: str, queue: RecordQueue | None, step_s: float = 0.05, **volume: int) -> Report:
    clock = FakeClock()
    async with sandbox(clock=clock, queue=queue, dialect=dialect, one_port=True) as server:
        transport = TimeMovingTransport(http_transport(server.url), clock, step_s)
        report = await seed_async(
            settings_for(server.url, volume={**SMALL, **volume}), overrides={Transport: transport}
        )
        await transport.aclose()
    assert report.exit_code == 0, report.verdict
    return report


def _both(report: Report) -> tuple[ThroughputReport, ThroughputReport]:
    deposits, transfers = report.throughput
    assert (deposits.phase, transfers.phase) == ("deposits", "transfers")
    return deposits, transfers


def _is_behind(phase: ThroughputReport) -> bool:
    """Everything settled in the end, and later than it was accepted."""
    assert phase.movements_settled == phase.movements_accepted
    assert phase.drain_s is not None
    assert phase.movements_settled_per_s is not None
    assert [point.since_s for point in phase.drain] == sorted(point.since_s for point in phase.drain)
    assert phase.drain[-1].since_s == phase.drain_s
    assert (phase.drain[-1].balances, phase.drain[-1].transactions) == (0, 0)
    return phase.movements_settled_per_s < phase.movements_accepted_per_s and len(phase.drain) > 2


async def test_deposits_that_balances_show_late_are_seen_to_drain_look_by_look() -> None:
    report = await _run("v3.3", QUEUE)
    deposits, transfers = _both(report)
    assert [point.balances for point in deposits.drain] == [24, 23, 18, 13, 8, 3, 0]
    assert not any(point.transactions for point in deposits.drain)
    assert len(deposits.drain) == report.settlement.looks
    assert _is_behind(deposits)
    assert transfers.drain[0].balances > 0
    assert _is_behind(transfers)
    assert "deposits: " in render_text(report)


async def test_transfers_whose_records_lag_are_seen_to_drain_by_the_number_of_transactions() -> None:
    report = await _run("v3.8", QUEUE)
    deposits, transfers = _both(report)
    assert [(point.balances, point.transactions) for point in deposits.drain] == [(0, 0)]
    assert not any(point.balances for point in transfers.drain)
    outstanding = [point.transactions for point in transfers.drain]
    assert MADE >= outstanding[0] > 96
    assert outstanding == sorted(outstanding, reverse=True)
    assert _is_behind(transfers)
    (line,) = [line for line in render_text(report).splitlines() if "drained in " in line]
    assert line.startswith("transfers: ")


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
async def test_a_server_without_lag_settles_what_it_accepts_within_the_first_look(dialect: str) -> None:
    report = await _run(dialect, None)
    for phase, looks in zip(_both(report), (1, 2), strict=True):
        assert [(point.balances, point.transactions) for point in phase.drain] == [(0, 0)] * looks
        assert phase.transactions_accepted == phase.movements_accepted == phase.movements_settled
        assert phase.drain_s is not None
        assert phase.settling_s - phase.sending_s == pytest.approx(phase.drain_s)
    assert "drained" not in render_text(report)


async def test_ledgers_side_by_side_are_added_up_from_their_last_answers_on() -> None:
    report = await _run("v3.8", RecordQueue(delay_ms=2_000_000, per_s=1000), 50, ledgersPerOrganization=2)
    deposits, transfers = _both(report)
    assert (deposits.movements_accepted, transfers.movements_accepted) == (2 * 24, 2 * 96)
    assert transfers.drain[0].transactions == 2 * MADE
    outstanding = [point.transactions for point in transfers.drain]
    assert outstanding == sorted(outstanding, reverse=True)
    assert len(transfers.drain) <= 60
    assert _is_behind(transfers)


async def test_shards_bring_what_they_saw_and_it_is_put_together_as_ledgers_are() -> None:
    queue = RecordQueue(delay_ms=300, per_s=5000)
    async with sandbox(queue=queue, dialect="v3.3", one_port=True) as server:
        volume = {**SMALL, "ledgersPerOrganization": 2}
        settings = settings_for(server.url, volume=volume, limits={"shards": 2}, settlement={"maxDelayS": 1})
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict
    deposits, transfers = _both(report)
    assert (deposits.movements_accepted, transfers.movements_accepted) == (2 * 24, 2 * 96)
    assert _is_behind(deposits)
    assert _is_behind(transfers)
    for phase in (deposits, transfers):
        assert phase.drain[0].since_s > 0
        assert phase.settling_s <= report.elapsed_s


async def test_without_verification_no_transfer_is_seen_to_settle() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, verification={"enabled": False}))
    deposits, transfers = _both(report)
    assert deposits.movements_settled == 6
    assert (transfers.movements_accepted, transfers.movements_settled, transfers.drain) == (18, 0, ())
    assert (transfers.movements_settled_per_s, transfers.drain_s) == (None, None)


async def test_deposits_that_stay_invisible_are_accepted_and_not_settled() -> None:
    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), hide_balances)
        settings = settings_for(server.url, settlement={"deadlineS": 0.1})
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
    assert report.exit_code == ExitCode.SETTLEMENT
    (deposits,) = report.throughput
    assert (deposits.movements_accepted, deposits.movements_settled, deposits.drain_s) == (6, 0, None)
    assert {point.balances for point in deposits.drain} == {6}


async def test_what_the_server_refused_for_good_does_not_keep_the_rest_from_being_settled() -> None:
    def refuse(request: Request) -> Response | None:
        if request.path.endswith("/inflow") and request.body is not None and b"o1.l1.d3" in request.body:
            return Response(422, {}, b'{"code":"0024","title":"t","message":"closed"}')
        return None

    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), refuse)
        report = await seed_async(settings_for(server.url), overrides={Transport: transport})
        await transport.aclose()
    deposits, transfers = _both(report)
    assert (deposits.movements_accepted, deposits.movements_settled) == (5, 5)
    assert (transfers.movements_accepted, transfers.movements_settled) == (15, 15)


async def test_a_run_that_finds_everything_made_has_no_throughput() -> None:
    async with sandbox() as server:
        settings: Any = settings_for(server.url)
        await seed_async(settings)
        again = await seed_async(settings)
    assert again.throughput == ()
