"""How busy this process itself was: without that, a slow client passes for a slow server."""

import anyio

from midaz_seed.engine.context import RunContext

LOOK_EVERY_S = 0.1


async def watch_own_load(context: RunContext) -> None:
    """Note how late the event loop comes back, until the run ends."""
    while True:
        due_s = anyio.current_time() + LOOK_EVERY_S
        await anyio.sleep(LOOK_EVERY_S)
        context.loop_lag.record(int((anyio.current_time() - due_s) * 1e6))
