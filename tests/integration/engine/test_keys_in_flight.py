"""Keys that a killed server left in flight: what the balances show needs none, and nothing else waits for them.

Time is a fake clock that moves as fast as the run allows, so a key of 300 s lives for moments."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson

from midaz_seed.clock import Clock, FakeClock
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import PhaseFinished
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, http_transport
from tools.chaos.audit import Audit, Planned, audit, planned_by

TTL_S, MARGIN_S = 300, 30
STEP_S = 0.05
HELD_MS = 200
VOLUME = {"organizations": 1, "portfoliosPerLedger": 0, "segmentsPerLedger": 0, "accountsPerLedger": 12}
VOLUME |= {"transactionsPerAccount": 6}


class Counting(WrappedTransport):
    """A transport that counts the sendings under each key."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.keys: Counter[str] = Counter()
        self.in_flight = 0

    async def send(self, request: Request) -> Response:
        key = (request.headers or {}).get("X-Idempotency", "")
        self.keys.update([key] if key else [])
        self.in_flight += 1
        try:
            return await super().send(request)
        finally:
            self.in_flight -= 1


@asynccontextmanager
async def moving_clock(transports: list[Counting]) -> AsyncIterator[FakeClock]:
    """Yield a clock that moves whenever other tasks had their turn, and no request is in flight.

    A request that the server holds by this clock would wait for ever, so its wait has a limit.
    """
    clock = FakeClock()

    async def move() -> None:
        while True:
            await asyncio.sleep(0)
            for _ in range(HELD_MS):
                if not any(transport.in_flight for transport in transports):
                    break
                await asyncio.sleep(0.001)
            await clock.advance(STEP_S)

    async with anyio.create_task_group() as group:
        group.start_soon(move)
        yield clock
        group.cancel_scope.cancel()


Ended = dict[tuple[str, Phase], float]
"""Ledger and phase -> seconds until it ended."""


async def _run(
    rule: dict[str, Any],
    *,
    ledgers: int = 1,
    ttl_s: int = TTL_S,
    wrap: Callable[[Transport, Clock], Transport] = lambda transport, _: transport,
    **changes: Any,
) -> tuple[Report, int, Counter[str], Ended, Audit]:
    """Run a plan on a sandbox with one rule.

    Returns:
        The report, the number of keys left in flight, the sendings by key, the ends of the phases, and an audit.
    """
    ended: Ended = {}
    transports: list[Counting] = []
    async with moving_clock(transports) as clock:
        rules = {"seed": 2, "rules": [{"on": "transactions", "methods": ["POST"], **rule}]}
        async with sandbox(rules, clock=clock) as server:
            counting = Counting(http_transport(server.url))
            transports.append(counting)
            started_s = clock.monotonic()

            def emit(event: object) -> None:
                if isinstance(event, PhaseFinished):
                    ended[event.ledger, event.phase] = clock.monotonic() - started_s

            settings = settings_for(
                server.url,
                volume={**VOLUME, "ledgersPerOrganization": ledgers},
                idempotency={"ttlS": ttl_s, "marginS": MARGIN_S},
                **{"limits": {"maxConcurrency": 8}, **changes},
            )
            overrides = {Clock: clock, Transport: wrap(counting, clock)}
            report = await seed_async(settings, emit=emit, overrides=overrides)
            await counting.aclose()
            return report, server.faults.injected["stuck"], counting.keys, ended, audit(server.state, _planned(ledgers))


def _planned(ledgers: int) -> Planned:
    flags = ("--organizations", "1", "--ledgers", str(ledgers), "--portfolios", "0", "--segments", "0")
    return planned_by(("--preset", "tiny", *flags, "--accounts", "12", "--transactions", "6"))


async def test_what_the_balances_show_as_made_is_settled_without_waiting_for_its_key() -> None:
    report, stuck, keys, _, found = await _run({"rate": 0.1, "stuck": {"applied": 1.0}})
    assert report.exit_code == 0, report.verdict
    assert sum(phase.recovered for phase in report.phases) == stuck > 3
    assert report.elapsed_s < TTL_S - MARGIN_S
    assert str(found) == "as planned"
    assert sum(keys.values()) - len(keys) <= 10 * stuck


async def test_what_was_not_made_is_sent_under_its_own_key_when_that_expires_and_is_polled_rarely_until_then() -> None:
    report, stuck, keys, _, found = await _run({"from_request": 30, "to_request": 33, "stuck": {"applied": 0.0}})
    assert report.exit_code == 0, report.verdict
    assert stuck >= 2
    assert TTL_S <= report.elapsed_s < 1.2 * TTL_S
    assert str(found) == "as planned"
    again = {key: count for key, count in keys.items() if count > 1}
    assert len(again) == stuck
    assert max(again.values()) < 30  # it was 45 to 50
    assert all(key.endswith(".0") for key in again)


async def test_a_ledger_that_waits_for_keys_holds_up_no_other_although_it_has_every_worker_and_the_only_turn() -> None:
    limits = {"maxConcurrency": 2, "ledgersInParallel": 1}
    rule = {"from_request": 20, "to_request": 25, "stuck": {"applied": 0.0}}
    report, stuck, _, ended, found = await _run(rule, ledgers=3, limits=limits)
    assert report.exit_code == 0, report.verdict
    assert stuck == limits["maxConcurrency"]
    assert str(found) == "as planned"
    verified = sorted(at_s for (_, phase), at_s in ended.items() if phase is Phase.VERIFY)
    assert len(verified) == 3
    assert verified[1] < TTL_S - MARGIN_S
    assert verified[2] >= TTL_S


class _Meddling(WrappedTransport):
    """Loses the answers to one transfer until its key is 15 s old, and moves money of another client in its ledger."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        super().__init__(transport)
        self._clock = clock
        self._lost_s: float | None = None
        self._key = ""
        self.sent_after_s: list[float] = []

    async def send(self, request: Request) -> Response:
        key, now_s = (request.headers or {}).get("X-Idempotency", ""), self._clock.monotonic()
        if not key or not request.path.endswith("/json") or key != (self._key or key):
            return await super().send(request)
        if self._lost_s is None:
            self._lost_s = now_s
            self._key = key
            send = orjson.loads(request.body or b"")["send"]
            leg = {**send["distribute"]["to"][0], "amount": {"asset": send["asset"], "value": "0.01"}}
            body = orjson.dumps({"send": {"asset": send["asset"], "value": "0.01", "distribute": {"to": [leg]}}})
            answer = await super().send(Request("POST", request.path.replace("/json", "/inflow"), body))
            assert answer.status == 201, answer.body
        self.sent_after_s.append(now_s - self._lost_s)
        if now_s - self._lost_s < 15:
            raise LostConnectionError("lost")
        return await super().send(request)


async def test_balances_that_never_fit_let_no_key_become_too_old_to_be_sent() -> None:
    """Another client moves money, and the deadline for the balances is later than the end of the keys."""
    meddling: list[_Meddling] = []

    def wrap(transport: Transport, clock: Clock) -> Transport:
        meddling.append(_Meddling(transport, clock))
        return meddling[0]

    report, _, _, _, found = await _run(
        {"every": 1_000_000, "status": {"code": 500}},
        wrap=wrap,
        ttl_s=90,
        settlement={"deadlineS": 200},
        breaker={"failures": 1000},
        generation={"retries": {"max": 2}},
    )
    (transport,) = meddling
    assert (90 - MARGIN_S) / 2 <= transport.sent_after_s[-1] < 90 - MARGIN_S
    assert found.exactly_once, found
    assert report.exit_code == 1, report.verdict  # the other client's money is a difference
