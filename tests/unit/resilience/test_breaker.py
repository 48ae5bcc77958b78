"""The circuit breaker, on a clock that tests move: thresholds, probes, late results, giving up, cancellation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.errors import BreakerOpenError
from midaz_seed.resilience.breaker import BreakerState, CircuitBreaker


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def open_it(breaker: CircuitBreaker, failures: int = 5) -> None:
    for _ in range(failures):
        breaker.record(await breaker.enter(), ok=False)


class Callers:
    """Tasks that ask to enter, with what became of each."""

    def __init__(self, breaker: CircuitBreaker, group: anyio.abc.TaskGroup) -> None:
        self._breaker = breaker
        self._group = group
        self.permits: list[int] = []
        self.refused: list[BreakerOpenError] = []
        self.scopes: list[anyio.CancelScope] = []

    async def ask(self, count: int = 1) -> None:
        for _ in range(count):
            scope = anyio.CancelScope()
            self.scopes.append(scope)
            self._group.start_soon(self._enter, scope)
        await settle()

    async def _enter(self, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                self.permits.append(await self._breaker.enter())
            except BreakerOpenError as error:
                self.refused.append(error)


@asynccontextmanager
async def callers(breaker: CircuitBreaker) -> AsyncIterator[Callers]:
    async with anyio.create_task_group() as group:
        yield Callers(breaker, group)
        group.cancel_scope.cancel()


async def test_a_closed_breaker_lets_everything_pass_at_once() -> None:
    breaker = CircuitBreaker(FakeClock())
    assert [await breaker.enter() for _ in range(3)] == [0, 0, 0]
    assert breaker.is_closed
    assert breaker.opened_count == 0


async def test_it_opens_at_the_fifth_failure_in_a_row_and_not_before() -> None:
    breaker = CircuitBreaker(FakeClock())
    await open_it(breaker, 4)
    assert breaker.state is BreakerState.CLOSED
    await open_it(breaker, 1)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.is_closed


async def test_a_success_starts_the_count_of_failures_anew() -> None:
    breaker = CircuitBreaker(FakeClock())
    for _ in range(10):
        await open_it(breaker, 4)
        breaker.record(await breaker.enter(), ok=True)
    assert breaker.is_closed


async def test_no_request_passes_while_it_is_open() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(8)
        await clock.advance(59.999)
        assert parked.permits == []
        assert breaker.state is BreakerState.OPEN


async def test_after_its_time_it_admits_as_many_probes_as_successes_are_wanted() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60, successes=3)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(20)
        await clock.advance(60)
        assert breaker.state is BreakerState.HALF_OPEN
        assert len(parked.permits) == 3


async def test_each_success_takes_a_probe_away_until_none_is_wanted() -> None:
    """Two of three worked: only the one probe that is still out there may tell the rest."""
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=3)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(20)
        await clock.advance(60)
        for epoch in parked.permits[:2]:
            breaker.record(epoch, ok=True)
        await settle()
        assert len(parked.permits) == 3
        assert breaker.state is BreakerState.HALF_OPEN


@pytest.mark.parametrize("open_s", [0.05, 0.1, 1 / 3, 59.7])
@pytest.mark.parametrize("start_s", [0.0, 12_345.678, 1_767_225_600.0])
async def test_it_is_tried_at_its_moment_although_that_moment_is_rounded(open_s: float, start_s: float) -> None:
    clock = FakeClock(start_s=start_s)
    breaker = CircuitBreaker(clock, failures=1, open_s=open_s, successes=1)
    await open_it(breaker, 1)
    async with callers(breaker) as parked:
        await parked.ask()
        await clock.advance(open_s)
        await settle()
        assert len(parked.permits) == 1


async def test_three_successes_close_it_and_every_parked_caller_continues() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=3)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(500)
        await clock.advance(60)
        for epoch in parked.permits[:]:
            breaker.record(epoch, ok=True)
        await settle()
        assert breaker.is_closed
        assert len(parked.permits) == 500
        assert parked.refused == []


async def test_a_failed_probe_opens_it_again_for_the_whole_time() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60, successes=3)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(10)
        await clock.advance(60)
        breaker.record(parked.permits[0], ok=True)
        breaker.record(parked.permits[1], ok=False)
        assert breaker.state is BreakerState.OPEN
        await clock.advance(59)
        assert len(parked.permits) == 3
        await clock.advance(1)
        assert len(parked.permits) == 6, "the one success before the failure does not count any more"
    assert breaker.opened_count == 1, "it was never closed in between"


async def test_a_late_success_from_before_the_opening_does_not_close_it() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=1)
    early = await breaker.enter()
    await open_it(breaker)
    breaker.record(early, ok=True)
    assert breaker.state is BreakerState.OPEN
    async with callers(breaker) as parked:
        await parked.ask()
        await clock.advance(60)
        breaker.record(early, ok=True)
        assert breaker.state is BreakerState.HALF_OPEN


async def test_a_late_failure_neither_reopens_it_nor_counts_after_the_closing() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, failures=2, successes=1)
    early = await breaker.enter()
    await open_it(breaker, 2)
    async with callers(breaker) as parked:
        await parked.ask()
        await clock.advance(60)
        breaker.record(early, ok=False)
        assert breaker.state is BreakerState.HALF_OPEN
        breaker.record(parked.permits[0], ok=True)
        for _ in range(5):
            breaker.record(early, ok=False)
        assert breaker.is_closed


async def test_the_rest_of_a_lost_round_of_probes_does_not_count_in_the_next() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=2)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(4)
        await clock.advance(60)
        lost, late = parked.permits
        breaker.record(lost, ok=False)
        await clock.advance(60)
        breaker.record(late, ok=False)
        assert breaker.state is BreakerState.HALF_OPEN
        breaker.record(late, ok=True)
        for epoch in parked.permits[2:]:
            breaker.record(epoch, ok=True)
        assert breaker.is_closed


async def test_it_gives_up_and_every_parked_caller_gets_an_error() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60, give_up_s=150)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(10)
        await clock.advance(60)
        breaker.record(parked.permits[0], ok=False)
        await clock.advance(60)
        assert parked.refused == []
        await clock.advance(30)
        assert len(parked.permits) + len(parked.refused) == 10
        assert len(parked.refused) == 4
    assert "150 s" in parked.refused[0].message
    assert "breaker.giveUpS" in parked.refused[0].hint
    with pytest.raises(BreakerOpenError):
        await breaker.enter()


async def test_the_time_to_give_up_starts_anew_when_it_has_been_closed() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60, give_up_s=100, successes=1)
    for _ in range(3):
        await open_it(breaker)
        async with callers(breaker) as parked:
            await parked.ask()
            await clock.advance(60)
            breaker.record(parked.permits[0], ok=True)
    assert breaker.is_closed
    assert breaker.opened_count == 3
    assert breaker.open_total_s == 180


async def test_a_breaker_that_gave_up_still_reports_how_long_it_was_open() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, open_s=60, give_up_s=90)
    await open_it(breaker)
    await clock.advance(90)
    with pytest.raises(BreakerOpenError):
        await breaker.enter()
    assert breaker.open_total_s == 90


async def test_a_parked_caller_that_is_cancelled_leaves_no_trace() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=1)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(3)
        parked.scopes[0].cancel()
        await settle()
        await clock.advance(60)
        assert len(parked.permits) == 1
        breaker.record(parked.permits[0], ok=True)
        await settle()
        assert len(parked.permits) == 2


async def test_a_cancelled_probe_gives_its_place_to_another() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=1)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(3)
        await clock.advance(60)
        for place in range(2):
            breaker.release(parked.permits[place])
            await settle()
            assert len(parked.permits) == place + 2
        breaker.record(parked.permits[2], ok=True)
        assert breaker.is_closed


async def test_abandoning_a_permit_of_an_older_state_frees_nothing() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, successes=1)
    early = await breaker.enter()
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(3)
        await clock.advance(60)
        breaker.release(early)
        await settle()
        assert len(parked.permits) == 1


async def test_a_permit_is_valid_until_the_state_changes() -> None:
    breaker = CircuitBreaker(FakeClock())
    epoch = await breaker.enter()
    assert breaker.is_current(epoch)
    await open_it(breaker)
    assert not breaker.is_current(epoch)


async def test_each_change_of_state_is_reported_once() -> None:
    clock = FakeClock()
    told: list[BreakerState] = []
    breaker = CircuitBreaker(clock, successes=2, on_change=told.append)
    await open_it(breaker)
    async with callers(breaker) as parked:
        await parked.ask(5)
        await clock.advance(60)
        for epoch in parked.permits[:]:
            breaker.record(epoch, ok=True)
    assert told == ["open", "half-open", "closed"]


async def test_an_outage_costs_no_item_and_the_server_gets_nothing_but_probes() -> None:
    """Workers with items in hand, a server that is down for three minutes: all items arrive, each once."""
    clock = FakeClock()
    breaker = CircuitBreaker(clock, failures=5, open_s=60, successes=3)
    down_until_s = clock.monotonic() + 180
    items, arrived, during_outage = iter(range(200)), list[int](), 0

    async def worker() -> None:
        nonlocal during_outage
        for item in items:
            while True:
                epoch = await breaker.enter()
                await anyio.lowlevel.checkpoint()
                up = clock.monotonic() >= down_until_s
                during_outage += not up
                breaker.record(epoch, ok=up)
                if up:
                    arrived.append(item)
                    break

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(worker)
        await settle()
        for _ in range(4):
            await clock.advance(60)
            await settle()
    assert sorted(arrived) == list(range(200))
    assert during_outage <= 16 + 2 * 3, "what was in flight, and two rounds of three probes"
    assert breaker.opened_count == 1
    assert breaker.is_closed
