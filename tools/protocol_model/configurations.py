"""What is explored: for every old rule the smallest configuration that shows its fault, and larger ones for the policy.

Each row of CASES is explored under its broken rules, which must be found out, and under the policy, which must hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tools.protocol_model import movements, organizations
from tools.protocol_model.organizations import WorldRules, WorldSetup
from tools.protocol_model.search import Found
from tools.protocol_model.settings import BELIEVED, CANCELLING, DIFFERENT, EQUAL, LISTED, ONE, Rules, Setup

ONCE, DONE, REFUSED, ONE_WORLD = "once", "done", "refused", "one world"
"""The first word of each invariant."""


@dataclass(frozen=True, slots=True)
class Case:
    """A rule that is wrong, and where that shows. `breaks` is the invariant that it breaks."""

    name: str
    breaks: str
    broken: Callable[[], Found]
    policy: Callable[[], Found]


def _movements(name: str, breaks: str, setup: Setup, rules: Rules) -> Case:
    return Case(name, breaks, partial(movements.explore, setup, rules), partial(movements.explore, setup))


def _worlds(name: str, breaks: str, setup: WorldSetup, rules: WorldRules) -> Case:
    return Case(name, breaks, partial(organizations.explore, setup, rules), partial(organizations.explore, setup))


OLD_RULES = (
    _movements(
        "V1 any assignment that explains the balances is right",
        DONE,
        Setup(changes=CANCELLING, version=False),
        Rules(believes_any_explanation=True),
    ),
    _movements(
        "V1 the same, and the key's life is over",
        ONCE,
        Setup(kills=1, time=True),
        Rules(believes_any_explanation=True),
    ),
    _worlds(
        "V2 any 404 to a read is believed", ONE_WORLD, WorldSetup(ingress=True), WorldRules(any_404_is_missing=True)
    ),
    _worlds(
        "V3 one look decides after a lost create",
        ONE_WORLD,
        WorldSetup(loses=True, kills=1),
        WorldRules(one_look_decides=True),
    ),
    _movements(
        "V5 a 201 without our mark is a foreign replay",
        ONCE,
        Setup(changes=ONE, damages=True),
        Rules(odd_is_foreign=True),
    ),
    _movements(
        "V6 the next key while the first one lives",
        ONCE,
        Setup(changes=ONE, holds=True, time=True),
        Rules(next_key_after_doubt=True),
    ),
    _movements(
        "V7 a clean journal is believed without a look",
        ONCE,
        Setup(changes=ONE, kills=1, time=True, journal_older=True),
        Rules(believes_clean_journal=True),
    ),
    _movements(
        "V8 any refusal decides",
        REFUSED,
        Setup(changes=ONE, holds=True, gateways=True, time=True),
        Rules(any_refusal_decides=True),
    ),
    _worlds(
        "C3 two creators, and no check after the create",
        ONE_WORLD,
        WorldSetup(clients=2),
        WorldRules(checks_after_create=False),
    ),
)
"""Rules of 0.1.0, put back one at a time."""

NEEDED = (
    _movements(
        "the list is held against looks made before it",
        ONCE,
        Setup(holds=True, time=True, hides=True, sessions=1),
        Rules(looks_after_list=False),
    ),
    _movements(
        "what a look showed as not made is sent at any later time",
        ONCE,
        Setup(changes=ONE, holds=True, time=True),
        Rules(sends_promptly=False),
    ),
    _movements(
        "what one look showed as not made is not made for the next look too",
        ONCE,
        Setup(holds=True, time=True, unseen=True, sessions=1),
        Rules(looks_anew=False),
    ),
    _movements(
        "a refusal counts while an earlier attempt may be on its way",
        REFUSED,
        Setup(changes=ONE, holds=True, time=True, refusals=True),
        Rules(waits_for_the_air=False),
    ),
    _movements(
        "after a look the next key counts while an attempt under the last one may be on its way",
        ONCE,
        Setup(drops=False, holds=True, time=True, foreign=True, sessions=1),
        Rules(waits_for_the_air=False),
    ),
    _movements(
        "an older journal is believed about what it has as never sent",
        ONCE,
        Setup(time=True, kills=1, journal_older=True),
        Rules(never_sent=BELIEVED),
    ),
    _movements(
        "the same, unless the list shows one of them",
        ONCE,
        Setup(time=True, kills=1, journal_older=True, hides=True),
        Rules(never_sent=LISTED),
    ),
    _worlds(
        "what a first look has found is taken before the lag is over",
        ONE_WORLD,
        WorldSetup(clients=2, kills=1),
        WorldRules(waits_before_taking=False),
    ),
)
"""Parts of the policy, taken away one at a time."""


@dataclass(frozen=True, slots=True)
class Limit:
    """An assumption: with `beyond` it is broken, and the policy with it; with `within` the policy holds."""

    name: str
    breaks: str
    beyond: Callable[[], Found]
    within: Callable[[], Found]


LIMITS = (
    Limit(
        "the network delivers a held request after its key's life",
        ONCE,
        partial(movements.explore, Setup(changes=ONE, holds=True, time=True, late=True)),
        partial(movements.explore, Setup(changes=ONE, holds=True, time=True)),
    ),
    Limit(
        "two clients fill one ledger, one of them later than a key's life after the other",
        ONCE,
        partial(movements.explore, Setup(changes=ONE, clients=2, time=True)),
        partial(movements.explore, Setup(changes=ONE, clients=2, holds=True)),
    ),
    Limit(
        "the network holds a copy of a request that was refused",
        REFUSED,
        partial(movements.explore, Setup(changes=ONE, time=True, refusals=True, duplicates=True)),
        partial(movements.explore, Setup(changes=ONE, time=True, duplicates=True)),
    ),
    Limit(
        "the answers to the same two requests change places twice, both being replays",
        ONCE,
        partial(movements.explore, Setup(holds=True, time=True, swaps=2)),
        partial(movements.explore, Setup(holds=True, time=True, swaps=1)),
    ),
    Limit(
        "the network duplicates a request whose key then gets another's answer",
        ONCE,
        partial(movements.explore, Setup(time=True, overwrites=True, duplicates=True, sessions=1)),
        partial(movements.explore, Setup(time=True, overwrites=True, sessions=1)),
    ),
    Limit(
        "balances without versions: movements that cancel out are never decided",
        "progress",
        partial(movements.explore, Setup(changes=CANCELLING, version=False, time=True)),
        partial(movements.explore, Setup(changes=CANCELLING, time=True)),
    ),
    Limit(
        "ids do not tell the order of creation",
        ONE_WORLD,
        partial(organizations.explore, WorldSetup(clients=2, ids_in_order=False)),
        partial(organizations.explore, WorldSetup(clients=2)),
    ),
)

LARGER = {
    "the network: held, damaged, gateways, a kill": Setup(holds=True, time=True, damages=True, gateways=True, kills=1),
    "crashes, hidden records, held, a kill": Setup(holds=True, time=True, crashes=True, hides=True, kills=1),
    "balances that lag, held, a kill": Setup(holds=True, time=True, lags=True, kills=1),
    "one answer swapped, attempts without a connection": Setup(holds=True, time=True, unseen=True, swaps=1),
    "attempts without a connection, gateways, refusals": Setup(
        ONE, tries=3, holds=True, time=True, unseen=True, gateways=True, refusals=True, kills=1
    ),
    "journal lost": Setup(holds=True, time=True, kills=1, journal_lost=True),
    "journal older": Setup(holds=True, time=True, kills=1, journal_older=True),
    "journal older, records hidden": Setup(time=True, hides=True, kills=1, journal_older=True),
    "journal older, movements that cancel out": Setup(CANCELLING, holds=True, time=True, kills=1, journal_older=True),
    "other items' answers": Setup(DIFFERENT, time=True, foreign=True, sessions=1),
    "duplicates": Setup(holds=True, time=True, duplicates=True, kills=1),
    "two clients at once": Setup(clients=2, holds=True),
    "three movements": Setup((*EQUAL, (1,)), time=True, kills=1),
}
"""Configurations that are explored under the policy only, by `make model`."""

LARGER_WORLDS = {
    "two creators, lost and held creates, a kill": WorldSetup(clients=2, loses=True, holds=True, kills=1),
    "two creators, lost creates, an ingress": WorldSetup(clients=2, loses=True, ingress=True),
    "creates that arrive at any time": WorldSetup(loses=True, holds=True, late=True, kills=1, ingress=True),
}
