"""The changes of a gateway between client and server: another body, or the answer of another request."""

import re
from collections.abc import Callable
from typing import Any

import anyio
import orjson

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.faults.effects import How
from midaz_seed.sandbox.faults.plan import Rule

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_AMOUNTS = frozenset({"amount", "value", "available", "onHold"})


def altered(reply: Reply, how: How) -> Reply:
    """Return an answer with its body changed; the same object when there is nothing to change."""
    body = _CHANGES[how](reply.body)
    return reply if body == reply.body else reply._replace(body=body)


def _of_json(change: Callable[[Any], Any], option: int = 0) -> Callable[[bytes], bytes]:
    """Return a change of bodies that are JSON; any other stays, as does one for which `change` returns its argument."""

    def alter(body: bytes) -> bytes:
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        changed = change(found)
        return body if changed is found else orjson.dumps(changed, option=option)

    return alter


def _stripped(found: Any) -> Any:
    """Return the value without its own `metadata`."""
    if not isinstance(found, dict) or "metadata" not in found:
        return found
    return {key: value for key, value in found.items() if key != "metadata"}


def _turned(found: Any) -> Any:
    """Return the value with the keys of every object in the opposite order."""
    if isinstance(found, dict):
        return {key: _turned(found[key]) for key in reversed(found)}
    return [_turned(item) for item in found] if isinstance(found, list) else found


def _with_numbers(found: Any) -> Any:
    """Return the value with amounts as numbers of the same digits; metadata stays."""
    if isinstance(found, list):
        return [_with_numbers(item) for item in found]
    if not isinstance(found, dict):
        return found
    return {
        key: value if key == "metadata" else _as_number(value) if key in _AMOUNTS else _with_numbers(value)
        for key, value in found.items()
    }


def _as_number(value: Any) -> Any:
    if isinstance(value, str):
        return orjson.Fragment(value) if _NUMBER.fullmatch(value) else value
    return _with_numbers(value)


_CHANGES: dict[How, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "stripped": _of_json(_stripped),
    "reformatted": _of_json(_turned, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
    "numbers": _of_json(_with_numbers),
    "shortened": lambda body: body[: len(body) // 2],
    "doubled": lambda body: body * 2,
}


class _Waiting:
    """An answer that waits for another."""

    def __init__(self, own: Reply) -> None:
        self.own = own
        self.other: Reply | None = None
        self.met = anyio.Event()


class Swaps:
    """Swaps answers: of the requests hit by one rule, the first waits for the second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[Rule, _Waiting] = {}

    async def swap(self, rule: Rule, reply: Reply, within_s: float) -> Reply:
        """Return the answer of the other request; the same object when there is none in time."""
        first = self._waiting.pop(rule, None)
        if first is not None:
            first.other = reply
            first.met.set()
            return first.own
        waiting = self._waiting[rule] = _Waiting(reply)
        try:
            await self._meet(waiting, within_s)
        finally:
            if self._waiting.get(rule) is waiting:
                del self._waiting[rule]
        return reply if waiting.other is None else waiting.other

    async def _meet(self, waiting: _Waiting, within_s: float) -> None:
        async with anyio.create_task_group() as either:
            either.start_soon(_cancel_after, waiting.met, either.cancel_scope)
            await self._clock.sleep(within_s)
            either.cancel_scope.cancel()


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
