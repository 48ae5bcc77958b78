"""The event loop that a synchronous call runs in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from midaz_seed.errors import UsageError

T = TypeVar("T")


def run_in_loop(function: Callable[[], Awaitable[T]], *, instead: str = "") -> T:
    """Run an async function to its end: on uvloop where it can be imported, on asyncio otherwise.

    Args:
        function: called without arguments.
        instead: what to await inside a running event loop, for the error message.

    Raises UsageError inside a running event loop, where nothing can be run to its end, and what the function raises.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise UsageError(
            "this function cannot be called inside a running event loop",
            hint=f"await {instead} there" if instead else "await its async twin there",
        )
    try:
        import uvloop  # noqa: F401
    except ImportError:
        fast = False
    else:
        fast = True
    return anyio.run(function, backend_options={"use_uvloop": fast})
