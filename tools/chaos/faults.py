"""The faults under which runs are killed, as rules of the sandbox's fault plan."""

from typing import Any

Rules = list[dict[str, Any]]
MONEY = {"on": "transactions", "methods": ["POST"]}
POSTS, READS = {"methods": ["POST"]}, {"methods": ["GET"]}
HELD_S = 5.0
"""Time for which a held request is kept back."""


def _altered(how: str) -> Rules:
    return [{**POSTS, "rate": 0.02, "altered": {"how": how}}, {**READS, "rate": 0.01, "altered": {"how": how}}]


def _ingress(code: int) -> Rules:
    """A proxy that answers by itself, both to requests that it has forwarded and to requests that it has not."""
    pages = [{**POSTS, "rate": 0.01, "html": {"code": code, "when": when}} for when in ("before", "after")]
    return [*pages, {**READS, "rate": 0.01, "html": {"code": code}}]


def _held(answer: str, rate: float) -> Rules:
    return [{**MONEY, "rate": rate, "held": {"for_s": HELD_S, "answer": answer}}]


FAULTS: dict[str, Rules] = {
    "none": [],
    "slow answers": [{"rate": 0.02, "latency": {"ms": 20, "spread_ms": 15}}],
    "little room": [{**MONEY, "capacity": {"at_once": 8, "ms": 2, "waiting_max": 4}}],
    "503 and 429": [
        {"rate": 0.01, "status": {"code": 503}},
        {"rate": 0.01, "status": {"code": 429, "retry_after_s": 0}},
    ],
    "500 after effect": [{"rate": 0.01, "status": {"code": 500, "when": "after"}}],
    "cut before": [{"rate": 0.01, "reset": {"when": "before"}}],
    "cut after": [{"rate": 0.01, "reset": {"when": "after"}}],
    "half answers": [{"rate": 0.01, "truncate": {}}],
    "ingress 404": _ingress(404),
    "ingress 502": _ingress(502),
    "emptied": _altered("emptied"),
    "stripped": _altered("stripped"),
    "reformatted": _altered("reformatted"),
    "numbers": _altered("numbers"),
    "shortened": _altered("shortened"),
    "doubled answers": _altered("doubled"),
    "swapped": [
        {**POSTS, "rate": 0.02, "swapped": {"within_ms": 300}},
        {**READS, "rate": 0.02, "swapped": {"within_ms": 300}},
    ],
    "held, cut": _held("cut", 0.004),
    "held, no answer": _held("none", 0.002),
    "held, 504": _held("gateway", 0.004),
    "sent twice": [
        {**MONEY, "rate": 0.02, "duplicated": {}},
        {**MONEY, "rate": 0.02, "duplicated": {"after_ms": 20, "answer": "second"}},
        {**MONEY, "rate": 0.01, "duplicated": {"after_ms": 2000}},
    ],
    "stale lists": [
        {**READS, "rate": 0.5, "stale_lists": {"ms": 1500}},
        {**POSTS, "rate": 0.01, "reset": {"when": "after"}},
    ],
    "late balances": [{"on": "accounts", "methods": ["POST"], "rate": 0.2, "late_balances": {"ms": 150}}],
    "stale balances": [{"on": "balances", "stale_balances": {"ms": 120}}],
    "foreign replays": [{**MONEY, "rate": 0.01, "foreign_replay": {}}],
    "foreign and cut": [
        {**MONEY, "rate": 0.01, "foreign_replay": {}},
        {**MONEY, "rate": 0.01, "reset": {"when": "before"}},
        {**MONEY, "rate": 0.01, "reset": {"when": "after"}},
    ],
    "owner loses": [{**MONEY, "rate": 0.003, "foreign_replay": {"owner_loses": True}}],
    "stuck keys": [{**MONEY, "every": 700, "stuck": {}}],
    "exhausted pool": [{**POSTS, "rate": 0.01, "exhausted": {}}],
    "outages": [{"every": 2500, "refuse": {"for_s": 0.3}}],
}
FAULTS["mixed"] = [
    {**rule, "rate": rule["rate"] / 4} if "rate" in rule else rule
    for name in (
        *("slow answers", "503 and 429", "cut after", "half answers", "foreign replays", "stuck keys"),
        *("emptied", "swapped", "ingress 404", "held, cut", "sent twice"),
    )
    for rule in FAULTS[name]
]
UNTIL_STOPPED: dict[str, Rules] = {
    "money hangs": [{**MONEY, "from_request": 40, "latency": {"ms": 600_000}}],
    "reads hang": [{**READS, "from_request": 6, "latency": {"ms": 600_000}}],
    "some hang": [{"rate": 0.02, "latency": {"ms": 600_000}}],
    "down": [{"from_request": 60, "refuse": {"for_s": 20}}],
    "all fail": [{"from_request": 60, "status": {"code": 500}}],
    "rate limit": [{"from_request": 30, "rate": 0.9, "status": {"code": 429}}],
    "late retry": [{"from_request": 30, "rate": 0.3, "status": {"code": 429, "retry_after_s": 60}}],
    "balances stand": [{"on": "balances", "stale_balances": {"ms": 600_000}}],
}
"""Faults under which a run does not end by itself: they are stopped after the run was."""
CLIENTS_MEET: Rules = [{"on": "organizations", "latency": {"ms": 50}}, {"on": "ledgers", "latency": {"ms": 30}}]
"""Slows the first creates down, so that two clients are likely to create the same entity at the same time."""
CLIENTS_MEET_AND_LOSE_ANSWERS: Rules = [*CLIENTS_MEET, *FAULTS["cut after"]]
