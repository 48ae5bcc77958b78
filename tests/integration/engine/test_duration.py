"""Runs that are given a time: as much of the plan as fits, settled and proved, and the rest later."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from midaz_seed.errors import ExitCode, UnreachableError
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import find_run
from midaz_seed.runs.record import RunStatus
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import Balances, read_balances, sandbox, undisturbed_balances
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, created_answer, http_transport

VOLUME = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 40, "transactionsPerAccount": 20}
MOVEMENTS = 2 * 40 * 20
ONE_AT_ONCE = {"on": "transactions", "methods": ["POST"], "to_s": 9.0, "capacity": {"at_once": 1, "ms": 8}}
"""125 a second at most, for longer than the time that the runs are given."""


_settings = partial(settings_for, volume=VOLUME)


@pytest.fixture(scope="module")
def undisturbed() -> Balances:
    """What a run without a time limit leaves."""
    return undisturbed_balances(volume=VOLUME)


@pytest.mark.parametrize(
    "limits", [{}, {"shards": 2}, pytest.param({"maxConcurrency": "auto"}, marks=pytest.mark.thorough)]
)
async def test_a_run_that_has_no_time_for_its_plan_proves_what_it_did_and_a_later_one_does_the_rest(
    limits: dict[str, Any], undisturbed: Balances, tmp_path: Path
) -> None:
    journal = {"directory": str(tmp_path)}
    async with sandbox({"rules": [ONE_AT_ONCE]}) as server:
        report = await seed_async(_settings(server.url, limits={"durationS": 8.0, **limits}, journal=journal))
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        assert report.proof.ledgers == 2
        assert 0 < report.movements < MOVEMENTS
        assert 0 < report.plan_done_percent < 100
        assert {ledger.state for ledger in report.ledgers} == {"partial"}
        assert find_run(tmp_path, report.run_id).read_record().status is RunStatus.UNFINISHED
        assert f"Time was up: {report.plan_done_percent:.1f} % of the plan" in " ".join(render_text(report).split())
        money = sum(phase.created for phase in report.phases if phase.name in ("deposits", "transfers"))
        posts = server.app.statistics.requests["POST", "transactions"]
        assert money == posts  # nothing else was sent

        again = await seed_async(_settings(server.url, limits={"durationS": 0, **limits}, journal=journal))
        assert again.exit_code == 0, again.verdict
        assert again.plan_done_percent == 100
        assert server.app.statistics.requests["POST", "transactions"] == MOVEMENTS
        found = await read_balances(server.url)
    assert found == undisturbed


async def test_a_plan_that_is_done_in_time_is_an_ordinary_run() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, limits={"durationS": 60}))
    assert report.exit_code == 0, report.verdict
    assert report.plan_done_percent == 100
    assert {ledger.state for ledger in report.ledgers} == {"done"}


class PretendingTransport(WrappedTransport):
    """A transport that answers some transfers with a 201 and does not send them."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.sent = self.pretended = 0

    async def send(self, request: Request) -> Response:
        if request.path.endswith("/transactions/json"):
            self.sent += 1
            if self.sent % 50 == 3:
                self.pretended += 1
                return created_answer(request)
        return await super().send(request)


async def test_a_movement_that_the_server_did_not_make_is_found_in_a_partly_done_plan() -> None:
    async with sandbox({"rules": [ONE_AT_ONCE]}) as server:
        transport = PretendingTransport(http_transport(server.url))
        report = await seed_async(_settings(server.url, limits={"durationS": 8.0}), overrides={Transport: transport})
        await transport.aclose()
    assert transport.pretended > 0
    assert report.exit_code == 1
    assert report.proof is not None
    assert not report.proof.ok
    assert {"available", "transaction count"} <= {difference.what for difference in report.proof.differences}


async def test_a_time_in_which_no_ledger_can_be_filled_is_no_success() -> None:
    slow = {"on": "accounts", "methods": ["POST"], "capacity": {"at_once": 1, "ms": 50}}
    async with sandbox({"rules": [slow]}) as server:
        report = await seed_async(_settings(server.url, limits={"durationS": 1.0}))
    assert report.exit_code == 1
    assert report.proof is None
    assert "before any ledger was filled" in report.verdict
    assert report.movements == 0


HANGING = {"on": "transactions", "methods": ["POST"], "latency": {"ms": 60_000}}
DOWN = {"from_request": 30, "refuse": {"for_s": 600}}
LAGGING = {"on": "balances", "stale_balances": {"ms": 600_000}}
UNTIL_S = 20.0
"""Far less than what these runs would wait for without a time limit, and enough for a busy machine."""


@pytest.mark.parametrize(
    ("rule", "shards"), [(HANGING, 1), (DOWN, 1), (LAGGING, 1), (HANGING, 2)], ids=["hangs", "down", "lags", "shards"]
)
async def test_the_time_is_kept_whatever_the_server_does(rule: dict[str, Any], shards: int, tmp_path: Path) -> None:
    """T5: what could not be settled and verified in it is said, and the exit code is not that of a success."""
    patient = {
        "settlement": {"deadlineS": 600, "maxDelayS": 60},
        "breaker": {"openS": 60, "giveUpS": 600},
        "target": {"requestTimeoutS": 300},
        "journal": {"directory": str(tmp_path)},
    }
    volume = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 4}
    data = tmp_path / "ledger.sqlite"
    async with sandbox({"rules": [rule]}, data=data) as server:
        limits = {"durationS": 8.0 if shards > 1 else 2.0, "shards": shards}
        with anyio.fail_after(UNTIL_S):
            report = await seed_async(settings_for(server.url, volume=volume, limits=limits, **patient))
    assert report.exit_code == ExitCode.SETTLEMENT, report.verdict
    assert "Time was up before everything was settled and verified" in report.verdict
    if rule is HANGING:
        assert sum(phase.abandoned for phase in report.phases) == 12
        assert "12 transactions were in flight" in report.verdict
    async with sandbox(data=data) as server:
        again = await seed_async(settings_for(server.url, volume=volume, journal=patient["journal"]))
        assert again.exit_code == 0, again.verdict
        assert again.plan_done_percent == 100


@pytest.mark.parametrize("batches", [{}, {"transactionsPerBatch": "auto"}])
async def test_the_time_is_kept_when_the_server_does_not_answer_at_all(batches: dict[str, Any]) -> None:
    """T5: the time limit begins with the command."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = _settings(url, limits={"durationS": 0.5}, target={"requestTimeoutS": 300}, generation=
                             {"batches": batches})  # fmt: skip
        with anyio.fail_after(UNTIL_S), pytest.raises(UnreachableError, match="the time limit passed"):
            await seed_async(settings)
