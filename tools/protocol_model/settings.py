"""What one exploration of the movements may contain, and the rules of the client with the old ones as switches."""

from dataclasses import dataclass

Change = tuple[int, ...]
"""What a movement does to each account."""
ONE: tuple[Change, ...] = ((1,),)
EQUAL: tuple[Change, ...] = ((1,), (1,))
CANCELLING: tuple[Change, ...] = ((1,), (-1,))
DIFFERENT: tuple[Change, ...] = ((1,), (2,))


BELIEVED, LISTED, DOUBTED = "believed", "believed unless the list shows one", "doubted"
"""What a session that begins may make of the items that the journal has as never sent."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the client decides. The default is the policy; each switch puts one old rule back, or takes one away."""

    believes_any_explanation: bool = False
    """V1: of several assignments that explain the balances any one is right."""
    odd_is_foreign: bool = False
    """V5: a 201 without our mark is another item's answer, so the next key is used at once."""
    next_key_after_doubt: bool = False
    """V6: what the balances show as not made goes out under the next key."""
    believes_clean_journal: bool = False
    """V7: a session that begins with a clean journal does not look at the balances."""
    any_refusal_decides: bool = False
    """V8: any 4xx means that the item was not made, whoever wrote it and whatever was sent before."""
    looks_after_list: bool = True
    """The list is held against looks that are made after it."""
    sends_promptly: bool = True
    """What a look showed as not made is sent within the margin after the look, or looked at again."""
    looks_anew: bool = True
    """What an earlier look showed as not made may be made when the next look is taken."""
    never_sent: str = DOUBTED
    """DOUBTED: the journal may be an older copy, so that what it has as never sent may have been made, unless balances
    and versions leave no other explanation."""
    looks_before_next_key: bool = False
    """Another key only after a look has shown as well that the item was not made."""
    waits_for_the_air: bool = True
    """Another key, and a refusal, count only when no attempt under the last key can still be on its way."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What may happen in one exploration. Everything but lost messages is off unless it is named."""

    changes: tuple[Change, ...] = EQUAL
    version: bool = True
    """Balances come with the number of their mutations."""
    generations: int = 2
    tries: int = 2
    """Attempts under one key before the item is left to a look."""
    rounds: int = 1
    """How often a session sends again after a look at the end."""
    sessions: int = 2
    """Sessions in which faults happen; the ones after them are calm."""
    clients: int = 1

    drops: bool = True
    unseen: bool = False
    """No connection: an attempt that certainly nobody has seen."""
    holds: bool = False
    """A request may arrive up to a margin after it was sent."""
    late: bool = False
    """On purpose beyond what is assumed: a held request may arrive at any time."""
    duplicates: bool = False
    swaps: int = 0
    """How often the answers to two requests may change places."""
    damages: bool = False
    gateways: bool = False

    time: bool = False
    """Keys grow old and expire."""
    crashes: bool = False
    foreign: bool = False
    overwrites: bool = False
    """Another's answer may also be stored under a key whose own request has been carried out."""
    refusals: bool = False
    hides: bool = False
    """A record may appear in the list long after the balances have moved."""
    lags: bool = False
    """A look may miss what was carried out since the look before it, but not for a margin."""

    kills: int = 0
    journal_lost: bool = False
    journal_older: bool = False
