"""The worker pool: long-lived tasks that take items from the ledgers' iterators in turn.

Every request of a run is sent by a worker, so `maxConcurrency` holds over all ledgers. Memory use is constant, because
an item is made only when a worker is free for it. The limit can be changed while the workers run.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from midaz_seed.engine.admission import Admission, StoppedError
from midaz_seed.task_groups import background_tasks

T = TypeVar("T")


class Ordered(Protocol[T]):
    """An iterator of items that may have to wait for others; it ends when nothing more can start."""

    def __iter__(self) -> Iterator[T]: ...

    def ready(self) -> int:
        """Return how many items may be taken now; 0 while all others wait, 1 at the end."""
        ...

    def finished(self, one: T, /) -> None:
        """Note that the work on an item has ended."""
        ...


class _Stream(Generic[T]):
    """One iterator, what is done with its items, and how many are in progress."""

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
    """A fixed number of workers; `run_all` runs the items of an iterator on them."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._limit = workers
        self._in_progress = 0
        self._idle = 0
        self._reported_idle: set[str] = set()
        self._streams: deque[_Stream[Any]] = deque()
        self._wake = anyio.Event()
        self.admission = Admission(self._wake_up)
        """What may still start."""
        self.on_error: Callable[[Exception], None] = lambda error: None
        """Called at once with each exception of an item; `run_all` raises it when what is in progress has ended."""
        self._group: TaskGroup

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WorkerPool"]:
        """Keep the workers alive for the duration of the block. An exception of the block is raised unwrapped."""
        async with background_tasks() as group:
            self._group = group
            for _ in range(self._workers):
                group.start_soon(self._worker)
            yield self

    @property
    def limit(self) -> int:
        """Items in progress at once, over all streams; at most the number of workers."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = max(1, min(limit, self._workers))
        self._wake.set()

    def cancel(self) -> None:
        """Cancel everything, including what is in progress."""
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
        """Run `work` on every item and return when all are done.

        After `drain` no further item is started; after `close` none of a stream with `is_new_work`. Items that were not
        started are still in the iterator.

        Args:
            items: taken one at a time, when a worker is free.
            work: awaited for each item, on a worker.
            max_concurrent: items of this stream in progress at once; None: as many as there are workers.
            is_new_work: whether the stream ends when time is up.

        Raises:
            Exception: the first exception of `work`, which ends the stream.
        """
        await self._run(_Stream(iter(items), work, max_concurrent or self._workers, is_new_work=is_new_work))

    async def run_ordered(
        self, items: Ordered[T], work: Callable[[T], Awaitable[None]], *, is_new_work: bool = False
    ) -> None:
        """Run `work` on every item that may start; as `run_all`, but an item is taken when `items` has one ready.

        It returns when nothing more can start and everything in progress is done.
        """

        def taken() -> Iterator[T]:
            for item in items:
                admit(wake_from=1)
                yield item

        async def finish(item: T) -> None:
            try:
                await work(item)
            finally:
                items.finished(item)
                # the worker of this item takes the next one itself, unless another stream has its turn
                admit(wake_from=2 if len(self._streams) == 1 else 1)

        def admit(*, wake_from: int) -> None:
            ready = items.ready()
            stream.limit = self._workers if ready else 0
            if self._idle and ready >= wake_from:
                self._wake.set()

        stream = _Stream(taken(), finish, self._workers, is_new_work=is_new_work)
        await self._run(stream)

    async def _run(self, stream: _Stream[Any]) -> None:
        self._streams.append(stream)
        self._wake.set()
        try:
            await stream.done.wait()
        finally:
            self._end(stream, None)
        assert stream.in_progress == 0, "a stream ended with items in progress"
        if stream.error is not None:
            raise stream.error

    async def run_one(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run one function on a worker, so that its requests count against the limit.

        Raises:
            StoppedError: the run drains, so the function was not started, or one of its waits was ended.
        """
        results: list[T] = []

        async def work(_: None) -> None:
            results.append(await function())

        await self.run_all((None,), work)
        if not results:
            raise StoppedError
        return results[0]

    def was_idle_since(self, caller: str) -> bool:
        """Return whether a worker was idle at any time since the last call with this `caller`."""
        if not self._idle and caller in self._reported_idle:
            return False
        self._reported_idle.add(caller)
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
            item = self._next_item(stream)
            if item is _END:
                continue
            try:
                await stream.work(item)
            except Exception as error:  # noqa: BLE001 - raised by run_all, in the task that called it
                self._end(stream, error)
                self.on_error(error)
            finally:
                self._in_progress -= 1
                stream.in_progress -= 1
                if stream.ended and stream.in_progress == 0:
                    stream.done.set()

    async def _wait_for_work(self) -> None:
        if self._in_progress >= self._limit:  # at the limit: not idle
            await self._wake.wait()
            return
        self._reported_idle.clear()
        self._idle += 1
        try:
            await self._wake.wait()
        finally:
            self._idle -= 1
            self._reported_idle.clear()

    def _next_item(self, stream: _Stream[Any]) -> Any:
        """Take the next item, which is then in progress; or return _END and remove the stream from the rotation."""
        try:
            ended = not self.admission.is_open and (self.admission.is_draining or stream.is_new_work)
            item = _END if ended else next(stream.items, _END)
        except Exception as error:  # noqa: BLE001 - raised by run_all
            self._end(stream, error)
            item = _END
        if item is _END:
            self._end(stream, None)
            if stream.in_progress == 0:
                stream.done.set()
        else:
            self._in_progress += 1
            stream.in_progress += 1
        return item

    def _end(self, stream: _Stream[Any], error: Exception | None) -> None:
        stream.error = stream.error or error
        if not stream.ended:
            stream.ended = True
            self._streams.remove(stream)

    def _next_stream(self) -> _Stream[Any] | None:
        """Return the next stream in the rotation that may start another item; None when there is none, or the limit is
        reached.
        """
        if self._in_progress < self._limit:
            for position, stream in enumerate(self._streams, 1):
                if stream.in_progress < stream.limit:
                    self._streams.rotate(-position)
                    return stream
        return None


_END: Any = object()
