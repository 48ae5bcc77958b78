"""Killed with SIGKILL at any moment, and run again: nothing is lost, nothing happens twice; so may the server."""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from midaz_seed.transport.base import Request, TransportError
from midaz_seed.transport.wire import WireTransport
from tests.support import balances, sandbox

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MIDAZ_SEED_")}
WORLD = ["--preset", "small", "--accounts", "40", "--transactions", "12"]
POSTS = 34 + 4 * 40 * 13
KILLS = 5


@asynccontextmanager
async def _running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "midaz_seed",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _finished(url: str, *more: str) -> dict[str, object]:
    """A run to its end: its report."""
    async with _running("run", *WORLD, "-u", url, "--json", "-q", *more) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert b"Traceback" not in err
    report: dict[str, object] = json.loads(out)
    assert process.returncode == 0, report["verdict"]
    return report


async def _requests(url: str) -> int:
    transport = WireTransport(url, url, headers={}, request_timeout_s=5, connect_timeout_s=5)
    try:
        stats = json.loads((await transport.send(Request("GET", "/sandbox/stats"))).body)
    except TransportError:
        return 0
    finally:
        await transport.aclose()
    return sum(stats["statuses"].values())


@pytest.fixture(scope="module")
def calm() -> dict[str, dict[str, str]]:
    """The balances of a run that nobody kills."""

    async def run() -> dict[str, dict[str, str]]:
        async with sandbox() as server:
            await _finished(server.url, "--no-journal")
            return await balances(server.url)

    return asyncio.run(run())


@pytest.mark.parametrize("seed", range(KILLS))
@pytest.mark.parametrize("journal", [True, False], ids=["from its journal", "without a journal"])
async def test_a_client_that_is_killed_and_run_again_ends_in_the_planned_balances(
    seed: int, journal: bool, tmp_path: Path, calm: dict[str, dict[str, str]]
) -> None:
    rng = random.Random(seed)
    kept = ["--runs-dir", str(tmp_path)] if journal else ["--no-journal"]
    kept += ["--set", "settlement.maxDelayS=0.2"]
    faults = {"rules": [{"rate": 0.01, "reset": {"when": "after"}}, {"rate": 0.01, "status": {"code": 503}}]}
    async with sandbox(faults if seed % 2 else None) as server:
        for _ in range(2):
            last = rng.randrange(1, POSTS)
            before = await _requests(server.url)
            async with _running("run", *WORLD, "-u", server.url, "-q", *kept) as process:
                while await _requests(server.url) - before < last and process.returncode is None:
                    await asyncio.sleep(0.005)
                if process.returncode is None:
                    process.kill()
        report = await _finished(server.url, "--attempts", "10", *kept)
        assert await balances(server.url) == calm
    assert report["proof"]["ok"]  # type: ignore[index]


async def test_a_server_that_is_killed_and_restarted_loses_nothing_that_it_acknowledged(
    tmp_path: Path, calm: dict[str, dict[str, str]]
) -> None:
    data = str(tmp_path / "ledger.sqlite")
    async with _running("sandbox", "--port", "0", "--data", data) as first:
        assert first.stdout is not None
        url = (await first.stdout.readline()).decode().split()[-1]
        port = url.rpartition(":")[2]
        settings = ["--set", "breaker.openS=0.1", "--attempts", "10", "--no-journal"]
        async with _running("run", *WORLD, "-u", url, "--json", "-q", *settings) as client:
            while await _requests(url) < POSTS // 2:
                await asyncio.sleep(0.005)
            first.kill()
            await first.wait()
            async with _running("sandbox", "--port", port, "--data", data) as second:
                assert second.stdout is not None
                await second.stdout.readline()
                out, _ = await asyncio.wait_for(client.communicate(), 60)
                assert client.returncode == 0, json.loads(out)["verdict"]
                assert await balances(url) == calm
