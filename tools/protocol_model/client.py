"""The client of the model: what it knows of each movement, and how it decides.

What an answer proves, what several attempts prove together and under which key an item may be sent again are the
shipped `midaz_seed.midaz.evidence`; what is here is how the engine uses it.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

from midaz_seed.midaz.evidence import Next
from tools.protocol_model.answers import (
    FOREIGN,
    MADE,
    NOT_MADE,
    ODD,
    REFUSED,
    UNKNOWN,
    Answer,
    after,
    is_record_of,
    next_sending,
    told,
)
from tools.protocol_model.server import Shown, shown
from tools.protocol_model.settings import DOUBTED, LISTED, Rules, Setup

IN_THE_AIR = 2
"""Ticks after which the network has delivered or lost every request."""


class Item(NamedTuple):
    """What a client knows of one movement; between sessions, what the journal says of it."""

    known: int = NOT_MADE
    before: int = NOT_MADE
    """What was known before the answer in `last`."""
    last: str = ""
    """The answer before, where it counts only when it is given twice."""
    generation: int = 0
    sent: bool = False
    """It may have been sent: the journal says so before the first request leaves."""
    old: bool = False
    """The margin has passed since the first attempt under its key, or nobody knows when that was."""
    tries: int = 0
    taken: bool = False
    """Its key holds another item's answer."""
    looked: bool = False
    """That it was not made rests on a look at the balances, since the margin has passed last."""
    air: int = 0
    """Ticks for which an attempt under its key that got no answer may still be on its way."""
    refused: bool = False
    """Reported as refused for good."""


class Client(NamedTuple):
    """`phase`: off, look, send, list, look again, prove, done, ended. `seen`: what the look before has shown."""

    session: int
    phase: str
    items: tuple[Item, ...]
    seen: Shown = ()
    rounds: int = 0
    kills: int = 0
    begun: bool = False
    """The look at the beginning of the session is over."""


BLANK = Item()
NOBODY_KNOWS = Item(UNKNOWN, sent=True, old=True, air=IN_THE_AIR)
"""Of a run without a journal."""


def is_given_up(client: Client, item: Item) -> bool:
    """Whether the client reports the item as certainly not made."""
    tried = item.sent and not item.looked and not item.air and item.known == NOT_MADE
    return item.refused or (tried and client.phase == "ended")


# --- sending


def may_send(setup: Setup, item: Item) -> bool:
    """Whether the item goes out now, under the key of its generation."""
    if item.refused or item.tries >= setup.tries:
        return False
    return next_sending(item.known, item.old, item.taken) is Next.SAME_KEY


def sending(item: Item) -> Item:
    """The item as the journal and the client have it when its request leaves."""
    fresh = item.known == NOT_MADE and (item.old or not item.sent)
    return item._replace(sent=True, old=item.old and not fresh)


def answered(setup: Setup, rules: Rules, item: Item, number: int, answer: Answer) -> Item:
    """The item after an attempt that ended with this answer."""
    found = told(number, answer)
    if found.effect == MADE:
        return _made(item)
    if rules.odd_is_foreign and found.reading in (ODD, FOREIGN):
        return _next_key(setup, item)
    if rules.any_refusal_decides and (found.reading == REFUSED or answer[0] in ("404", "409")):
        return item._replace(known=NOT_MADE, refused=True)
    if found.reading not in (FOREIGN, REFUSED):
        known, air = after(item.known, found.effect), item.air
        if known == UNKNOWN and (setup.foreign or setup.refusals or setup.unseen):  # elsewhere nothing depends on it
            air = IN_THE_AIR
        return item._replace(known=known, before=NOT_MADE, last="", tries=item.tries + 1, air=air)
    if found.said == item.last:
        return _confirmed(setup, rules, item, found.reading)
    known = after(item.known, UNKNOWN)
    return item._replace(known=known, before=item.known, last=found.said, tries=item.tries + 1)


def _made(item: Item) -> Item:
    return Item(MADE, generation=item.generation, sent=True, old=item.old)


def _confirmed(setup: Setup, rules: Rules, item: Item, reading: str) -> Item:
    """A refusal, or another item's answer, has been given twice in a row: it counts."""
    refused = reading == REFUSED
    item = item._replace(known=item.before, before=NOT_MADE, last="", tries=item.tries + 1, taken=not refused)
    if rules.waits_for_the_air and item.air:
        return item
    if refused:
        return item._replace(refused=item.known == NOT_MADE, looked=False)
    if rules.looks_before_next_key:
        return item._replace(known=UNKNOWN)
    return _next_key(setup, item) if next_sending(item.known, item.old, True) is Next.NEXT_KEY else item


def _next_key(setup: Setup, item: Item) -> Item:
    if item.generation + 1 >= setup.generations:
        return item._replace(known=NOT_MADE, taken=True, tries=setup.tries)
    return Item(generation=item.generation + 1, sent=True)


def tick(rules: Rules, item: Item) -> Item:
    """The margin has passed."""
    known, before = item.known, item.before
    if rules.sends_promptly and item.looked:  # no answer since then makes the look any younger
        known = UNKNOWN if known == NOT_MADE else known
        before = UNKNOWN if item.last else before
    looked = item.looked and not rules.sends_promptly
    return item._replace(known=known, before=before, old=item.sent, looked=looked, air=max(item.air - 1, 0))


# --- what a look decides


@cache
def explanations(setup: Setup, known: tuple[int, ...], seen: Shown) -> tuple[tuple[int, ...], ...]:
    """Every assignment of made (1) and not made (0) that gives these balances, those with more made first."""
    return tuple(made for made in product(*(_POSSIBLE[one] for one in known)) if shown(setup, made) == seen)


_POSSIBLE = {MADE: (1,), UNKNOWN: (1, 0), NOT_MADE: (0,)}


def by_balances(setup: Setup, rules: Rules, client: Client, seen: Shown) -> Client:
    """What the client goes on with after two equal looks."""
    if rules.looks_anew:
        client = client._replace(items=tuple(_undecided(item) for item in client.items))
    found = explanations(setup, tuple(item.known for item in client.items), seen)
    if len(found) == 1 or (found and rules.believes_any_explanation):
        decided = (_decided(setup, rules, item, made) for item, made in zip(client.items, found[0], strict=True))
        return _to_send(setup, client, tuple(decided))
    if client.phase == "look again":
        return client._replace(phase="ended", seen=())
    may_again = not client.begun or client.rounds < setup.rounds
    if found and may_again and any(_within_life(item) for item in client.items):
        again = (item._replace(tries=0) if _within_life(item) else item for item in client.items)
        return _to_send(setup, client, tuple(again))
    return client._replace(phase="list" if found else "list, for the journal is wrong", seen=seen)


def _undecided(item: Item) -> Item:
    """The item without what an earlier look has shown: an attempt may have arrived since."""
    return item._replace(known=UNKNOWN, looked=False) if item.looked and item.known == NOT_MADE else item


def by_list(setup: Setup, rules: Rules, client: Client, listed: tuple[int, ...]) -> Client:
    """What the client goes on with when the balances alone did not decide.

    A listed record was made. Another look has to follow: what arrived between the look and the list would be taken
    for one of those that the look has shown.
    """
    wrong = client.phase != "list"  # then what it has as never sent may have been sent
    items = tuple(_listed(item, is_in_list(at, listed), wrong=wrong) for at, item in enumerate(client.items))
    again = client._replace(phase="look again", items=items, seen=())
    return again if rules.looks_after_list else by_balances(setup, rules, again, client.seen)


def is_in_list(number: int, listed: tuple[int, ...]) -> bool:
    """Whether the server's list has a record of the item."""
    return any(count and is_record_of(number, row) for row, count in enumerate(listed))


def _listed(item: Item, is_listed: bool, *, wrong: bool) -> Item:
    if is_listed and item.known != MADE:
        return _made(item)
    if wrong and item.known == NOT_MADE:
        return NOBODY_KNOWS._replace(generation=item.generation)
    return item


def _within_life(item: Item) -> bool:
    return item.known == UNKNOWN and next_sending(item.known, item.old, item.taken) is Next.SAME_KEY


def _decided(setup: Setup, rules: Rules, item: Item, made: int) -> Item:
    """The item after the balances have said whether it was made."""
    if made:
        return item if item.known == MADE else _made(item)
    if item.known == NOT_MADE and not item.taken:
        return item
    if rules.next_key_after_doubt:
        return _next_key(setup, item)
    if not item.taken:
        return item._replace(known=NOT_MADE, before=NOT_MADE, last="", tries=0, looked=True)
    return item if rules.waits_for_the_air and item.air else _next_key(setup, item)


def _to_send(setup: Setup, client: Client, items: tuple[Item, ...]) -> Client:
    if client.begun and client.rounds >= setup.rounds and any(may_send(setup, item) for item in items):
        return client._replace(phase="ended", items=items, seen=())
    rounds = client.rounds + 1 if client.begun else client.rounds
    return client._replace(phase="send", items=items, seen=(), rounds=min(rounds, setup.rounds), begun=True)


# --- sessions


def after_sending(client: Client) -> Client:
    """What comes when nothing more may be sent."""
    known = {item.known for item in client.items}
    if known == {MADE}:
        return client._replace(phase="prove", seen=())
    return client._replace(phase="look" if UNKNOWN in known else "ended", seen=())


def begun(setup: Setup, rules: Rules, client: Client, items: tuple[Item, ...], *, clean: bool) -> Client:
    """The client at the start of a further session, with what the journal says."""
    session = min(client.session, setup.sessions) + 1
    if rules.believes_clean_journal and clean and not any(item.known == UNKNOWN for item in items):
        return Client(session, "send", items, kills=client.kills, begun=True)
    if rules.never_sent == DOUBTED:
        items = tuple(NOBODY_KNOWS if item == BLANK else item for item in items)
    return Client(session, "list first" if rules.never_sent == LISTED else "look", items, kills=client.kills)


def by_first_list(client: Client, listed: tuple[int, ...]) -> Client:
    """The list at the start of a session: a record of an item that the journal has as never sent shows that the journal
    is wrong."""
    rows = tuple(is_in_list(at, listed) for at in range(len(client.items)))
    wrong = any(row and item.known == NOT_MADE for row, item in zip(rows, client.items, strict=True))
    items = tuple(_listed(item, row, wrong=wrong) for item, row in zip(client.items, rows, strict=True))
    return client._replace(phase="look", items=items)


def journalled(item: Item, *, told: bool) -> Item:
    """What the journal has of an item when the process ends; `told`: also what was acknowledged last."""
    if not item.sent:
        return BLANK
    if item.known == MADE and told:
        return item
    known = NOT_MADE if item.refused and told else UNKNOWN
    return Item(known, generation=item.generation, sent=True, old=item.old, air=item.air)


def killed(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """What the journal may have after a kill: the last acknowledgements may be missing."""
    return product(*(dict.fromkeys((journalled(item, told=True), journalled(item, told=False))) for item in items))


def of_older_copies(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """What copies of the journal may have that are older than it."""
    return product(*(dict.fromkeys(_earlier(item)) for item in items))


def _earlier(item: Item) -> Iterator[Item]:
    yield item
    if item.sent:
        yield journalled(item, told=False)
        yield journalled(item, told=False)._replace(generation=0)
        yield BLANK
