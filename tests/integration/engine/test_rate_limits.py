"""Servers and gateways that limit the rate or close connections: nothing is lost, and no attempt is used up."""

from collections.abc import Callable
from typing import Any

import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.errors import ExitCode, OverloadedError, UnreachableError
from midaz_seed.reporting.events import Event, RateLimited
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from tests.support.combinations import combinations
from tests.support.gateway import DROP, GatewayAnswer, gateway
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

pytestmark = pytest.mark.slow

VOLUME = {"organizations": 1, "ledgersPerOrganization": 1, "accountsPerLedger": 20, "transactionsPerAccount": 20}
ONE_ATTEMPT = {"retries": {"max": 1, "initialDelay": 1, "maxDelay": 20}}
Before = Callable[[bytes, bytes], GatewayAnswer | None]


def _limit(rate_per_s: float, burst: float, answer: GatewayAnswer) -> Before:
    """Let `rate_per_s` requests pass, and answer the others."""
    clock = SystemClock()
    level, last_s = burst, clock.monotonic()

    def before(head: bytes, body: bytes) -> GatewayAnswer | None:
        nonlocal level, last_s
        now_s = clock.monotonic()
        level, last_s = min(burst, level + (now_s - last_s) * rate_per_s), now_s
        if level < 1:
            return answer
        level -= 1
        return None

    return before


REJECTIONS = {
    "429": GatewayAnswer(429, [("Content-Type", "text/html")], b"<html>429 Too Many Requests</html>"),
    "429 with Retry-After 0": GatewayAnswer(429, [("Retry-After", "0")], b""),
    "420": GatewayAnswer(420, [("Content-Type", "text/plain")], b"Enhance Your Calm"),
    "529": GatewayAnswer(529, [], b""),
    "503 as of nginx": GatewayAnswer(503, [("Content-Type", "text/html")], b"<html>503 Temporarily Unavailable</html>"),
}


@pytest.mark.parametrize(
    ("rejection", "concurrency"),
    [
        *combinations(["429", "429 with Retry-After 0", "503 as of nginx"], [4, 16, "auto"], step=3),
        ("420", 16),
        ("529", 16),
    ],
)
async def test_a_rate_limit_slows_the_client_down_and_loses_nothing(rejection: str, concurrency: Any) -> None:
    """L1: a rejection is no attempt, although one attempt is all there is."""
    seen: list[Event] = []
    async with (
        sandbox() as server,
        gateway(server.url, lambda *answer: None, _limit(150, 20, REJECTIONS[rejection])) as url,
    ):
        settings = settings_for(url, volume=VOLUME, generation=ONE_ATTEMPT, limits={"maxConcurrency": concurrency})
        report = await seed_async(settings, emit=seen.append)
        assert server.app.statistics.requests["POST", "transactions"] == 400
    assert report.exit_code == 0, report.verdict
    assert report.breaker_opened == 0
    assert report.rate_limit is not None
    assert report.rate_limit.rejected > 0
    assert 0 < report.rate_limit.found_per_s < 300  # a busy machine does not reach the 150 that are allowed
    assert "rate limit" in render_text(report)
    assert any(isinstance(event, RateLimited) for event in seen)


async def test_a_rate_limit_is_found_by_all_shards_together() -> None:
    """L1."""
    volume = {**VOLUME, "ledgersPerOrganization": 2, "accountsPerLedger": 10}
    limit = _limit(150, 20, REJECTIONS["429"])
    async with sandbox() as server, gateway(server.url, lambda *answer: None, limit) as url:
        report = await seed_async(settings_for(url, volume=volume, generation=ONE_ATTEMPT, limits={"shards": 2}))
    assert report.exit_code == 0, report.verdict
    assert report.rate_limit is not None
    assert report.rate_limit.rejected > 0


def _always(path: bytes) -> Before:
    return lambda head, body: REJECTIONS["429"] if path in head.split(b"\r\n")[0] else None


async def test_a_rate_limit_that_lets_nothing_pass_ends_the_run_after_the_time_to_give_up() -> None:
    """L1: bounded, and what was not made is known as not made."""
    async with sandbox() as server, gateway(server.url, lambda *answer: None, _always(b"/transactions")) as url:
        report = await seed_async(settings_for(url, breaker={"giveUpS": 1.5}))
    assert report.exit_code == ExitCode.TARGET
    assert "a rate limit of the server has rejected every write" in report.verdict
    assert OverloadedError.exit_code == ExitCode.TARGET


async def test_a_rate_limit_at_the_very_first_requests_is_waited_for() -> None:
    """L1: other clients may be using up the limit when the run begins."""
    left = 6

    def before(head: bytes, body: bytes) -> GatewayAnswer | None:
        nonlocal left
        left -= 1
        return REJECTIONS["429"] if left >= 0 else None

    async with sandbox() as server, gateway(server.url, lambda *answer: None, before) as url:
        report = await seed_async(settings_for(url, generation=ONE_ATTEMPT))
    assert report.exit_code == 0, report.verdict


@pytest.mark.parametrize(("every", "transport"), combinations([2, 10], ["wire", "session"], step=2))
async def test_a_connection_that_ends_before_its_answer_begins_uses_up_no_attempt(every: int, transport: str) -> None:
    """L4: a server that closes idle connections without notice; every request may be one of those."""
    count = 0

    def before(head: bytes, body: bytes) -> GatewayAnswer | None:
        nonlocal count
        if b"/transactions" not in head.split(b"\r\n")[0]:
            return None  # what has no idempotency key is looked up first, which takes its time
        count += 1
        return DROP if count % every == 0 else None

    async with sandbox() as server, gateway(server.url, lambda *answer: None, before) as url:
        settings = settings_for(
            url,
            volume=VOLUME,
            generation=ONE_ATTEMPT,
            limits={"maxConcurrency": 1},
            target={"transport": transport},
        )
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict
    assert report.failed_items_total == 0
    assert report.breaker_opened == 0


async def test_connections_that_never_carry_an_answer_use_up_the_attempts() -> None:
    """L4: bounded; a server that drops everything is down."""
    async with sandbox() as server, gateway(server.url, lambda *answer: None, lambda head, body: DROP) as url:
        with pytest.raises(UnreachableError):
            await seed_async(settings_for(url, generation=ONE_ATTEMPT))
