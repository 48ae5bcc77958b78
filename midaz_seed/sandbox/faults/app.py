"""The ASGI application with faults. Without a fault plan the plain `App` is served."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError, describe
from midaz_seed.sandbox.core.messages import TRANSPORT, Headers, Reply, text_reply
from midaz_seed.sandbox.entities.crud import ENTITIES
from midaz_seed.sandbox.faults.crash_recovery import leave_unlisted
from midaz_seed.sandbox.faults.crash_stages import StagedExecution
from midaz_seed.sandbox.faults.decisions import Faults, Hit
from midaz_seed.sandbox.faults.effects import (
    Altered,
    Capacity,
    Duplicated,
    Effect,
    Exhausted,
    ForeignReplay,
    Held,
    Html,
    LateBalances,
    Latency,
    RateCrash,
    Refuse,
    Reset,
    StaleBalances,
    StaleLists,
    Status,
    Stuck,
    Swapped,
    Truncate,
    Unauthorized,
)
from midaz_seed.sandbox.faults.gateway import Swaps, altered
from midaz_seed.sandbox.faults.plan import Rule
from midaz_seed.sandbox.faults.requests import ends_server, new_transaction
from midaz_seed.sandbox.faults.room import Room
from midaz_seed.sandbox.http.app import ROUTER, App, FastEntry, Receive, Scope, Send
from midaz_seed.sandbox.transactions.endpoints import foreign_replay

_HTML = b"<html>\r\n<head><title>%d</title></head>\r\n<body><center><h1>%d</h1></center></body>\r\n</html>\r\n"
_ROLLED_BACK, _NOT_CARRIED_OUT = 0.5, 0.75
"""A chance below the first: an account is not made, and the error has a code. Below the second: the request is not
carried out, and the error has none."""
_SHOWN_LATE = frozenset({*ENTITIES, "transactions"})
"""The groups of endpoints whose reads may come from a replica that lags."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FaultyApp:
    """An ASGI application that applies a fault plan to the requests of an `App`."""

    fast_entry: FastEntry | None = None
    """None: a request may have to wait, which needs an ASGI exchange."""

    def __init__(
        self,
        app: App,
        faults: Faults,
        refuse: Callable[[float], None],
        crash: Callable[[], None],
        staged: StagedExecution | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            refuse: closes the listening socket for a number of seconds.
            crash: closes it until it ends.
            staged: carries out new transactions in stages; None: in one piece.
        """
        self._app = app
        self._state = app.state
        self._faults = faults
        self._refuse = refuse
        self._crash = crash
        self._staged = staged
        self._rooms: dict[Rule, Room] = {}
        self._swaps = Swaps(app.state.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app.serve(scope, receive, send, self._exchange)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._app.read(receive)
        if body is None:
            return
        method: str = scope["method"]
        raw_path: bytes = scope["raw_path"]
        group = scope["state"][ROUTER].group_of(method, raw_path)
        own_endpoint = raw_path.startswith(b"/sandbox/")
        hits = [] if own_endpoint else self._faults.decide(method, raw_path.decode("latin-1"), group)
        chosen = await self._wait(hits)
        instead = self._answer_instead(scope, body, chosen)
        if chosen is not None and instead is None and _does_nothing(chosen.effect, method, group):
            chosen = None
        if instead is not None and not isinstance(chosen and chosen.effect, Held):
            self._app.statistics.requests[method, group] += 1
        reply = await (self._outcome(scope, body, chosen) if instead is None else self._app.committed(instead))
        passed_on = await self._passed_on(reply, chosen)
        if chosen is not None and not (isinstance(chosen.effect, Altered | Swapped) and passed_on is reply):
            self._faults.count(chosen)
        await self._deliver(scope, receive, send, body, passed_on, chosen)

    async def _wait(self, hits: list[Hit]) -> Hit | None:
        """Wait for latencies and capacities, and return the one other effect of the request."""
        chosen = None
        for hit in hits:
            if isinstance(hit.effect, Latency):
                self._faults.count(hit)
                await self._state.clock.sleep(_delay_s(hit.effect, hit.chance))
            elif isinstance(hit.effect, Capacity):
                if not await self._room(hit.rule, hit.effect).work(hit.chance):
                    return hit
                self._faults.count(hit)
            elif chosen is None:
                chosen = hit
        return chosen

    def _room(self, rule: Rule, capacity: Capacity) -> Room:
        if rule not in self._rooms:
            faults = self._faults
            seed = f"{faults.seed}:{faults.rules.index(rule)}"
            self._rooms[rule] = Room(capacity, seed, self._state.clock, faults.start_s)
        return self._rooms[rule]

    def _answer_instead(self, scope: Scope, body: bytes, hit: Hit | None) -> Reply | None:
        """Return the answer of a request that is not carried out; None when it is."""
        match hit.effect if hit is not None else None:
            case Unauthorized():
                return text_reply(401, "Missing Token")
            case Capacity():
                return text_reply(503, "too much to do")
            case (Status(when="before") | Html(when="before")) as effect:
                return _error_page(effect)
            case Held(answer="gateway"):
                return _error_page(Html(code=504))
            case Reset(when="before") | Refuse() | Held():
                return Reply(0, [], b"")
            case ForeignReplay() as effect if hit is not None:
                return self._foreign(scope, body, effect, hit.chance)
            case Stuck() as effect if hit is not None:
                return self._stuck(scope, body, effect, hit.chance)
            case RateCrash():
                return Reply(0, [], b"") if ends_server(self._app, scope, body) else None
            case Exhausted() if hit is not None and hit.chance < _NOT_CARRIED_OUT:
                return self._exhausted(scope, hit.chance)
        return None

    def _exhausted(self, scope: Scope, chance: float) -> Reply:
        dialect = self._state.dialect
        group = scope["state"][ROUTER].group_of(scope["method"], scope["raw_path"])
        rolled_back = group == "accounts" and chance < _ROLLED_BACK
        error = RefusedError("0127") if rolled_back else FailedError(500, "no connection left in the pool")
        status, described = describe(error, dialect, group)
        return Reply(status, [(b"content-type", dialect.error_content_type.encode())], orjson.dumps(described))

    def _foreign(self, scope: Scope, body: bytes, effect: ForeignReplay, chance: float) -> Reply | None:
        found = new_transaction(self._app, scope, body)
        if found is None:
            return None
        return foreign_replay(self._state, *found, chance, owner_loses=effect.owner_loses)

    def _stuck(self, scope: Scope, body: bytes, effect: Stuck, chance: float) -> Reply | None:
        found = new_transaction(self._app, scope, body)
        if found is None:
            return None
        applied = chance < effect.applied
        left = leave_unlisted(self._state, *found, applied=applied, visible_after_s=effect.visible_after_s)
        return Reply(0, [], b"") if left else None

    async def _outcome(self, scope: Scope, body: bytes, hit: Hit | None) -> Reply:
        """Carry the request out once or twice, and return the answer for the client."""
        first = await self._carried_out(scope, body, hit)
        if hit is None or not isinstance(hit.effect, Duplicated):
            return first
        after_s = hit.effect.after_ms / 1000
        if hit.effect.answer == "first" and after_s:
            self._carry_out_later(scope, body, after_s)
            return first
        if after_s:
            await self._state.clock.sleep(after_s)
        second = await self._carried_out(scope, body, None)
        return first if hit.effect.answer == "first" else second

    def _carry_out_later(self, scope: Scope, body: bytes, delay_s: float) -> None:
        """Carry the request out later, without a client."""

        async def wait() -> None:
            await self._state.clock.sleep(delay_s)
            await self._carried_out(scope, body, None)

        task = asyncio.get_running_loop().create_task(wait())
        self._app.delayed.add(task)
        task.add_done_callback(self._app.delayed.discard)

    async def _passed_on(self, reply: Reply, hit: Hit | None) -> Reply:
        """Return the answer after a gateway; the same object when it changes nothing."""
        match hit.effect if hit is not None else None:
            case Altered() as effect:
                return altered(reply, effect.how)
            case Swapped() as effect if hit is not None:
                return await self._swaps.swap(hit.rule, reply, effect.within_ms / 1000)
        return reply

    async def _carried_out(self, scope: Scope, body: bytes, hit: Hit | None) -> Reply:
        """Carry the request out, and return its answer once that is durable."""
        answer = partial(self._answer_with, scope, body, hit)
        if self._staged is not None:
            return await self._staged.carry_out(scope, body, answer)
        return await self._app.committed(answer())

    def _answer_with(self, scope: Scope, body: bytes, hit: Hit | None) -> Reply:
        """Carry the request out; its new balances may be late, and what it shows may be stale."""
        if hit is not None and isinstance(hit.effect, StaleLists):
            self._state.shown_until_s = self._state.clock.time() - hit.effect.ms / 1000
            try:
                return self._app.answer(scope, body)
            finally:
                self._state.shown_until_s = None
        lag = self._state.lag
        if lag is not None and hit is not None and isinstance(hit.effect, StaleBalances):
            lag.ago_s = hit.effect.ms / 1000
            try:
                return self._app.answer(scope, body)
            finally:
                lag.ago_s = 0.0
        if hit is None or not isinstance(hit.effect, LateBalances):
            return self._app.answer(scope, body)
        usual_ms = self._state.default_balance_delay_ms
        self._state.default_balance_delay_ms = hit.effect.ms
        try:
            return self._app.answer(scope, body)
        finally:
            self._state.default_balance_delay_ms = usual_ms

    async def _deliver(
        self, scope: Scope, receive: Receive, send: Send, body: bytes, reply: Reply, hit: Hit | None
    ) -> None:
        effect = hit.effect if hit is not None else None
        if isinstance(effect, Held):
            self._carry_out_later(scope, body, effect.for_s)
        match effect:
            case Held(answer="none"):
                await _gone(receive)
            case Reset() | Stuck() | Held(answer="cut"):
                cut(scope["extensions"][TRANSPORT]["transport"], reset=True)
                await _gone(receive)
            case Refuse():
                self._refuse(effect.for_s)
                await _gone(receive)
            case RateCrash():
                self._crash()
                await _gone(receive)
            case Exhausted() if reply.status < 500:
                await self._app.send(send, self._exhausted(scope, _NOT_CARRIED_OUT))
            case Truncate():
                await self._send_half(send, reply)
                cut(scope["extensions"][TRANSPORT]["transport"], reset=False)
                await _gone(receive)
            case Status(when="after") | Html(when="after"):
                await self._app.send(send, _error_page(effect))
            case _:
                await self._app.send(send, reply)

    async def _send_half(self, send: Send, reply: Reply) -> None:
        self._app.statistics.statuses[reply.status] += 1
        headers: Headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})


def _does_nothing(effect: Effect, method: str, group: str) -> bool:
    """Return whether an effect has nothing to act on at a request that is carried out: no other transaction to answer
    with, a refusal or replay, nothing that ends the server, nothing that could be stale."""
    if isinstance(effect, StaleLists):
        return method != "GET" or group not in _SHOWN_LATE
    return isinstance(effect, ForeignReplay | Stuck | RateCrash)


def _delay_s(effect: Latency, chance: float) -> float:
    return max(0.0, effect.ms + (2 * chance - 1) * effect.spread_ms) / 1000


def _error_page(effect: Status | Html) -> Reply:
    if isinstance(effect, Html):
        return Reply(effect.code, [(b"content-type", b"text/html")], _HTML % (effect.code, effect.code))
    more: Headers = [(b"retry-after", b"%d" % effect.retry_after_s)] if effect.retry_after_s is not None else []
    return text_reply(effect.code, f"injected {effect.code}")._replace(
        headers=[(b"content-type", b"text/plain"), *more]
    )


def cut(transport: Any, *, reset: bool) -> None:
    """End a connection: at once with a TCP reset, or after what was written has been sent."""
    if not reset:
        transport.close()
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        # the option belongs to the connection, so a copy of the descriptor sets it: uvloop's socket object cannot
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def _gone(receive: Receive) -> None:
    """Wait until uvicorn has noticed the end of the connection, so that it does not log a missing answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
