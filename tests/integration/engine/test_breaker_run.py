"""A run through an outage: the breaker parks everything, and afterwards everything arrives."""

import pytest

from midaz_seed.reporting.events import BreakerChanged, Event
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import ConnectError, Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport


@pytest.mark.parametrize("concurrency", [1, 8, 64])
async def test_a_server_that_is_down_for_a_while_costs_no_item_and_gets_nothing_while_the_breaker_is_open(
    concurrency: int,
) -> None:
    state = "closed"
    seen: list[str] = []
    sent_while_open = requests = down = 0

    def emit(event: Event) -> None:
        nonlocal state
        if isinstance(event, BreakerChanged):
            state = event.state
            seen.append(event.state)

    def outage(request: Request) -> Response | Exception | None:
        nonlocal requests, down, sent_while_open
        requests += 1
        sent_while_open += state == "open"
        # down from the 60th request on, until it has been tried for the 6th time after that
        if requests > 60 and seen.count("half-open") < 6:
            down += 1
            return ConnectError("down")
        return None

    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), outage)
        settings = settings_for(
            server.url,
            volume={"accountsPerLedger": 20, "transactionsPerAccount": 6},
            generation={"limits": {"maxConcurrency": concurrency}, "retries": {"max": 3}},
            breaker={"openS": 0.02, "failures": 5, "successes": 3},
        )
        report = await seed_async(settings, emit=emit, overrides={Transport: transport})
        await transport.aclose()
    assert report.exit_code == 0, report.verdict
    assert report.proof is not None
    assert report.proof.ok
    assert report.failed_items_total == 0
    assert down >= 5
    assert sent_while_open == 0
    assert seen[-1] == "closed"
    assert report.breaker_opened == 1
    assert report.breaker_open_s > 0


async def test_a_server_that_never_comes_back_ends_the_run_with_3_and_the_run_can_be_resumed() -> None:
    requests = 0

    def gone(request: Request) -> Exception | None:
        nonlocal requests
        requests += 1
        return ConnectError("down") if requests > 30 else None

    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), gone)
        settings = settings_for(server.url, breaker={"openS": 0.02, "giveUpS": 0.2})
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
        assert report.exit_code == 3
        assert "gives up" in report.verdict
        assert report.next_step
        again = await seed_async(settings)
    assert again.exit_code == 0, again.verdict


async def test_a_server_that_refuses_connections_for_a_while_is_sat_out() -> None:
    faults = {"rules": [{"from_request": 80, "to_request": 80, "refuse": {"for_s": 0.15}}]}
    async with sandbox(faults) as server:
        settings = settings_for(server.url, volume={"accountsPerLedger": 20}, breaker={"openS": 0.03})
        report = await seed_async(settings)
        assert server.faults.injected["refuse"] == 1
    assert report.exit_code == 0, report.verdict
    assert report.breaker_opened >= 1
