"""Clean-up that a cancellation does not cut off, within a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


@asynccontextmanager
async def finished_within(limit_s: float) -> AsyncIterator[None]:
    """Shield the block from a cancellation, for at most `limit_s` seconds after it; then end the block.

    An exception of the block is raised as it is; a task group alone would wrap it.
    """
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        with anyio.CancelScope(shield=True) as scope:

            async def limit() -> None:
                try:
                    await anyio.sleep_forever()
                finally:  # cancelled from outside, or below
                    scope.deadline = anyio.current_time() + limit_s

            group.start_soon(limit)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised below, outside of the task group that would wrap it
                failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
