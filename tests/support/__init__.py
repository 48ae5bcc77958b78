"""What several tests need: settings of a small world, a sandbox of its own for each test, a look at its balances, a
call of the command."""

import io
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import anyio
import orjson

from midaz_seed.cli import main
from midaz_seed.clock import Clock
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import FaultPlan, SandboxConfig, SandboxServer, running
from midaz_seed.settings.model import Settings
from midaz_seed.settings.presets import PRESETS
from midaz_seed.transport.base import Request, Response, Transport
from midaz_seed.transport.httptools_transport import HttptoolsTransport

FAST = {
    "generation": {"retries": {"max": 12, "initialDelay": 1, "maxDelay": 20}},
    "breaker": {"openS": 0.05, "giveUpS": 20},
    "settlement": {"deadlineS": 10, "initialDelayS": 0.01, "maxDelayS": 0.1},
    "target": {"requestTimeoutS": 10},
}


ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MIDAZ_SEED_")}
"""For processes: without settings of the machine's."""
UNMEASURED = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("COVERAGE_")}
"""For processes that do a lot of what others are measured at, or are killed and would write no coverage anyhow."""


@dataclass(frozen=True)
class Said:
    """What a call of the command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def cli(*arguments: str, cwd: Path | None = None) -> Said:
    """One call of the command, in this process; its runs are kept below `cwd`, or where the test's own are. A sandbox
    that it starts is another process, which is measured elsewhere."""
    runs = {} if cwd else {name: value for name, value in os.environ.items() if name.endswith("JOURNAL__DIRECTORY")}
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, {**UNMEASURED, **runs}, clear=True),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(arguments)
        except SystemExit as left:
            code = int(left.code or 0)
    assert "Traceback" not in err.getvalue()
    assert "internal error" not in err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, the later ones on top."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def world(url: str, preset: str = "tiny", **changes: Any) -> Settings:
    """Settings of a preset against a server, with short pauses; `changes` are sections by their YAML names. There is
    no journal unless a change names its directory."""
    volume = {"volume": dict(PRESETS[preset])}
    target = {"target": {"baseUrl": url}}
    journal = {"journal": {"enabled": "journal" in changes}}
    return Settings.model_validate(merged({"preset": preset}, volume, FAST, target, journal, changes))


@asynccontextmanager
async def sandbox(faults: Mapping[str, Any] | None = None, **config: Any) -> AsyncIterator[SandboxServer]:
    """A sandbox on a free port, in this process."""
    plan = FaultPlan.model_validate(faults) if faults else None
    async with running(SandboxConfig(faults=plan, **config)) as server:
        yield server


async def balances(url: str) -> dict[str, dict[str, str]]:
    """Every default balance on a server: ledger name with its organization's -> alias -> available."""
    found: dict[str, dict[str, str]] = {}
    async with aiohttp.ClientSession() as session:

        async def page_of(address: str) -> dict[str, Any]:
            """One page; a server that is told to fail now and then is asked again."""
            for _ in range(50):
                try:
                    async with session.get(address) as answer:
                        if answer.status == 200:
                            return dict(await answer.json())
                except (aiohttp.ClientError, ValueError):
                    continue
            raise AssertionError(f"no answer from {address}")

        async def rows(path: str) -> list[dict[str, Any]]:
            collected: list[dict[str, Any]] = []
            cursor, page = "", 1
            while True:
                query = f"?limit=100&cursor={cursor}" if cursor else f"?limit=100&page={page}"
                body = await page_of(url + path + (query if "balances" not in path or cursor else "?limit=100"))
                items = body["items"] or []
                collected += items
                cursor, page = body.get("next_cursor", ""), page + 1
                if not cursor and ("balances" in path or len(items) < 100):
                    return collected

        for organization in await rows("/v1/organizations"):
            base = f"/v1/organizations/{organization['id']}/ledgers"
            for ledger in await rows(base):
                name = f"{organization['legalName']}/{ledger['name']}"
                found[name] = {row["alias"]: row["available"] for row in await rows(f"{base}/{ledger['id']}/balances")}
    return found


class Hurried:
    """A clock that goes so many times as fast as another: what waits by it waits that much shorter."""

    def __init__(self, clock: Clock, times: float) -> None:
        self._clock = clock
        self._times = times
        self._began_s = clock.time()

    def monotonic(self) -> float:
        return self._clock.monotonic() * self._times

    def time(self) -> float:
        return self._began_s + (self._clock.time() - self._began_s) * self._times

    async def sleep(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s / self._times)


class Intercepting:
    """A transport that asks a function first; where that answers None, the request goes on to the real one."""

    def __init__(self, transport: Transport, answer: Callable[[Request], Response | Exception | None]) -> None:
        self._transport = transport
        self._answer = answer

    async def send(self, request: Request) -> Response:
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else await self._transport.send(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


def hide_balances(request: Request) -> Response | None:
    """For `Intercepting`: a server that never shows a balance."""
    if request.method == "GET" and request.path.split("?")[0].endswith("/balances"):
        return Response(200, {}, b'{"items":[],"limit":100}')
    return None


def pretended_answer(request: Request) -> Response:
    """A 201 as a server answers to a transaction, which was not made."""
    sent = orjson.loads(request.body or b"")
    _, _, _, organization, _, ledger, *_ = request.path.split("/")
    send = sent["send"]
    answer = {
        "id": "00000000-0000-7000-8000-000000000001",
        "description": sent["description"],
        "amount": send["value"],
        "assetCode": send["asset"],
        "chartOfAccountsGroupName": "",
        "source": [leg["accountAlias"] for leg in send["source"]["from"]],
        "destination": [leg["accountAlias"] for leg in send["distribute"]["to"]],
        "ledgerId": ledger,
        "organizationId": organization,
        "metadata": sent["metadata"],
        "operations": [{"type": "DEBIT"}],
    }
    return Response(201, {"X-Idempotency-Replayed": "false"}, orjson.dumps(answer))


@dataclass
class Killed:
    """A transport that stops answering at the n-th POST, as if the process had been killed there: the request reached
    the server, or did not. What the journal held at that moment is kept, as the kill would have left it."""

    inner: Transport
    posts: int
    reaches: bool
    copy: Callable[[], None]
    hit: anyio.Event = field(default_factory=anyio.Event)
    seen: int = 0

    async def send(self, request: Request) -> Response:
        if request.method == "POST":
            self.seen += 1
            if self.seen >= self.posts:
                if self.seen == self.posts:
                    self.copy()
                    self.hit.set()
                    if self.reaches:
                        await self.inner.send(request)
                await anyio.sleep_forever()
        return await self.inner.send(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def kill(settings: Settings, posts: int, *, reaches: bool) -> None:
    """Run until the n-th POST and leave what a SIGKILL there leaves."""
    url = settings.target.base_url
    run = settings.journal.directory / build_plan(settings).run_id
    kept = run.with_name("as at the kill")
    wire = HttptoolsTransport(url, url, headers={}, request_timeout_s=10, connect_timeout_s=5)
    transport = Killed(wire, posts, reaches, lambda: shutil.copytree(run, kept) and None)
    async with anyio.create_task_group() as group:

        async def go() -> None:
            await seed_async(settings, overrides={Transport: transport})
            raise AssertionError(f"the run ended after {transport.seen} POST requests")

        group.start_soon(go)
        await transport.hit.wait()
        await anyio.sleep(0.05)  # what reached the server is carried out, as it is when a client is gone
        group.cancel_scope.cancel()
    await wire.aclose()
    shutil.rmtree(run)
    kept.rename(run)
