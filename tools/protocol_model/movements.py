"""Movements: a client or two, a network, a server. Every step that one of them may take, and what must never be."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tools.protocol_model import client as clients
from tools.protocol_model import server as servers
from tools.protocol_model.answers import DAMAGES, GATEWAYS, LOST, MADE, UNSEEN, WHOLE, Answer
from tools.protocol_model.client import BLANK, NOBODY_KNOWS, Client, Item
from tools.protocol_model.search import Explorer, Found, Step
from tools.protocol_model.server import Server, put
from tools.protocol_model.settings import Rules, Setup

Held = tuple[int, int, int]
"""Item, generation, and how many ticks the network has held the request."""
Outcome = tuple[str, Server, Answer, Held | None]
"""What became of an attempt: in words, the server after it, what the client gets, what the network still holds."""


class World(NamedTuple):
    """Everything that there is."""

    server: Server
    clients: tuple[Client, ...]
    held: tuple[Held, ...] = ()
    swaps: int = 0
    """Answers that may still change places."""


class Movements:
    """The steps of one configuration under one set of rules."""

    def __init__(self, setup: Setup, rules: Rules) -> None:
        self._setup = setup
        self._rules = rules
        self._accounts = len(setup.changes[0])
        self._planned = servers.shown(setup, (1,) * len(setup.changes))[: self._accounts]

    def initial(self) -> World:
        """One client is about to fill a ledger that it has made; a second one may begin at any time."""
        setup = self._setup
        first = Client(1, "send", (BLANK,) * len(setup.changes), begun=True)
        second = Client(1, "off", (NOBODY_KNOWS,) * len(setup.changes))
        return World(servers.empty(setup), (first, second)[: setup.clients], swaps=setup.swaps)

    def steps(self, world: World) -> Iterator[Step[World]]:
        """Whatever may happen next."""
        yield from self._server_steps(world)
        yield from self._held_steps(world)
        for number, client in enumerate(world.clients):
            name = "" if len(world.clients) == 1 else f"{'AB'[number]}: "
            for what, state, calm in self._client_steps(world, number, client):
                yield Step(name + what, state, calm)

    def broken(self, world: World) -> str:
        """The invariant that does not hold in a state."""
        applied = world.server.applied
        if max(applied) > 1:
            return "once: a movement is applied twice"
        for client in world.clients:
            if client.phase == "done" and min(applied) < 1:
                return "done: a movement is missing though the client said Done"
            if any(
                count and clients.is_given_up(client, item) for item, count in zip(client.items, applied, strict=True)
            ):
                return "refused: a movement reported as certainly not made is made"
        return ""

    def finished(self, world: World) -> bool:
        """Some client has said Done."""
        return any(client.phase == "done" for client in world.clients)

    # --- what the server, the network and time do by themselves

    def _server_steps(self, world: World) -> Iterator[Step[World]]:
        for item, count in enumerate(world.server.applied):
            if world.server.listed[item] < count:
                seen = servers.record_appears(world.server, item)
                yield Step(f"the record of t{item} appears", world._replace(server=seen))
        if self._setup.time:
            yield Step("the margin passes", self._tick(world))

    def _tick(self, world: World) -> World:
        held = world.held
        if not self._setup.late:
            held = tuple((item, generation, 1) for item, generation, age in held if not age)
        older = (self._older(client) for client in world.clients)
        return World(servers.a_tick_later(world.server), tuple(older), tuple(sorted(set(held))), world.swaps)

    def _older(self, client: Client) -> Client:
        return client._replace(items=tuple(clients.tick(self._rules, item) for item in client.items))

    def _held_steps(self, world: World) -> Iterator[Step[World]]:
        for one in world.held:
            name = _key(one[0], one[1])
            left = tuple(other for other in world.held if other != one)
            for what, server, _ in servers.receive(self._setup, world.server, one[0], one[1], faults=False):
                arrived = world._replace(server=server, held=left)
                yield Step(f"the held request {name} arrives: {what or 'a replay'}", arrived)
            yield Step(f"the held request {name} is lost", world._replace(held=left))

    # --- what the client does

    def _client_steps(self, world: World, number: int, client: Client) -> Iterator[tuple[str, World, bool]]:
        if client.phase == "done":
            return
        if client.phase in ("off", "ended"):
            for what, begun, calm in self._beginnings(client):
                yield what, _with(world, number, begun), calm
            return
        if client.phase == "send":
            yield from self._sendings(world, number, client)
        elif client.phase.startswith("list"):
            found = self._read_list(client, world.server.listed)
            yield f"the list is read: {_told(found)}", _with(world, number, found), True
        else:
            for seen, server in servers.looks(self._setup, world.server):
                found = self._looked(client, seen)
                looked = _with(world._replace(server=server), number, found)
                yield f"a look shows {seen}: {_told(found)}", looked, True
        if self._has_faults(client) and client.kills < self._setup.kills:
            for items in clients.killed(client.items):
                off = Client(client.session, "off", items, kills=client.kills + 1)
                yield f"the client is killed, its journal: {_journal(items)}", _with(world, number, off), False

    def _has_faults(self, client: Client) -> bool:
        return client.session <= self._setup.sessions

    def _beginnings(self, client: Client) -> Iterator[tuple[str, Client, bool]]:
        """The client is run again: with its journal, without it, or with an older copy of it."""
        rules, setup = self._rules, self._setup
        kept = tuple(clients.journalled(item, told=True) for item in client.items)
        yield "the client begins again", clients.begun(setup, rules, client, kept, clean=client.phase == "ended"), True
        if not self._has_faults(client):
            return
        if setup.journal_lost:
            lost = clients.begun(setup, rules, client, (NOBODY_KNOWS,) * len(kept), clean=False)
            yield "the client begins again without its journal", lost, False
        if setup.journal_older:
            for items in clients.of_older_copies(kept):
                older = clients.begun(setup, rules, client, items, clean=True)
                yield f"the client begins with an older journal: {_journal(items)}", older, False

    def _read_list(self, client: Client, listed: tuple[int, ...]) -> Client:
        if client.phase == "list first":
            return clients.by_first_list(client, listed)
        return clients.by_list(self._setup, self._rules, client, listed)

    def _looked(self, client: Client, seen: servers.Shown) -> Client:
        """Two equal looks count; where none is late, one is as good."""
        if self._setup.lags and seen != client.seen:
            return client._replace(seen=seen)
        if client.phase != "prove":
            return clients.by_balances(self._setup, self._rules, client, seen)
        if seen[: self._accounts] != self._planned:
            return client._replace(phase="ended", seen=())
        return Client(client.session, "done", (Item(MADE, sent=True),) * len(client.items))

    # --- attempts, and what the network makes of them

    def _sendings(self, world: World, number: int, client: Client) -> Iterator[tuple[str, World, bool]]:
        going = [at for at, item in enumerate(client.items) if clients.may_send(self._setup, item)]
        if not going:
            yield "nothing more may be sent", _with(world, number, clients.after_sending(client)), True
        for at in going:
            yield from self._attempt(world, number, client, at)
        if world.swaps and self._has_faults(client):
            for one, two in pairwise(going):
                yield from self._swapped(world, number, client, one, two)

    def _attempt(self, world: World, number: int, client: Client, at: int) -> Iterator[tuple[str, World, bool]]:
        item = clients.sending(client.items[at])
        name = _key(at, item.generation)
        for calm, outcomes in (
            (True, self._plain(world.server, at, item.generation)),
            (False, self._disturbed(world.server, at, item.generation) if self._has_faults(client) else ()),
        ):
            for what, server, answer, held in outcomes:
                known = clients.answered(self._setup, self._rules, item, at, answer)
                now = client._replace(items=put(client.items, at, known))
                holding = world.held if held is None else tuple(sorted({*world.held, held}))
                yield f"{name} is sent: {what}", _with(world._replace(server=server, held=holding), number, now), calm

    def _plain(self, server: Server, at: int, generation: int) -> Iterator[Outcome]:
        for what, then, answer in servers.receive(self._setup, server, at, generation, faults=False):
            yield what or _reply(answer), then, answer, None

    def _disturbed(self, server: Server, at: int, generation: int) -> Iterator[Outcome]:
        setup, held = self._setup, (at, generation, 0)
        for what, then, answer in servers.receive(setup, server, at, generation, faults=True):
            yield from self._answer_on_its_way(what or _reply(answer), then, answer, held)
        if setup.drops:
            yield "lost", server, LOST, None
        if setup.unseen:
            yield "no connection", server, UNSEEN, None
        if setup.holds:
            yield "held", server, LOST, held
        for gateway in GATEWAYS if setup.gateways else ():
            yield f"a gateway answers {gateway[0]}", server, gateway, None
            if setup.holds:
                yield f"a gateway answers {gateway[0]} and holds it", server, gateway, held

    def _answer_on_its_way(self, what: str, server: Server, answer: Answer, held: Held) -> Iterator[Outcome]:
        setup = self._setup
        yield what, server, answer, None
        if setup.drops and answer != LOST:
            yield f"{what}, the answer is lost", server, LOST, None
        for damage in DAMAGES if setup.damages and answer[0] == WHOLE else ():
            yield f"{what}, the answer is {damage}", server, (damage, answer[1], answer[2]), None
        for gateway in GATEWAYS if setup.gateways else ():
            yield f"{what}, a gateway answers {gateway[0]}", server, gateway, None
        if setup.duplicates:
            yield f"{what}, a copy is held", server, answer, held
            for more, then, second in servers.receive(setup, server, held[0], held[1], faults=True):
                yield f"{what}, then its copy: {more or _reply(second)}", then, second, None
                yield f"{what}, its answer overtaken by that of its copy: {more or _reply(second)}", then, answer, None

    def _swapped(
        self, world: World, number: int, client: Client, one: int, two: int
    ) -> Iterator[tuple[str, World, bool]]:
        """Two requests at once, whose answers change places."""
        setup, rules = self._setup, self._rules
        first, second = clients.sending(client.items[one]), clients.sending(client.items[two])
        for what, between, answer in servers.receive(setup, world.server, one, first.generation, faults=True):
            for then, server, other in servers.receive(setup, between, two, second.generation, faults=True):
                items = put(client.items, one, clients.answered(setup, rules, first, one, other))
                items = put(items, two, clients.answered(setup, rules, second, two, answer))
                told = (
                    f"{_key(one, first.generation)} is sent: {what or _reply(answer)}; "
                    f"{_key(two, second.generation)} is sent: {then or _reply(other)}; the answers change places"
                )
                swapped = _with(
                    world._replace(server=server, swaps=world.swaps - 1), number, client._replace(items=items)
                )
                yield told, swapped, False


def explore(setup: Setup, rules: Rules | None = None) -> Found:
    """Explore a configuration, under the policy unless other rules are given."""
    model = Movements(setup, rules or Rules())
    return Explorer(model.steps, model.broken, model.finished).explore(model.initial())


def _with(world: World, number: int, client: Client) -> World:
    return world._replace(clients=put(world.clients, number, client))


def _key(item: int, generation: int) -> str:
    return f"t{item}.{generation}"


def _reply(answer: Answer) -> str:
    return f"replay of t{answer[1]}" if answer[0] == WHOLE else answer[0]


def _journal(items: tuple[Item, ...]) -> str:
    words = ("made" if item.known == MADE else "maybe sent" if item.sent else "never sent" for item in items)
    return ", ".join(f"t{at} {word}" for at, word in enumerate(words))


def _told(client: Client) -> str:
    known = (f"t{at} {('made', 'not made', 'unknown')[item.known]}" for at, item in enumerate(client.items))
    return f"{', '.join(known)}; then {client.phase}"
