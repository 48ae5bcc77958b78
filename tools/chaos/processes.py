"""The command and the sandbox as processes of their own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from midaz_seed.transport.base import Request, TransportError
from midaz_seed.transport.httptools_transport import HttptoolsTransport

SOURCE = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "midaz_seed")
READY = "sandbox listening on "
"""Begins the line that a sandbox prints when it accepts connections; its URLs follow."""
CLEAN_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MIDAZ_SEED_")}
"""For processes: without the settings of this machine."""
UNMEASURED_ENVIRONMENT = {
    name: value for name, value in CLEAN_ENVIRONMENT.items() if not name.startswith("COVERAGE_")
} | {"PYTHONPATH": str(SOURCE)}
"""For processes under load, which coverage would slow down, and for processes that are killed, which write no
coverage."""


@asynccontextmanager
async def command_process(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] = UNMEASURED_ENVIRONMENT
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command in a process, with pipes; kill it at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def sandbox_process(
    *arguments: str, cwd: Path | None = None, port: int = 0, environment: Mapping[str, str] = UNMEASURED_ENVIRONMENT
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run a sandbox in a process; yield its URL and its process."""
    options = ("sandbox", "--port", str(port), *arguments)
    async with command_process(*options, cwd=cwd, environment=environment) as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith(READY), line or (await process.communicate())[1].decode()
        yield line.split()[-1], process


async def query_sandbox(url: str, request: Request) -> Any:
    """Send a request to a sandbox's own endpoints; return the JSON of the answer, None while it does not answer."""
    transport = HttptoolsTransport(url, url, headers={}, request_timeout_s=5, connect_timeout_s=5)
    try:
        return json.loads((await transport.send(request)).body)
    except (TransportError, ValueError):
        return None
    finally:
        await transport.aclose()


async def posts_seen(url: str) -> int:
    """Count the POST requests that a sandbox has carried out; 0 while it does not answer."""
    stats = await query_sandbox(url, Request("GET", "/sandbox/stats"))
    return sum(count for name, count in stats["requests"].items() if name.startswith("POST ")) if stats else 0
