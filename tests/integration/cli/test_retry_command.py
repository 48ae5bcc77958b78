"""`midaz-seed retry`: what was refused stays known, however a session ends, and "nothing was refused" is not said of a
run that is not done."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from midaz_seed.errors import SeedError
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import REJECTS, RunDirectory, find_run
from midaz_seed.runs.record import RunStatus
from midaz_seed.runs.rejects import NEW
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.cli import run_cli
from tests.support.gateway import GatewayAnswer, gateway
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport
from tools.chaos.processes import UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 3}


_settings = partial(settings_for, volume=VOLUME)


def _refusing(url: str) -> Transport:
    """A server that finds every third account wrong."""
    seen = count()

    def answer(request: Request) -> Response | None:
        if request.method == "POST" and request.path.endswith("/accounts") and next(seen) % 3 == 2:
            return Response(400, {}, b'{"code":"0047","title":"Bad Request","message":"no such product"}')
        return None

    return InterceptingTransport(http_transport(url), answer)


async def _with_refusals(url: str, runs: Path) -> RunDirectory:
    """A run of which some accounts were refused."""
    await seed_async(_settings(url, runs=runs), overrides={Transport: _refusing(url)})
    run = find_run(runs, "")
    assert len(_keys(run)) >= 3
    return run


def _keys(run: RunDirectory) -> set[str]:
    return {reject["key"] for reject in run.rejects()}


def test_a_retry_while_the_server_is_away_keeps_what_was_refused(tmp_path: Path) -> None:
    async def refused() -> RunDirectory:
        async with sandbox() as server:
            return await _with_refusals(server.url, tmp_path / "runs")

    run = asyncio.run(refused())
    before, about = _keys(run), run.read_record()
    for _ in range(2):
        said = run_cli("retry", about.run_id, "-q", "--attempts", "1", cwd=tmp_path)
        assert said.returncode == 3
        assert "no rejected items: nothing" not in said.stdout
        assert _keys(run) == before
    assert run.read_record().status is RunStatus.UNFINISHED
    assert run.read_record().rejected == about.rejected == len(before)


@asynccontextmanager
async def _broken_gateway(kind: str, upstream: str) -> AsyncIterator[str]:
    answers = {
        "401": GatewayAnswer(401, [], b'{"code":"0042","title":"Unauthorized","message":"no"}'),
        "404 of an ingress": GatewayAnswer(404, [("Content-Type", "text/plain")], b"default backend - 404"),
        "login page": GatewayAnswer(200, [("Content-Type", "text/html")], b"<html>sign in</html>"),
    }
    async with gateway(upstream, lambda *_: None, lambda head, body: answers[kind]) as url:
        yield url


@pytest.mark.parametrize("kind", ["401", "404 of an ingress", "login page"])
async def test_a_session_that_is_refused_at_the_start_keeps_what_was_refused_and_the_next_sends_it(
    kind: str, tmp_path: Path
) -> None:
    async with sandbox() as server:
        run = await _with_refusals(server.url, tmp_path)
        before = _keys(run)
        async with _broken_gateway(kind, server.url) as url:
            with pytest.raises(SeedError):
                await seed_async(_settings(url, runs=tmp_path))
        assert _keys(run) == before
        report = await seed_async(_settings(server.url, runs=tmp_path))
        assert report.exit_code == 0, report.verdict
        assert _keys(run) == set()
        assert run.read_record().rejected == 0


_KILLED_RETRY = f"""
import asyncio, os, sys
from pathlib import Path
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import Transport
from midaz_seed.transport.base import Response
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport

url, runs = sys.argv[1], Path(sys.argv[2])
posts = 0

def answer(request):
    global posts
    if request.method == "POST" and request.path.endswith("/accounts"):
        posts += 1
        if posts == 1:
            return Response(400, {{}}, b'{{"code":"0047","title":"Bad Request","message":"still no such product"}}')
        if posts == 3:
            os._exit(9)

transport = InterceptingTransport(http_transport(url), answer)
settings = settings_for(url, volume={VOLUME}, runs=runs)
asyncio.run(seed_async(settings, overrides={{Transport: transport}}))
"""


async def test_a_retry_that_is_killed_in_the_middle_keeps_what_was_refused(tmp_path: Path) -> None:
    async with sandbox() as server:
        run = await _with_refusals(server.url, tmp_path)
        before = _keys(run)
        source = Path(__file__).parents[3]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _KILLED_RETRY, server.url, str(tmp_path)),
            cwd=source,
            env={**UNMEASURED_ENVIRONMENT, "PYTHONPATH": str(source)},
        )
        assert await process.wait() == 9
        assert (run.path / f"{REJECTS}{NEW}").exists()
        assert _keys(run) <= before
        said = {reject["message"] for reject in run.rejects()}
        assert said == {"no such product", "still no such product"}
        async with _broken_gateway("401", server.url) as url:
            with pytest.raises(SeedError):
                await seed_async(_settings(url, runs=tmp_path))
        assert {reject["message"] for reject in run.rejects()} == said
        report = await seed_async(_settings(server.url, runs=tmp_path))
        assert report.exit_code == 0, report.verdict
        assert _keys(run) == set()


async def test_a_retry_can_be_followed_as_a_run(tmp_path: Path) -> None:
    flags = ("--metrics", "127.0.0.1:0", "--web", "127.0.0.1:0", "-q")
    async with sandbox() as server:
        run = await _with_refusals(server.url, tmp_path / "runs")
        name = run.read_record().run_id
        done = await asyncio.to_thread(run_cli, "retry", name, "--events", "events", *flags, cwd=tmp_path)
        again = await asyncio.to_thread(run_cli, "retry", name, "--events", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "live page: http://127.0.0.1:" in done.stderr
    assert "metrics: http://127.0.0.1:" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert lines[0]["command"] == "retry"
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("run_finished", 0)
    assert "no rejected items: nothing was sent" in again.stderr
    assert [json.loads(line)["event"] for line in again.stdout.splitlines()] == ["header", "run_finished"]


async def test_a_stopped_retry_keeps_what_it_did_not_send(tmp_path: Path) -> None:
    async with sandbox() as server:
        run = await _with_refusals(server.url, tmp_path)
        before = _keys(run)

        def gone(request: Request) -> Response | None:
            return Response(401, {}, b"{}") if request.method == "POST" else None

        wire = http_transport(server.url)
        report = await seed_async(
            _settings(server.url, runs=tmp_path), overrides={Transport: InterceptingTransport(wire, gone)}
        )
        assert report.exit_code == 3
        assert _keys(run) == before


async def test_the_processes_of_a_sharded_run_put_what_is_refused_into_one_file(tmp_path: Path) -> None:
    seen = count()

    def refuse(head: bytes, body: bytes) -> GatewayAnswer | None:
        if head.startswith(b"POST") and head.split(b" ")[1].endswith(b"/accounts") and next(seen) % 3 == 2:
            return GatewayAnswer(400, [], b'{"code":"0047","title":"Bad Request","message":"no such product"}')
        return None

    def sharded(url: str) -> Settings:
        volume = {**VOLUME, "ledgersPerOrganization": 2}
        shards = {"limits": {"shards": 2}}
        return settings_for(url, volume=volume, runs=tmp_path, generation=shards)

    async with sandbox() as server:
        async with gateway(server.url, lambda *_: None, refuse) as url:
            report = await seed_async(sharded(url))
        run = find_run(tmp_path, "")
        assert len(_keys(run)) == report.failed_items_total > 3
        assert not (run.path / f"{REJECTS}{NEW}").exists()
        report = await seed_async(sharded(server.url), directory=run)
    assert report.exit_code == 0, report.verdict
    assert _keys(run) == set()


def test_retry_does_not_report_that_nothing_was_refused_for_an_unfinished_run(tmp_path: Path) -> None:
    async def cut_off() -> str:
        async with sandbox() as server:
            settings = _settings(server.url, runs=tmp_path / "runs")

            def gone(request: Request) -> Response | None:
                return Response(401, {}, b"{}") if request.path.endswith("/json") else None

            wire = http_transport(server.url)
            await seed_async(settings, overrides={Transport: InterceptingTransport(wire, gone)})
            return build_plan(settings).run_id

    name = asyncio.run(cut_off())
    said = run_cli("retry", name, "-q", cwd=tmp_path)
    assert said.returncode == 2
    assert "not finished" in said.stderr
    assert f"midaz-seed run --resume {name}" in said.stderr


def test_a_finished_run_stays_finished_when_its_server_is_away(tmp_path: Path) -> None:
    async def finished() -> RunDirectory:
        async with sandbox() as server:
            await seed_async(_settings(server.url, runs=tmp_path / "runs"))
            (run,) = [RunDirectory(path) for path in (tmp_path / "runs").iterdir()]
            async with _broken_gateway("404 of an ingress", server.url) as url:
                with pytest.raises(SeedError):
                    await seed_async(_settings(url, runs=tmp_path / "runs"))
            return run

    run = asyncio.run(finished())
    assert run.read_record().status is RunStatus.FINISHED
    said = run_cli("retry", run.read_record().run_id, cwd=tmp_path)
    assert said.returncode == 0
    assert "has no rejected items" in said.stdout
