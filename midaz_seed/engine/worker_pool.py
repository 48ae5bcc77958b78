"""The workers: a number of long-lived tasks that pull work from the ledgers' iterators in turn.

Every request of a run goes through here, so `maxConcurrency` holds over all ledgers, and memory stays flat because an
item is made only when a worker is free for it. How many may work at once can be changed while they do.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from midaz_seed.engine.admission import Admission
from midaz_seed.engine.task_groups import background_tasks

T = TypeVar("T")


class _Stream(Generic[T]):
    """One iterator's work, and how much of it is in hand."""

    __slots__ = ("done", "ended", "error", "in_progress", "is_new_work", "items", "limit", "work")

    def __init__(
        self, items: Iterator[T], work: Callable[[T], Awaitable[None]], limit: int, *, is_new_work: bool
    ) -> None:
        self.items = items
        self.is_new_work = is_new_work
        self.work = work
        self.limit = limit
        self.in_progress = 0
        self.ended = False
        self.done = anyio.Event()
        self.error: Exception | None = None


class WorkerPool:
    """N workers; `run_all` hands them an iterator and waits until its items are done."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._limit = workers
        self._in_hand = 0
        self._idle = 0
        self._told: set[str] = set()
        self._streams: deque[_Stream[Any]] = deque()
        self._wake = anyio.Event()
        self.admission = Admission(self._wake_up)
        """What may still begin."""
        self._group: TaskGroup

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WorkerPool"]:
        """Keep the workers alive for the duration of the block. What the block raises comes out unwrapped."""
        async with background_tasks() as group:
            self._group = group
            for _ in range(self._workers):
                group.start_soon(self._worker)
            yield self

    @property
    def limit(self) -> int:
        """Items in hand at once, over all streams; at most the number of workers."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = max(1, min(limit, self._workers))
        self._wake.set()

    def cancel(self) -> None:
        """End everything at once, what is in progress included."""
        self.admission.cancel()
        self._group.cancel_scope.cancel()

    async def run_all(
        self,
        items: Iterable[T],
        work: Callable[[T], Awaitable[None]],
        *,
        max_concurrent: int | None = None,
        is_new_work: bool = False,
    ) -> None:
        """Do `work` on every item, at most `max_concurrent` of them at a time, and return when all are done.

        The first exception of `work` ends the stream and is raised here. After `stop`, items not yet begun are left;
        after `close` those that are `is_new_work`, which then are still in the iterator.
        """
        stream = _Stream(iter(items), work, max_concurrent or self._workers, is_new_work=is_new_work)
        self._streams.append(stream)
        self._wake.set()
        try:
            await stream.done.wait()
        finally:
            self._end(stream, None)
        if stream.error is not None:
            raise stream.error

    async def run_one(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run one function on a worker, so that its requests count against the limit."""
        results: list[T] = []

        async def work(_: None) -> None:
            results.append(await function())

        await self.run_all((None,), work)
        if not results:
            raise StoppedError
        return results[0]

    def was_idle_since(self, who: str) -> bool:
        """Whether a worker has had nothing to do since `who` asked for the last time."""
        if not self._idle and who in self._told:
            return False
        self._told.add(who)
        return True

    def _wake_up(self) -> None:
        self._wake.set()

    async def _worker(self) -> None:
        while True:
            stream = self._next_stream()
            if stream is None:
                if self._wake.is_set():
                    self._wake = anyio.Event()
                await self._wait_for_work()
                continue
            item = self._take(stream)
            if item is _END:
                continue
            try:
                await stream.work(item)
            except Exception as error:  # noqa: BLE001 - raised by drain, in the task that asked for the work
                self._end(stream, error)
            finally:
                self._in_hand -= 1
                stream.in_progress -= 1
                if stream.ended and stream.in_progress == 0:
                    stream.done.set()

    async def _wait_for_work(self) -> None:
        if self._in_hand >= self._limit:  # there is enough to do, and no room
            await self._wake.wait()
            return
        self._told.clear()
        self._idle += 1
        try:
            await self._wake.wait()
        finally:
            self._idle -= 1
            self._told.clear()

    def _take(self, stream: _Stream[Any]) -> Any:
        """The next item, now in hand; or _END, and the stream is out of the turn."""
        try:
            over = not self.admission.is_open and (self.admission.is_draining or stream.is_new_work)
            item = _END if over else next(stream.items, _END)
        except Exception as error:  # noqa: BLE001 - raised by drain
            self._end(stream, error)
            item = _END
        if item is _END:
            self._end(stream, None)
            if stream.in_progress == 0:
                stream.done.set()
        else:
            self._in_hand += 1
            stream.in_progress += 1
        return item

    def _end(self, stream: _Stream[Any], error: Exception | None) -> None:
        stream.error = stream.error or error
        if not stream.ended:
            stream.ended = True
            self._streams.remove(stream)

    def _next_stream(self) -> _Stream[Any] | None:
        """The next stream in turn that may have another item in hand; None when there is none, or no room."""
        if self._in_hand < self._limit:
            for looked_at, stream in enumerate(self._streams, 1):
                if stream.in_progress < stream.limit:
                    self._streams.rotate(-looked_at)
                    return stream
        return None


class StoppedError(Exception):
    """The run is being stopped, so this was not done."""


_END: Any = object()
