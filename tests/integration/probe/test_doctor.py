"""The doctor: what it finds, what it says to do, and that it leaves nothing behind."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.probe.diagnosis import Diagnosis, Level
from midaz_seed.probe.doctor import examine
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.cli import run_cli
from tests.support.sandbox import sandbox
from tests.support.transports import InterceptingTransport, http_transport


@asynccontextmanager
async def _reach(url: str, token: str = "") -> AsyncIterator[Transport]:
    transport = http_transport(url, token=token, request_timeout_s=5, connect_timeout_s=1)
    try:
        yield transport
    finally:
        await transport.aclose()


async def _examined(
    url: str,
    answer: Callable[[Request], Response | Exception | None] = lambda request: None,
    *,
    write: bool = False,
    token: str = "",
) -> Diagnosis:
    async with _reach(url, token) as transport:
        target = ResolvedTarget(url, url, is_sandbox=False)
        return await examine(InterceptingTransport(transport, answer), target, SystemClock(), write=write)


def _level(diagnosis: Diagnosis, name: str) -> Level:
    return next(finding.level for finding in diagnosis.findings if finding.name == name)


def _value(diagnosis: Diagnosis, name: str) -> str:
    return next(finding.value for finding in diagnosis.findings if finding.name == name)


async def test_a_good_server_is_a_go_and_reading_changes_nothing() -> None:
    async with sandbox() as server:
        diagnosis = await _examined(server.url)
        again = await _examined(server.url)
    assert diagnosis.go
    assert _value(diagnosis, "version") == "v3.8.0"
    assert diagnosis.flags == f"--base-url {server.url}"
    assert _value(again, "organizations") == "0"


async def test_writing_proves_idempotency_measures_and_removes_what_it_made() -> None:
    async with sandbox() as server:
        diagnosis = await _examined(server.url, write=True)
        after = await _examined(server.url)
    assert diagnosis.go
    assert _value(diagnosis, "idempotency") == "proved"
    assert _value(diagnosis, "external account") == "debit, positive"
    assert _value(diagnosis, "records") == "synchronous"
    assert "/s" in _value(diagnosis, "transfers")
    assert _value(diagnosis, "removal") == "done"
    assert _value(after, "organizations") == "0"


async def test_a_server_that_executes_a_key_twice_is_a_no_go() -> None:
    keys = 0

    def forget(request: Request) -> None:
        nonlocal keys
        if request.headers and "X-Idempotency" in request.headers:
            keys += 1
            request.headers = {**request.headers, "X-Idempotency": f"{request.headers['X-Idempotency']}-{keys}"}

    async with sandbox() as server:
        diagnosis = await _examined(server.url, forget, write=True)
    assert not diagnosis.go
    assert _level(diagnosis, "idempotency") is Level.STOP
    assert _value(diagnosis, "removal") == "done"


async def test_a_closed_port_is_a_no_go_that_says_so() -> None:
    async with sandbox() as server:
        url = server.url
    diagnosis = await _examined(url)
    assert not diagnosis.go
    assert _level(diagnosis, "connection") is Level.STOP


async def test_something_that_is_no_midaz_is_a_no_go() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    async with server:
        diagnosis = await _examined(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert not diagnosis.go
    assert "not a Midaz" in diagnosis.findings[-1].meaning


async def test_a_wrong_token_is_a_no_go_and_a_right_one_a_go() -> None:
    async with sandbox(auth_token="right") as server:
        wrong = await _examined(server.url, token="wrong")
        right = await _examined(server.url, token="right")
    assert not wrong.go
    assert _level(wrong, "access") is Level.STOP
    assert right.go


async def test_a_clock_that_is_an_hour_off_is_reported_and_is_no_no_go() -> None:
    def shift(request: Request) -> Response | None:
        if request.path == "/version":
            return Response(200, {}, b'{"version":"v3.8.0","requestDate":"2001-01-01T00:00:00Z"}')
        return None

    async with sandbox() as server:
        diagnosis = await _examined(server.url, shift)
    assert diagnosis.go
    assert _level(diagnosis, "clock") is Level.NOTE


async def test_a_server_that_is_not_ready_is_a_no_go() -> None:
    def starting(request: Request) -> Response | None:
        return Response(503, {}, b'{"status":"unhealthy"}') if request.path == "/readyz" else None

    async with sandbox() as server:
        diagnosis = await _examined(server.url, starting)
    assert not diagnosis.go
    assert _value(diagnosis, "readiness") == "unhealthy"


@pytest.mark.parametrize("version", ["v2.2.2", "banana"])
async def test_versions_that_cannot_be_spoken_to_are_a_no_go(version: str) -> None:
    def old(request: Request) -> Response | None:
        return Response(200, {}, json.dumps({"version": version}).encode()) if request.path == "/version" else None

    async with sandbox() as server:
        diagnosis = await _examined(server.url, old)
    assert not diagnosis.go
    assert version in diagnosis.findings[-1].meaning


def test_the_command_ends_with_the_line_that_runs() -> None:
    result = run_cli("doctor", "sandbox")
    assert result.returncode == 0, result.stderr
    assert result.stdout.rstrip().splitlines()[-1] == "GO: midaz-seed run --target sandbox"


def test_the_command_as_json_and_against_nothing() -> None:
    result = run_cli("doctor", "http://127.0.0.1:9", "--json")
    assert result.returncode == 3
    document = json.loads(result.stdout)
    assert document["go"] is False
    assert document["schema_version"] == 1


@pytest.mark.parametrize("dialect", ["v3.3", pytest.param("v4", marks=pytest.mark.thorough)])
def test_the_run_line_repeats_what_was_given_and_no_secret(dialect: str, tmp_path: Path) -> None:
    given = ["--dialect", dialect, "--concurrency", "4", "--set", "breaker.openS=2", "--header", "X-Key: s3cr3t"]
    result = run_cli("doctor", "sandbox", *given, "--sandbox-data", str(tmp_path / "a b.sqlite"))
    assert result.returncode == 0, result.stdout
    line = result.stdout.rstrip().splitlines()[-1].removeprefix("GO: midaz-seed ")
    assert "s3cr3t" not in line
    words = shlex.split(line)
    assert words[:3] == ["run", "--target", "sandbox"]
    assert words[words.index("--dialect") + 1] == dialect
    run = run_cli(*words, "--preset", "tiny", "-q", "--no-journal")
    assert run.returncode == 0, run.stderr
    assert "(Midaz v3.3" in run.stdout if dialect == "v3.3" else "(Midaz v4" in run.stdout
