"""`transactionsPerBatch: auto`: measured on the server, kept for the life of the run, nothing of the measuring left."""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.errors import NotMidazError, UnauthorizedError, UnreachableError
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.probe.batch_size_trial import choose_batch_size
from midaz_seed.reporting.events import BatchSizeMeasured, Event, LeftBehind
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async, teardown_async, verify_async
from midaz_seed.runs.directory import find_run
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import LostConnectionError, Request, Response
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport

pytestmark = pytest.mark.slow

VOLUME = {
    "organizations": 2,
    "ledgersPerOrganization": 1,
    "assetsPerLedger": 3,
    "accountsPerLedger": 12,
    "transactionsPerAccount": 6,
}
MOVEMENTS = 2 * 12 * 6
SAME_FOR_EACH = {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 16, "ms": 3}}]}
"""A transaction takes the same time whatever it holds, so the largest pack moves the most."""


AUTO = {"transactionsPerBatch": "auto"}
_settings = partial(settings_for, volume=VOLUME, batches=AUTO)


async def _settled(
    url: str, answer: Any = lambda request: None, told: list[Event] | None = None, **changes: Any
) -> tuple[BatchSizeChoice, list[Event]]:
    transport = http_transport(url, request_timeout_s=5, connect_timeout_s=1)
    events: list[Event] = [] if told is None else told
    try:
        _, choice = await choose_batch_size(
            _settings(url, **changes),
            InterceptingTransport(transport, answer),
            SystemClock(),
            events.append,
            measure=True,
        )
    finally:
        await transport.aclose()
    return choice, events


async def test_a_run_uses_the_measured_batch_size_reports_it_and_removes_what_the_trial_created() -> None:
    async with sandbox(SAME_FOR_EACH) as server:
        report = await seed_async(_settings(server.url))
        assert report.exit_code == 0, report.verdict
        assert report.packing is not None
        assert report.packing.size == 5
        assert [trial.size for trial in report.packing.trials] == [1, 2, 5]
        assert report.settings["generation"]["batches"]["transactionsPerBatch"] == 5
        assert report.movements == MOVEMENTS
        assert report.transactions == 2 * 3 + 2 * 12  # a deposit for the accounts of an asset, five transfers in one
        assert "batch size: auto, 5 movements per transaction" in render_text(report)
        found = await read_balances(server.url)
    assert len(found) == 2  # the ledgers of the plan
    async with sandbox() as server:
        await seed_async(_settings(server.url, batches={"transactionsPerBatch": 1}))
        assert found == await read_balances(server.url)


@pytest.mark.parametrize("journal", [False, True])
async def test_a_later_session_keeps_the_size_that_the_run_began_with(journal: bool, tmp_path: Path) -> None:
    changes = {"journal": {"directory": str(tmp_path)}} if journal else {}
    async with sandbox(SAME_FOR_EACH) as server:
        first = await seed_async(_settings(server.url, **changes))
        posts = server.app.statistics.requests["POST", "transactions"]
        again = await seed_async(
            _settings(server.url, batches={**AUTO, "packLatencyMsP99": 1}, **changes)
        )  # would find 1 this time
        assert again.exit_code == 0, again.verdict
        assert (again.run_id, again.plan_digest) == (first.run_id, first.plan_digest)
        assert again.packing is not None
        assert again.packing.size == 5
        assert not again.packing.trials
        assert server.app.statistics.requests["POST", "transactions"] == posts
        if journal:
            assert (
                find_run(tmp_path, first.run_id).read_record().settings["generation.batches.transactionsPerBatch"] == 5
            )


async def test_a_sandbox_that_ends_with_the_run_is_measured_although_another_servers_run_is_written_down(
    tmp_path: Path,
) -> None:
    changes = {"journal": {"directory": str(tmp_path)}}
    async with sandbox(SAME_FOR_EACH) as server:
        await seed_async(_settings(server.url, **changes))
    report = await seed_async(_settings("sandbox", **changes))
    assert report.exit_code == 0, report.verdict
    assert report.packing is not None
    assert report.packing.trials


async def test_verify_and_teardown_find_the_batch_size_of_the_run() -> None:
    async with sandbox(SAME_FOR_EACH) as server:
        await seed_async(_settings(server.url))
        proof = await verify_async(_settings(server.url))
        assert proof.exit_code == 0, proof.verdict
        await teardown_async(_settings(server.url), dry_run=False)
        assert not await read_balances(server.url)
        nothing = await verify_async(_settings(server.url))
        assert nothing.exit_code == 1
        assert nothing.packing is not None
        assert nothing.packing.reason == "nothing of the run is on the server"
        assert server.app.statistics.requests["POST", "organizations"] == 3  # two of the plan, one to measure in


async def test_shards_take_the_size_that_was_measured() -> None:
    async with sandbox(SAME_FOR_EACH) as server:
        report = await seed_async(_settings(server.url, limits={"shards": 2}))
    assert report.exit_code == 0, report.verdict
    assert report.transactions == 2 * 3 + 2 * 12


async def test_sizes_that_the_server_refuses_are_not_taken() -> None:
    def refuse(request: Request) -> Response | None:
        legs = (request.body or b"").count(b"accountAlias")
        small = "/transactions/json" not in request.path or legs <= 3
        return None if small else Response(422, {}, b'{"code":"0099","title":"Too Many","message":"too many legs"}')

    async with sandbox(SAME_FOR_EACH) as server:
        choice, events = await _settled(server.url, refuse)
        assert not await read_balances(server.url)
    assert choice.size == 2
    assert "too many legs" in choice.trials[-1].refusal
    assert [event.size for event in events if isinstance(event, BatchSizeMeasured)] == [1, 2, 5]


async def test_a_connection_that_breaks_while_sizes_are_measured_is_a_refusal_and_no_crash() -> None:
    sent = 0

    def break_some(request: Request) -> Exception | None:
        nonlocal sent
        sent += "/transactions/json" in request.path
        return LostConnectionError("reset") if "/transactions/json" in request.path and sent % 50 == 0 else None

    async with sandbox(SAME_FOR_EACH) as server:
        choice, _ = await _settled(server.url, break_some)
    assert choice.size == 5
    assert 0 < choice.trials[0].refused_share < 0.05


async def test_a_server_before_v3_3_gets_single_movements_and_nothing_is_tried_out_on_it() -> None:
    def old(request: Request) -> Response | None:
        return Response(200, {}, b'{"version":"v3.2.0"}') if request.path == "/version" else None

    async with sandbox() as server:
        choice, _ = await _settled(server.url, old)
        assert server.app.statistics.requests["POST", "organizations"] == 0
    assert choice.size == 1
    assert "v3.2.0" in choice.reason


async def test_a_plan_without_transfers_needs_no_batch_size_trial() -> None:
    async with sandbox() as server:
        choice, _ = await _settled(server.url, volume={**VOLUME, "transactionsPerAccount": 0})
        assert server.app.statistics.requests["POST", "organizations"] == 0
    assert choice.size == 1


async def test_what_measuring_cannot_remove_is_named() -> None:
    def keep(request: Request) -> Response | None:
        return Response(500, {}, b'{"code":"0046","message":"no"}') if request.method == "DELETE" else None

    async with sandbox() as server:
        _, events = await _settled(server.url, keep, volume={**VOLUME, "transactionsPerAccount": 3})
    (left,) = [event for event in events if isinstance(event, LeftBehind)]
    assert "/ledgers/" in left.paths[0]
    assert "500 0046" in left.paths[0]


async def test_measuring_keeps_to_the_rate_limit() -> None:
    rate_per_s = 2000
    async with sandbox() as server:
        changes = {"volume": {**VOLUME, "transactionsPerAccount": 3}}
        choice, _ = await _settled(server.url, limits={"requestsPerSecond": rate_per_s}, **changes)
        sent = server.app.statistics.requests["POST", "transactions"]
    assert sent <= rate_per_s * choice.elapsed_s + rate_per_s / 10


async def test_measuring_is_part_of_the_time_that_a_run_is_given_and_ends_with_a_third_of_it() -> None:
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 4, "ms": 8}}]}
    async with sandbox(slow) as server:
        report = await seed_async(_settings(server.url, limits={"durationS": 6}))
    assert report.packing is not None
    assert [trial.size for trial in report.packing.trials] == [1]  # each trial takes a second or more
    assert report.packing.elapsed_s > 2


async def test_measuring_that_takes_all_the_time_of_a_run_ends_with_it_and_leaves_nothing() -> None:
    """T5."""
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 4, "ms": 8}}]}
    async with sandbox(slow) as server:
        with pytest.raises(UnreachableError, match="the time limit passed before the run could begin"):
            await seed_async(_settings(server.url, limits={"durationS": 1}))
        assert not await read_balances(server.url)


async def test_credentials_that_are_refused_while_sizes_are_measured_end_the_run_and_what_is_left_is_named() -> None:
    sent = 0

    def refuse(request: Request) -> Exception | None:
        nonlocal sent
        sent += "/transactions/json" in request.path
        return UnauthorizedError("the token cannot be renewed") if sent > 100 else None

    told: list[Event] = []
    async with sandbox() as server:
        with pytest.raises(UnauthorizedError, match="renewed"):
            await _settled(server.url, refuse, told)
    (left,) = [event for event in told if isinstance(event, LeftBehind)]
    assert "/ledgers/" in left.paths[0]


async def test_an_organization_that_may_have_been_made_to_measure_in_is_named() -> None:
    def lose(request: Request) -> Exception | None:
        return LostConnectionError("reset") if request.method == "POST" else None

    told: list[Event] = []
    async with sandbox() as server:
        with pytest.raises(UnreachableError):
            await _settled(server.url, lose, told)
    (left,) = [event for event in told if isinstance(event, LeftBehind)]
    assert "seedRun packing-" in left.paths[0]


async def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    seen: set[str] = set()

    def busy_once(request: Request) -> Response | None:
        first, path = request.path not in seen, request.path
        seen.add(path)
        return Response(503, {}, b"{}") if first and "/transactions/json" not in path else None

    async with sandbox(SAME_FOR_EACH) as server:
        choice, _ = await _settled(server.url, busy_once)
    assert choice.size == 5


async def test_a_run_with_another_batch_size_is_a_conflict_and_moves_nothing() -> None:
    async with sandbox() as server:
        await seed_async(_settings(server.url, batches={"transactionsPerBatch": 5}, runId="mine"))
        posts = server.app.statistics.requests["POST", "transactions"]
        report = await seed_async(_settings(server.url, batches={"transactionsPerBatch": 2}, runId="mine"))
        assert report.exit_code == 1
        assert "seedPack: 5 on the server, 2 in the plan" in report.errors[0].example.message
        assert server.app.statistics.requests["POST", "transactions"] == posts


async def test_an_unreachable_or_refusing_target_is_reported_before_the_trial() -> None:
    with pytest.raises(UnreachableError):
        await _settled("http://127.0.0.1:9")
    async with sandbox() as server:
        refused = Response(401, {}, b'{"code":"0042","message":"no token"}')
        with pytest.raises(UnauthorizedError, match="no token"):
            await _settled(server.url, lambda request: refused if "organizations" in request.path else None)
        other = Response(200, {}, b"<html>")
        with pytest.raises(NotMidazError):
            await _settled(server.url, lambda request: other if request.path == "/version" else None)
        assert server.app.statistics.requests["POST", "organizations"] == 0


@pytest.mark.parametrize("dialect", ["v3.3", "v4"])
async def test_other_versions_are_measured_too(dialect: str) -> None:
    report = await seed_async(_settings("sandbox", sandbox={"dialect": dialect}))
    assert report.exit_code == 0, report.verdict
    assert report.packing is not None
    assert report.packing.trials


async def test_a_signal_while_sizes_are_measured_leaves_nothing_behind(tmp_path: Path) -> None:
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 4, "ms": 20}}]}
    async with sandbox(slow) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "midaz_seed", "run", "--base-url", server.url, "--transactions-per-batch", "auto",
            stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=tmp_path,
        )  # fmt: skip
        assert process.stderr is not None
        assert b"batch size 1:" in await process.stderr.readline()
        process.terminate()
        _, stderr = await process.communicate()
        assert process.returncode == 143
        assert b"nothing of the plan was sent" in stderr
        assert not await read_balances(server.url)
        assert server.app.statistics.requests["POST", "organizations"] == 1


@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
async def test_a_killed_run_resumes_with_the_batch_size_that_it_started_with(journal: str, tmp_path: Path) -> None:
    volume = ["--accounts", "200", "--transactions", "4", "--organizations", "1", "--ledgers", "1", "--assets", "2"]
    words = ["run", *volume, "--transactions-per-batch", "auto", "-c", "4", "-q", journal, "--base-url"]
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 4, "ms": 4}}]}

    async def command(url: str, *more: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "midaz_seed", *words, url, *more, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
        )

    async with sandbox(slow) as server:
        process = await command(server.url)
        ours = b'"seedPack"'
        async with aiohttp.ClientSession(server.url) as client:
            while ours not in await (await client.get("/v1/organizations")).read():  # measuring is over
                await asyncio.sleep(0.005)
        measured = server.app.statistics.requests["POST", "transactions"]
        while server.app.statistics.requests["POST", "transactions"] < measured + 10:
            await asyncio.sleep(0.002)
        process.kill()
        await process.wait()
        process = await command(server.url, "--json", "--set", "generation.batches.packLatencyMsP99=1")  # would find 1
        told, _ = await process.communicate()
        assert process.returncode == 0
        report = json.loads(told)
        assert report["packing"]["size"] > 1
        assert report["packing"]["reason"].startswith("as the run began")
        assert report["proof"]["ok"]
        found = await read_balances(server.url)
    async with sandbox() as server:
        numbers = {"organizations": 1, "ledgersPerOrganization": 1, "assetsPerLedger": 2, "accountsPerLedger": 200}
        single = {"preset": "small", "target": {"baseUrl": server.url}, "journal": {"enabled": False}}
        await seed_async(Settings.model_validate({**single, "volume": {**numbers, "transactionsPerAccount": 4}}))
        assert found == await read_balances(server.url)
