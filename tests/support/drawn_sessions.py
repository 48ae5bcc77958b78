"""What the exactly-once machine draws: the plan, and what happens before each session."""

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.faulty_network import NetworkFaults, draw_faults

TTL_S, MARGIN_S = 60, 20
HOUR_S = 3700.0
MONEY = {"on": "transactions", "methods": ["POST"]}
SANDBOX_FAULTS: dict[str, dict[str, Any]] = {
    "foreign replays": {**MONEY, "rate": 0.03, "foreign_replay": {}},
    "owner loses": {**MONEY, "rate": 0.02, "foreign_replay": {"owner_loses": True}},
    "stuck": {**MONEY, "rate": 0.02, "stuck": {}},
    "many stuck": {**MONEY, "from_request": 15, "to_request": 60, "rate": 0.4, "stuck": {"applied": 0.5}},
    "stale lists": {"methods": ["GET"], "rate": 0.5, "stale_lists": {"ms": 2000}},
    "late balances": {"on": "accounts", "methods": ["POST"], "rate": 0.3, "late_balances": {"ms": 1500}},
    "exhausted": {"methods": ["POST"], "rate": 0.02, "exhausted": {}},
}


@dataclass(frozen=True)
class Preparation:
    """What happens before a session, and the faults of the network during it."""

    faults: NetworkFaults
    wait_s: float
    journal: str
    """Whether it is kept, lost, or restored from a copy."""
    which: int
    """Which copy is restored: one is made at the start of each step."""


def draw_preparation(number: int) -> Preparation:
    """Draw a preparation from a number; 0 is none."""
    chance = random.Random(number)
    wait_s = chance.choice((0.0, 0.0, 8.0, TTL_S - MARGIN_S + 1.0, TTL_S + 1.0, TTL_S + 1.0, HOUR_S)) if number else 0.0
    journal = chance.choice(("kept", "kept", "kept", "restored", "lost")) if number else "kept"
    return Preparation(draw_faults(number), wait_s, journal, chance.randrange(6))


@dataclass(frozen=True)
class PlanShape:
    """A plan, the number of requests in flight, and the server's own faults."""

    assets: int
    parts: int
    """The number of portfolios, and of segments."""
    accounts: int
    transactions: int
    batch: int = 1
    in_flight: int = 4
    faults: tuple[str, ...] = ()


def draw_shape(number: int) -> PlanShape:
    """Draw a shape from a number. With few accounts and many requests in flight, the most subsets explain a balance."""
    chance = random.Random(number)
    assets = chance.choice((1, 1, 2))
    faults = chance.sample(sorted(SANDBOX_FAULTS), chance.randint(0, 2))
    return PlanShape(
        assets,
        chance.randint(0, 2),
        max(chance.choice((2, 2, 3, 4, 6)), 2 * assets),
        chance.randint(6, 40),
        chance.choice((1, 1, 3)),
        chance.choice((1, 4, 16)),
        tuple(faults),
    )


# hypothesis prefers small and equal values; so it varies a number, from which the values are drawn
NUMBERS = st.integers(0, 2**32)
PREPARATIONS, SHAPES = NUMBERS.map(draw_preparation), NUMBERS.map(draw_shape)
