"""Task groups: tasks in the background of a block, and a clean-up that a cancellation does not cut off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def background_tasks() -> AsyncIterator[TaskGroup]:
    """Open a task group whose tasks are cancelled when the block ends.

    An exception of the block is raised as it is; a task group alone would wrap it.
    """
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        try:
            yield group
        except Exception as error:  # noqa: BLE001 - raised below, outside of the task group that would wrap it
            failure = error
        finally:
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure


@asynccontextmanager
async def finished_within(limit_s: float) -> AsyncIterator[None]:
    """Shield the block from a cancellation, for at most `limit_s` seconds after it; then end the block."""
    async with background_tasks() as tasks:
        with anyio.CancelScope(shield=True) as scope:

            async def limit() -> None:
                try:
                    await anyio.sleep_forever()
                finally:  # cancelled from outside, or at the end of the block
                    scope.deadline = anyio.current_time() + limit_s

            tasks.start_soon(limit)
            yield
