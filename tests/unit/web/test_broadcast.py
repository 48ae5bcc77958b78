"""Messages to watchers: order, resumption, and what happens to those who do not read."""

import asyncio
import json
from typing import Any

import pytest

from midaz_seed.web.broadcast import QUEUE_MAX, Broadcast, TooManyWatchersError, Watcher


def publish(broadcast: Broadcast, *numbers: int) -> None:
    for number in numbers:
        broadcast.publish({"figures": {"elapsed_s": number}})


async def read(broadcast: Broadcast, watcher: Watcher, count: int) -> list[tuple[str, str, Any]]:
    found = []
    async for data in watcher.messages(broadcast.snapshot):
        event, event_id, _, document = (line.partition(": ")[2] for line in data.decode().split("\n")[:4])
        found.append((event, event_id, json.loads(document)["figures"].get("elapsed_s")))
        if len(found) == count:
            break
    return found


async def test_a_watcher_gets_a_snapshot_and_then_each_update() -> None:
    broadcast = Broadcast()
    publish(broadcast, 1)
    with broadcast.watching() as watcher:
        first = await read(broadcast, watcher, 1)
        publish(broadcast, 2, 3)
        rest = await read(broadcast, watcher, 2)
    assert [(event, at_s) for event, _, at_s in first + rest] == [("snapshot", 1), ("update", 2), ("update", 3)]


async def test_a_watcher_that_comes_back_gets_what_it_missed_and_one_that_missed_too_much_a_snapshot() -> None:
    broadcast = Broadcast()
    with broadcast.watching() as watcher:
        publish(broadcast, 1)
        ((_, last_id, _),) = await read(broadcast, watcher, 1)
    publish(broadcast, 2, 3)
    with broadcast.watching(last_id) as watcher:
        assert [at_s for _, _, at_s in await read(broadcast, watcher, 2)] == [2, 3]
    for stale in ("0-1", last_id.replace("-", "-9999"), f"{last_id}x", "x", f"{last_id.partition('-')[0]}-²"):
        with broadcast.watching(stale) as watcher:
            assert (await read(broadcast, watcher, 1))[0][0] == "snapshot", stale
    publish(broadcast, *range(4, 5 + QUEUE_MAX))
    with broadcast.watching(last_id) as watcher:
        assert [(event, at_s) for event, _, at_s in await read(broadcast, watcher, 1)] == [("snapshot", 4 + QUEUE_MAX)]


async def test_a_watcher_that_does_not_read_gets_the_whole_state_later_and_never_holds_many_messages() -> None:
    broadcast = Broadcast()
    with broadcast.watching() as watcher, broadcast.watching() as reader:
        await read(broadcast, watcher, 1)
        await read(broadcast, reader, 1)
        for number in range(5 * QUEUE_MAX):
            publish(broadcast, number)
            assert (await read(broadcast, reader, 1))[0][2] == number, "another watcher got less"
        found = await read(broadcast, watcher, 1)
        assert [(event, at_s) for event, _, at_s in found] == [("snapshot", 5 * QUEUE_MAX - 1)]
        publish(broadcast, 1)
        assert (await read(broadcast, watcher, 1))[0][0] == "update"


async def test_the_last_message_reaches_each_watcher_before_its_stream_ends() -> None:
    broadcast = Broadcast()
    with broadcast.watching() as watcher:
        await read(broadcast, watcher, 1)
        broadcast.publish_end({"status": "ended", "figures": {"elapsed_s": 9}, "result": {"verdict": "Done"}}, None)
        broadcast.close()
        assert [event for event, _, _ in await read(broadcast, watcher, 9)] == ["end"]
        assert not broadcast.without_watchers.is_set()
    await asyncio.wait_for(broadcast.without_watchers.wait(), 5)


async def test_there_is_a_limit_of_watchers() -> None:
    broadcast = Broadcast(watchers_max=1)
    with broadcast.watching(), pytest.raises(TooManyWatchersError), broadcast.watching():
        pass
    with broadcast.watching():
        assert broadcast.watchers == 1
