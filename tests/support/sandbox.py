"""Sandboxes to test against, and what they hold."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from midaz_seed.runner import seed_async
from midaz_seed.sandbox import FaultPlan, SandboxConfig, SandboxServer, running
from tests.support.settings import settings_for
from tools.chaos.processes import COMMAND, READY, UNMEASURED_ENVIRONMENT

Balances = dict[str, dict[str, str]]
"""Organization's and ledger's name, joined by a slash -> alias -> available."""


@asynccontextmanager
async def sandbox(faults: Mapping[str, Any] | None = None, **config: Any) -> AsyncIterator[SandboxServer]:
    """Run a sandbox on a free port, in this process."""
    plan = FaultPlan.model_validate(faults) if faults else None
    async with running(SandboxConfig(faults=plan, **config)) as server:
        yield server


@contextmanager
def blocking_sandbox_process(*arguments: str) -> Iterator[str]:
    """Run a sandbox in a process, for tests without an event loop; yield its URL. Others use `sandbox_process` of
    tools.chaos.processes."""
    command = [*COMMAND, "sandbox", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=UNMEASURED_ENVIRONMENT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), line
        try:
            yield line.split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)


def undisturbed_balances(**sections: Any) -> Balances:
    """Run to the end on a sandbox without faults, with these sections of the settings; return the balances."""

    async def run() -> Balances:
        async with sandbox() as server:
            report = await seed_async(settings_for(server.url, **sections))
            assert report.exit_code == 0, report.verdict
            return await read_balances(server.url)

    return asyncio.run(run())


async def read_balances(url: str) -> Balances:
    """Read every default balance of a server; ask again where it fails now and then."""
    found: Balances = {}
    async with aiohttp.ClientSession() as session:
        for organization in await _read_list(session, f"{url}/v1/organizations"):
            base = f"{url}/v1/organizations/{organization['id']}/ledgers"
            for ledger in await _read_list(session, base):
                rows = await _read_list(session, f"{base}/{ledger['id']}/balances")
                name = f"{organization['legalName']}/{ledger['name']}"
                found[name] = {row["alias"]: row["available"] for row in rows}
    return found


async def _read_list(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """Read a list to its end: balances are paged by cursor, other lists by page number."""
    by_cursor = url.endswith("/balances")
    rows: list[dict[str, Any]] = []
    cursor, page = "", 1
    while True:
        place = f"cursor={cursor}" if cursor else "" if by_cursor else f"page={page}"
        body = await _read_page(session, f"{url}?limit=100&{place}".rstrip("&"))
        items = body["items"] or []
        rows += items
        cursor, page = body.get("next_cursor", ""), page + 1
        if not cursor and (by_cursor or len(items) < 100):
            return rows


async def _read_page(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    for _ in range(50):
        try:
            async with session.get(url) as answer:
                if answer.status == 200:
                    return dict(await answer.json())
        except (aiohttp.ClientError, ValueError):
            continue
    raise AssertionError(f"no answer from {url}")
