"""The sandbox as the main program of a process: signals, the ready line, the end."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable

from midaz_seed.sandbox.server import SandboxConfig, running

_ALLOCATIONS_PER_COLLECTION = 50_000
_CRASHED = 2
"""The exit status of a Go program that ends with a panic."""


def run(config: SandboxConfig, *, until_eof: bool) -> None:
    """Serve until SIGINT, SIGTERM or, with `until_eof`, the end of standard input.

    Raises:
        SeedError: it cannot start.
    """
    # modules and the content of ledgers are no garbage: frequent collections would only cost time
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(config, until_eof=until_eof))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(config: SandboxConfig, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if until_eof:
        stdin = sys.stdin.fileno()
        try:
            loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else ended.set())
        except PermissionError:  # a file or /dev/null cannot be watched: it is at its end already
            ended.set()
    async with running(config) as server:
        urls = dict.fromkeys((server.url, server.transaction_url))
        sys.stdout.write(f"sandbox listening on {' '.join(urls)}\n")
        sys.stdout.flush()
        waits = [asyncio.ensure_future(event.wait()) for event in (ended, server.crashed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    if server.crashed.is_set():
        raise SystemExit(_CRASHED)
