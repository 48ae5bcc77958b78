"""A client of server-sent events, which keeps the state of a live page as the browser does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from midaz_seed.web.live_state import apply_update


@dataclass(frozen=True)
class ServerSentEvent:
    """One message."""

    name: str
    id: str
    data: Any


class EventStream:
    """The messages of one connection, and the state that they add up to."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.state: Any = None
        self.last_id = ""

    async def next(self) -> ServerSentEvent | None:
        """Return the next message; None at the end."""
        fields: dict[str, str] = {}
        while line := await self.answer.content.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name and value:
                fields[name] = value
            elif "data" in fields:
                event = ServerSentEvent(fields["event"], fields["id"], json.loads(fields["data"]))
                self._apply(event)
                return event
        return None

    async def until(self, name: str) -> ServerSentEvent:
        """Return the next message with this name."""
        while (event := await self.next()) is not None:
            if event.name == name:
                return event
        raise AssertionError(f"the stream ended without {name}")

    def _apply(self, event: ServerSentEvent) -> None:
        self.last_id = event.id
        if event.name == "snapshot":
            self.state = event.data
        elif self.state is not None:
            apply_update(self.state, event.data)
            if "charts" in event.data:
                self.state["charts"] = patched(self.state["charts"], event.data["charts"])


def patched(value: Any, patch: Any) -> Any:
    """Apply a patch of `web.json_patch`."""
    if "set" in patch:
        return patch["set"]
    if "tail" in patch:
        kept, items = patch["tail"]
        return value[:kept] + items
    for key, inner in patch["in"].items():
        place = int(key) if isinstance(value, list) else key
        value[place] = patched(value[place], inner)
    return value


@asynccontextmanager
async def event_stream(
    session: aiohttp.ClientSession, url: str, *, last_id: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[EventStream]:
    """Watch a live page."""
    sent = {**(headers or {}), **({"Last-Event-ID": last_id} if last_id else {})}
    async with session.get(f"{url}events", headers=sent) as answer:
        assert answer.status == 200, answer.status
        yield EventStream(answer)
