"""The event loop that a synchronous call runs in."""

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

import anyio

from midaz_seed.errors import UsageError
from midaz_seed.file_descriptors import raise_limit

P = ParamSpec("P")
T = TypeVar("T")


def run_in_loop(function: Callable[[], Awaitable[T]], *, name: str = "", instead: str = "") -> T:
    """Run an async function to its end: on uvloop where it can be imported, on asyncio otherwise.

    Args:
        function: called without arguments.
        name: the name of the caller's function, for the error message.
        instead: what to await inside a running event loop, for the error message.

    Returns:
        What the function returns.

    Raises:
        UsageError: an event loop is running in this thread, or there are too few file descriptors for one.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        instead = instead or "its async twin"
        raise UsageError(
            f"{name or 'this function'} cannot be called inside a running event loop: use {instead}",
            hint=f"await {instead} there",
        )
    raise_limit()
    try:
        import uvloop  # noqa: F401
    except ImportError:
        fast = False
    else:
        fast = True
    return anyio.run(function, backend_options={"use_uvloop": fast})


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function that computes for long in a thread of its own, so that the event loop still handles signals.

    Cancellation abandons the thread. It is a daemon, so it does not keep the process alive.

    Args:
        function: called without arguments; it must have no effect but its result.

    Returns:
        What the function returns.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def deliver(deliver_to: Callable[[Any], None], value: object) -> None:
        if not result.done():
            deliver_to(value)

    def work() -> None:
        outcome: tuple[Callable[[Any], None], object]
        try:
            outcome = (result.set_result, function())
        except Exception as error:  # noqa: BLE001 - raised where the result is awaited
            outcome = (result.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=work, daemon=True).start()
    return await result


def synchronous(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make the synchronous twin of an async function: the same parameters, result and errors.

    Args:
        function: its name ends in `_async`; its twin is named without that.

    Returns:
        A function for programs without an event loop. Inside a running one it raises UsageError.
    """
    name = function.__name__

    @functools.wraps(function)
    def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_in_loop(lambda: function(*args, **kwargs), name=twin.__name__, instead=name)

    twin.__name__ = twin.__qualname__ = name.removesuffix("_async")
    return twin
