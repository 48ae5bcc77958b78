"""The kinds of load in whole runs: open loop, ramp, steady window."""

from functools import partial
from typing import Any

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from midaz_seed.settings.loader import Flag, load_settings
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

VOLUME = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 20, "transactionsPerAccount": 10}
SLOW = {"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 4, "ms": 20}}
"""200 a second."""


_settings = partial(settings_for, volume=VOLUME)


@pytest.mark.parametrize("shards", [1, 2])
async def test_in_an_open_loop_latencies_hold_the_time_that_requests_had_to_wait_for_a_slow_server(shards: int) -> None:
    async with sandbox({"rules": [SLOW]}) as server:
        report = await seed_async(
            _settings(
                server.url,
                limits={"openLoop": True, "requestsPerSecond": 2000, "maxConcurrency": 8, "shards": shards},
            )
        )
    assert report.exit_code == 0, report.verdict
    assert report.proof is not None
    assert report.proof.ok
    assert report.movements == 400
    transfers = next(phase for phase in report.phases if phase.name == "transfers")
    assert transfers.latency_ms.p99 > 500  # eight in flight at 200 a second would be 40 ms in a closed loop
    slots = report.open_loop
    assert slots is not None
    assert slots.dropped > 0
    assert slots.offered == slots.sent + slots.dropped
    assert slots.sent == report.requests
    assert slots.accepted <= slots.sent
    assert slots.late_ms.p99 > 500
    assert "open model at 2,000/s: " in render_text(report)


async def test_in_an_open_loop_that_the_server_can_follow_nothing_is_dropped() -> None:
    async with sandbox() as server:
        report = await seed_async(_settings(server.url, limits={"openLoop": True, "requestsPerSecond": 300}))
    assert report.exit_code == 0, report.verdict
    assert report.open_loop is not None
    assert report.open_loop.dropped == 0
    assert report.open_loop.sent == report.open_loop.offered == report.requests


async def test_in_a_curve_the_transfers_come_at_its_rate_and_at_random_distances() -> None:
    limits = {"openLoop": True, "requestsPerSecond": 1000, "arrivals": "poisson", "rateCurve": "1s:10%,1s:100%"}
    async with sandbox() as server:
        report = await seed_async(_settings(server.url, limits=limits))
    assert report.exit_code == 0, report.verdict
    transfers = next(phase for phase in report.phases if phase.name == "transfers")
    assert transfers.created == 360
    assert transfers.busy_s > 1.0, "a tenth of the rate leaves most of them to the second step"
    series = next(each for each in report.time_series.phases if each.phase == "transfers")
    assert sum(series.created) == 360


async def test_a_ramp_keeps_the_number_in_flight_low_at_first() -> None:
    async with sandbox() as server:
        report = await seed_async(_settings(server.url, limits={"maxConcurrency": 64, "rampS": 600}))
        seen = server.app.statistics.in_flight_max
    assert report.exit_code == 0, report.verdict
    assert seen <= 8  # a tenth of the ramp, and no run of this size takes a minute


async def test_the_steady_window_begins_after_the_warm_up_and_holds_only_what_it_saw() -> None:
    slower = {**SLOW, "capacity": {"at_once": 4, "ms": 10}}
    volume = {**VOLUME, "transactionsPerAccount": 30}
    async with sandbox({"rules": [slower]}) as server:
        report = await seed_async(_settings(server.url, volume=volume, limits={"warmupS": 0.5}))
    assert report.exit_code == 0, report.verdict
    steady = report.steady
    assert steady is not None
    assert steady.from_s >= 0.5
    assert steady.to_s <= report.elapsed_s
    assert 0 < steady.transactions < report.transactions
    assert steady.transactions_per_s == pytest.approx(steady.transactions / (steady.to_s - steady.from_s))
    assert 0 < steady.latency_ms.p50 <= steady.latency_ms.max
    assert "steady state, " in render_text(report)


async def test_a_run_without_a_second_of_full_load_has_no_steady_window() -> None:
    async with sandbox() as server:
        report = await seed_async(_settings(server.url, limits={"warmupS": 60}))
    assert report.exit_code == 0, report.verdict
    assert report.steady is None
    assert report.open_loop is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"openLoop": True}, "openLoop needs requestsPerSecond"),
        ({"arrivals": "poisson"}, "arrivals needs openLoop"),
        ({"rateCurve": "day:5"}, "'day:5' must be constant, steps as TIME:PERCENT"),
        (
            {"openLoop": True, "requestsPerSecond": 9, "rateCurve": "day:5m", "rampS": 1},
            "cannot be combined with rampS",
        ),
        ({"openLoop": True, "requestsPerSecond": 5, "maxConcurrency": "auto"}, "openLoop cannot be combined"),
        ({"rampS": "10s", "maxConcurrency": "auto"}, "rampS cannot be combined"),
        ({"durationS": "soon"}, "durationS must be a number of seconds up to 604,800, or a time such as 90s"),
    ],
)
def test_loads_that_cannot_be_are_refused(flags: dict[str, Any], message: str) -> None:
    given = [Flag(f"--{name}", f"generation.limits.{name}", value) for name, value in flags.items()]
    with pytest.raises(ConfigurationError) as raised:
        load_settings(flags=given, environ={})
    assert message in str(raised.value)
