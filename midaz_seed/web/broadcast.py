"""Send the state of a run to everyone who watches it, as server-sent events.

Each message is made once, whatever the number of watchers. A watcher that does not read its messages loses them, and
gets the whole state when it reads again; it makes neither the run nor the others wait.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import orjson

from midaz_seed.model.json_types import JsonObject
from midaz_seed.web.json_patch import difference
from midaz_seed.web.live_series import LiveSeries, NewWindows
from midaz_seed.web.live_state import Json, apply_update, empty_state

WATCHERS_MAX = 250
QUEUE_MAX = 30
"""Latest messages that are kept for a watcher that is slow, or that connects again; with more it gets the whole
state."""
IDLE_S = 15.0
"""Time without a message after which a comment is sent, which shows that the connection still exists."""
RETRY_MS = 1000
"""Time after which a browser connects again."""


class TooManyWatchersError(Exception):
    """There are WATCHERS_MAX already."""


class Message:
    """One update, serialised when the first watcher needs it."""

    def __init__(self, event: str, event_id: str, document: Json) -> None:
        self._event = event
        self._id = event_id
        self._document = document
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The bytes on the connection."""
        if self._data is None:
            self._data = as_event(self._event, self._id, self._document)
        return self._data


def as_event(event: str, event_id: str, document: Json) -> bytes:
    """Return a server-sent event. JSON has no line ends, so the data is one line."""
    head = f"event: {event}\nid: {event_id}\nretry: {RETRY_MS}\ndata: ".encode()
    return head + orjson.dumps(document) + b"\n\n"


class Watcher:
    """The messages that wait for one watcher."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._new = asyncio.Event()
        self._is_closed = False
        self.needs_snapshot = True

    def put(self, message: Message) -> None:
        """Add a message; with too many of them, drop all, so that the whole state is sent instead."""
        if len(self._waiting) >= QUEUE_MAX:
            self._waiting.clear()
            self.needs_snapshot = True
        if not self.needs_snapshot:
            self._waiting.append(message)
        self._new.set()

    async def messages(self, snapshot: Callable[[], bytes]) -> AsyncIterator[bytes]:
        """Yield each message, or a snapshot where messages are missing, until closed."""
        while True:
            if self.needs_snapshot:
                self.needs_snapshot = False
                self._waiting.clear()
                yield snapshot()
            elif self._waiting:
                yield self._waiting.popleft().data
            elif self._is_closed:
                return
            else:
                self._new.clear()
                try:
                    await asyncio.wait_for(self._new.wait(), IDLE_S)
                except TimeoutError:
                    yield b": nothing new\n\n"

    def close(self) -> None:
        """End the messages after those that wait."""
        self._is_closed = True
        self._new.set()


class Broadcast:
    """The state of a run, and those who watch it. All calls are in one thread."""

    def __init__(self, *, watchers_max: int = WATCHERS_MAX) -> None:
        self.state = empty_state()
        self._watchers_max = watchers_max
        self._watchers: set[Watcher] = set()
        self.without_watchers = asyncio.Event()
        """Set while there are no watchers."""
        self.without_watchers.set()
        self._latest: deque[Message] = deque(maxlen=QUEUE_MAX)
        self._number = 0
        self._name = secrets.token_hex(4)
        """In the ids of messages, so that those of another process are not taken for ours."""
        self._snapshot: bytes | None = None
        self._is_closed = False
        self._series = LiveSeries()
        self._is_drawn = False
        """Whether the charts of the state are those that the latest messages add up to."""
        self._watched_number = -QUEUE_MAX - 1
        """Number of the latest message at which there was a watcher."""

    def publish(self, update: Json, windows: NewWindows | None = None) -> None:
        """Apply an update, and send it to every watcher, with what has changed in the charts.

        Without watchers no charts are made. Shortly after the last one has left they are, because it may come back.
        """
        has_new_window = windows is not None and self._series.replace(windows)
        self._apply(update)
        if self._watchers:
            self._watched_number = self._number
        if self._number - self._watched_number > QUEUE_MAX:
            self._is_drawn = False
            self._latest.clear()
        elif self._is_drawn:  # otherwise each watcher still waits for its snapshot
            self._send("update", update, self._draw() if has_new_window else None)

    def publish_end(self, update: Json, charts: JsonObject | None) -> None:
        """Send the last message. `charts` are those of the report; None leaves those of the run."""
        self._apply(update)
        self._send("end", update, self._draw(charts))

    def _apply(self, update: Json) -> None:
        self._number += 1
        self._snapshot = None
        apply_update(self.state, update)

    def _send(self, event: str, update: Json, patch: Json | None) -> None:
        message = Message(event, self._id, {**update, "charts": patch} if patch is not None else update)
        self._latest.append(message)
        for watcher in self._watchers:
            watcher.put(message)

    def _draw(self, charts: JsonObject | None = None) -> Json | None:
        """Replace the charts, by default by those of the run so far. Return the patch; None when they are the same."""
        before, now = self.state["charts"], charts or self._series.charts(self._elapsed_s)
        self.state["charts"], self._is_drawn = now, True
        return difference(before, now)

    @property
    def _elapsed_s(self) -> float:
        return float(self.state["figures"].get("elapsed_s", 0.0))

    def whole_state(self) -> Json:
        """Return the state, with its charts."""
        if not self._is_drawn:
            self._draw()
        return self.state

    def snapshot(self) -> bytes:
        """Return the whole state as a message; it is serialised once between two updates."""
        if self._snapshot is None:
            self.whole_state()
            self._snapshot = as_event("snapshot", self._id, self.state)
        return self._snapshot

    @contextmanager
    def watching(self, last_id: str = "") -> Iterator[Watcher]:
        """Add a watcher for the duration of the block.

        Args:
            last_id: the id of the last message that it has; "" for none.

        Raises:
            TooManyWatchersError: there are too many already.
        """
        if len(self._watchers) >= self._watchers_max or self._is_closed:
            raise TooManyWatchersError
        watcher = Watcher()
        missed = self._since(last_id)
        if missed is not None:
            watcher.needs_snapshot = False
            for message in missed:
                watcher.put(message)
        self._watchers.add(watcher)
        self.without_watchers.clear()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self.without_watchers.set()

    @property
    def watchers(self) -> int:
        """The number of watchers."""
        return len(self._watchers)

    def close(self) -> None:
        """Let every watcher end after the messages that wait for it."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.close()

    @property
    def _id(self) -> str:
        return f"{self._name}-{self._number}"

    def _since(self, last_id: str) -> list[Message] | None:
        """Return the messages after the one with this id; None where some are no longer kept."""
        name, _, number = last_id.partition("-")
        if not self._is_drawn or name != self._name or not number.isdecimal() or not number.isascii():
            return None
        missed = self._number - int(number[:15])
        if not 0 <= missed <= len(self._latest):
            return None
        return list(self._latest)[len(self._latest) - missed :]
