"""The server of the model: movements, the list of their records, balances, and the slots of the idempotency keys."""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from tools.protocol_model.answers import IN_FLIGHT, LOST, REFUSAL, WHOLE, Answer
from tools.protocol_model.settings import Setup

T = TypeVar("T")
CLAIMED = -1
LIFE = 2
"""Ticks that a key lives from its claim."""

Slot = tuple[int, int] | None
"""Whose answer stands under a key (or CLAIMED), and how many ticks it has to live."""
Shown = tuple[int, ...]
"""What a look at the balances shows: every balance, then (where there are any) every version."""


class Server(NamedTuple):
    """Tuples by item; `slots` by item and generation."""

    applied: tuple[int, ...]
    listed: tuple[int, ...]
    """How many records of the item the list shows."""
    unshown: tuple[int, ...]
    """1: a look may miss it."""
    slots: tuple[Slot, ...]


def empty(setup: Setup) -> Server:
    """A ledger without movements."""
    nothing = (0,) * len(setup.changes)
    return Server(nothing, nothing, nothing, (None,) * (len(setup.changes) * setup.generations))


def receive(
    setup: Setup, server: Server, item: int, generation: int, *, faults: bool
) -> Iterator[tuple[str, Server, Answer]]:
    """A request has arrived: what the server may do, and what it answers."""
    at = item * setup.generations + generation
    slot = server.slots[at]
    if slot is not None:
        yield "", server, IN_FLIGHT if slot[0] == CLAIMED else (WHOLE, slot[0], True)
        return
    yield "made", _carried_out(setup, server, item, at, item), (WHOLE, item, False)
    if faults:
        yield from _faulty(setup, server, item, at)


def _faulty(setup: Setup, server: Server, item: int, at: int) -> Iterator[tuple[str, Server, Answer]]:
    """What else it may do with a request whose key is free."""
    others = [other for other, count in enumerate(server.applied) if count and other != item]
    if setup.hides:
        hidden = _carried_out(setup, server, item, at, item, hidden=True)
        yield "made, its record hidden", hidden, (WHOLE, item, False)
    if setup.crashes:
        yield "made, then the server crashed", _carried_out(setup, server, item, at, CLAIMED, hidden=True), LOST
    if setup.refusals:
        yield "refused", server, REFUSAL
    for other in others if setup.foreign else ():
        yield f"t{other}'s answer stands there", _stored(server, at, other), (WHOLE, other, True)
    for other in others if setup.overwrites else ():
        done = _carried_out(setup, server, item, at, other)
        yield f"made, and t{other}'s answer stored under its key", done, (WHOLE, item, False)


def _stored(server: Server, at: int, value: int) -> Server:
    return server._replace(slots=put(server.slots, at, (value, LIFE)))


def _carried_out(setup: Setup, server: Server, item: int, at: int, stored: int, *, hidden: bool = False) -> Server:
    once_more = min(server.applied[item] + 1, 2)
    return Server(
        put(server.applied, item, once_more),
        server.listed if hidden else put(server.listed, item, once_more),
        put(server.unshown, item, 1) if setup.lags else server.unshown,
        put(server.slots, at, (stored, LIFE)),
    )


def a_tick_later(server: Server) -> Server:
    """Keys that have lived their life are forgotten, and balances show everything."""
    slots = tuple(None if slot is None or slot[1] == 1 else (slot[0], slot[1] - 1) for slot in server.slots)
    return server._replace(slots=slots, unshown=(0,) * len(server.applied))


def record_appears(server: Server, item: int) -> Server:
    """A recovery worker, or a queue, has written a record."""
    return server._replace(listed=put(server.listed, item, server.applied[item]))


def looks(setup: Setup, server: Server) -> Iterator[tuple[Shown, Server]]:
    """What a look at the balances may show. The next one shows what was carried out before this one."""
    if not any(server.unshown):
        yield shown(setup, server.applied), server
        return
    seen = server._replace(unshown=(0,) * len(server.applied))
    late = tuple(count - new for count, new in zip(server.applied, server.unshown, strict=True))
    yield shown(setup, server.applied), seen
    yield shown(setup, late), seen


def shown(setup: Setup, applied: tuple[int, ...]) -> Shown:
    """Balances (and versions) after these movements."""
    pairs = list(zip(applied, setup.changes, strict=True))
    accounts = range(len(setup.changes[0]))
    balances = tuple(sum(count * change[one] for count, change in pairs) for one in accounts)
    if not setup.version:
        return balances
    return balances + tuple(sum(count for count, change in pairs if change[one]) for one in accounts)


def put(row: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    """The row with another value at one place."""
    return (*row[:at], value, *row[at + 1 :])
