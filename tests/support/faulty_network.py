"""A network between clients and a server that loses, alters, swaps, holds and repeats what passes through it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.faults.effects import How
from midaz_seed.sandbox.faults.gateway import altered
from tests.support.gateway import DROP, Forward, Gateway, GatewayAnswer

HELD_S = 12.0
"""The longest time for which the network holds a request."""
HELD_S_MAX = 15.0
"""A held request that could only be delivered later than this is lost."""
CLIENT = "X-NetworkClient"
ALWAYS = 10**9

BODIES: tuple[How, ...] = ("emptied", "stripped", "shortened", "reformatted", "numbers", "doubled")
PAGES = (404, 409, 502)
HELD_ANSWERS = ("cut", "page", "none")
FAULTS = (
    *("request lost", "answer lost", "answer cut", "answers swapped", "delayed", "sent twice", "sent twice, second"),
    *(f"body {how}" for how in BODIES),
    *(f"page {code} {when}" for code in PAGES for when in ("before", "after")),
    *(f"held, {answer}" for answer in HELD_ANSWERS),
)


@dataclass(frozen=True)
class Fault:
    """A fault of some of a session's requests of one kind, which are counted from 1."""

    what: str
    first: int
    count: int
    rate: float

    def hits(self, number: int, chance: float) -> bool:
        return self.first <= number < self.first + self.count and chance < self.rate

    def __repr__(self) -> str:
        end = "" if self.count == ALWAYS else f"..{self.first + self.count - 1}"
        return f"<{self.what} {self.first}{end} x{self.rate:g}>"


@dataclass(frozen=True)
class NetworkFaults:
    """The faults of requests that create transactions, and of all other requests."""

    money: tuple[Fault, ...] = ()
    other: tuple[Fault, ...] = ()
    seed: int = 0


NO_FAULTS = NetworkFaults()


@dataclass(eq=False)
class NetworkClient:
    """A session as the network sees it; it may be killed at one of its requests."""

    number: int
    kill_at: int | None = None
    reaches: bool = False
    """Whether the last request reaches the server."""
    keep: Callable[[], None] = lambda: None
    """Called at the moment of the kill."""
    requests: int = 0
    of_kind: Counter[str] = field(default_factory=Counter)
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        """Ignore from now on what it sends and what it writes."""
        if not self.killed.is_set():
            self.keep()
            self.killed.set()


class FaultyNetwork(Gateway):
    """The network between the clients and the server."""

    def __init__(self, upstream: str, clock: Clock) -> None:
        super().__init__(upstream, lambda *_: None)
        self.faults = NO_FAULTS
        self.clients: dict[int, NetworkClient] = {}
        self.injected: Counter[str] = Counter()
        self.lost_late = 0
        self.late_creates = 0
        """Requests to create an entity that arrived twice, or when no client waited for them any more."""
        self._clock = clock
        self._chance = random.Random(0)
        self._in_flight = 0
        self._held: set[asyncio.Task[None]] = set()
        self._let_go = asyncio.Event()
        self._first_of_two: tuple[GatewayAnswer, asyncio.Future[GatewayAnswer]] | None = None

    def change(self, faults: NetworkFaults) -> None:
        self.faults = faults
        self._chance = random.Random(faults.seed)

    async def exchange(self, head: bytes, body: bytes, forward: Forward) -> GatewayAnswer:
        client = self.clients[_client_of(head)]
        if client.killed.is_set():
            return DROP
        client.requests += 1
        if client.requests == client.kill_at:
            client.kill()
            if not client.reaches:
                return DROP
        self._in_flight += 1
        try:
            what = self._choose_fault(client, head)
            return await (forward() if what is None else self._inject(what, head, body, forward))
        finally:
            self._in_flight -= 1

    def _choose_fault(self, client: NetworkClient, head: bytes) -> str | None:
        kind = "money" if _is_post(head) and not _is_create(head) else "other"
        client.of_kind[kind] += 1
        for fault in self.faults.money if kind == "money" else self.faults.other:
            if fault.hits(client.of_kind[kind], self._chance.random()):
                self.injected[f"{kind}: {fault.what}"] += 1
                return fault.what
        return None

    async def _inject(self, what: str, head: bytes, body: bytes, forward: Forward) -> GatewayAnswer:
        name, _, how = what.partition(" ")
        match name:
            case "held,":
                self._later(head, body)
                return await self._instead(how)
            case "page":
                code, _, when = how.partition(" ")
                if when == "after":
                    await forward()
                return _page(int(code))
            case "body":
                return _with_body(await forward(), how)
        match what:
            case "request lost":
                return DROP
            case "answer lost":
                await forward()
                return DROP
            case "answer cut":
                answer = await forward()
                return GatewayAnswer(answer.status, answer.headers, answer.body[: len(answer.body) // 2], cut=True)
            case "answers swapped":
                return await self._swapped(await forward())
            case "delayed":
                await asyncio.sleep(self._chance.choice((0.01, 0.1, 0.7)))
                return await forward()
            case "sent twice":
                answer = await forward()
                self._later(head, body)
                return answer
            case "sent twice, second":
                await forward()
                self.late_creates += _is_create(head)
                return await self.deliver(head, body)
        raise AssertionError(what)

    async def _instead(self, how: str) -> GatewayAnswer:
        if how == "none":
            await asyncio.sleep(0.7)
        return _page(504) if how == "page" else DROP

    async def _swapped(self, answer: GatewayAnswer) -> GatewayAnswer:
        """Return the answer of the next request with this fault; its own when there is none soon."""
        if self._first_of_two is not None:
            (other, waiting), self._first_of_two = self._first_of_two, None
            waiting.set_result(answer)
            return other
        mine: asyncio.Future[GatewayAnswer] = asyncio.get_running_loop().create_future()
        self._first_of_two = answer, mine
        done, _ = await asyncio.wait({mine}, timeout=0.1)
        if done:
            return mine.result()
        self._first_of_two = None
        return answer

    # ---- delivered later

    def _later(self, head: bytes, body: bytes) -> None:
        for_s = self._chance.random() * HELD_S
        task = asyncio.create_task(self._deliver_later(head, body, for_s))
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _deliver_later(self, head: bytes, body: bytes, for_s: float) -> None:
        since_s = self._clock.monotonic()
        sleep = asyncio.ensure_future(self._clock.sleep(for_s))
        go = asyncio.ensure_future(self._let_go.wait())
        await asyncio.wait({sleep, go}, return_when=asyncio.FIRST_COMPLETED)
        for each in (sleep, go):
            each.cancel()
        await asyncio.gather(sleep, go, return_exceptions=True)
        if self._clock.monotonic() - since_s > HELD_S_MAX:
            self.lost_late += 1
            return
        self.late_creates += _is_create(head)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the server may cut it off, as any other
            await self.deliver(head, body)

    async def settled(self) -> None:
        """Wait for the requests in flight that are not held."""
        for _ in range(1000):
            if not self._in_flight:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("a request is in flight for seconds")

    async def let_go(self) -> None:
        """Deliver every held request."""
        self._let_go.set()
        while self._held:
            await asyncio.gather(*self._held)
        self._let_go.clear()
        await self.settled()


def _client_of(head: bytes) -> int:
    name = f"\r\n{CLIENT}: ".encode()
    return int(head.split(name)[1].split(b"\r\n")[0])


def _is_post(head: bytes) -> bool:
    return head.startswith(b"POST ")


def _is_create(head: bytes) -> bool:
    """Whether the request creates an entity."""
    return _is_post(head) and b"/transactions/" not in head.split(b"\r\n")[0]


def _page(code: int) -> GatewayAnswer:
    return GatewayAnswer(code, [("Content-Type", "text/html")], b"<html><h1>%d</h1></html>" % code)


def _with_body(answer: GatewayAnswer, how: Any) -> GatewayAnswer:
    return GatewayAnswer(answer.status, answer.headers, altered(Reply(answer.status, [], answer.body), how).body)


def draw_faults(number: int) -> NetworkFaults:
    """Draw faults from a number; 0 is none."""
    if not number:
        return NO_FAULTS
    chance = random.Random(number)

    def faults(least: int, most: int) -> tuple[Fault, ...]:
        return tuple(_fault(chance) for _ in range(chance.randint(least, most)))

    return NetworkFaults(faults(1, 3), faults(0, 2), number)


def _fault(chance: random.Random) -> Fault:
    what = chance.choice(FAULTS)
    if chance.random() < 0.6:
        return Fault(what, 1, ALWAYS, chance.choice((0.03, 0.1, 0.3)))
    return Fault(what, chance.randint(1, 60), chance.randint(1, 8), 1.0)
