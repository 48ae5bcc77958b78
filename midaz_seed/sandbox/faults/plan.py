"""What goes wrong on purpose: a plan of rules, and the deterministic decision which requests they hit.

    seed: 7
    rules:
      - {name: slow transfers, on: transactions, methods: [POST], rate: 0.05, latency: {ms: 80, spread_ms: 40}}
      - {path: "/accounts$", every: 100, from_s: 0, to_s: 30, status: {code: 503, retry_after_s: 1, when: before}}
      - {from_request: 500, to_request: 500, refuse: {for_s: 2}}

A rule counts the requests that match it, from 1. Whether it hits request n depends on (seed, rule, n) alone, so the
same requests in the same order meet the same faults. Latencies and capacities of several rules add up; of the other
effects the first rule's is taken.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from midaz_seed.clock import Clock
from midaz_seed.errors import ConfigurationError
from midaz_seed.sandbox.core.dialect import GROUPS

When = Literal["before", "after"]
"""Whether the request is carried out: `after` means it was, and its answer is lost or replaced."""
How = Literal["emptied", "stripped", "reformatted", "numbers", "shortened", "doubled"]
"""What becomes of a body: nothing is left; JSON without its top-level `metadata`; the same JSON in another order and
with other blanks; amounts as JSON numbers with all their digits; its first half; twice the same."""

_WITHOUT_BODY = (204, 205, 304)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Latency(_Model):
    """The answer takes `ms` longer, give or take up to `spread_ms`."""

    ms: float = Field(ge=0)
    spread_ms: float = Field(0, ge=0)


class Capacity(_Model):
    """At most `at_once` requests are worked on, each for `ms`, give or take up to `spread_ms`; the others wait in
    line. Where `waiting_max` is given and that many wait already, one more gets 503, and is not carried out. That is
    a server with a knee: more than `at_once` in flight only take longer."""

    at_once: int = Field(ge=1)
    ms: float = Field(gt=0)
    spread_ms: float = Field(0, ge=0)
    waiting_max: int | None = Field(None, ge=0)


class Status(_Model):
    """A bare HTTP error with a plain text, which no Midaz wrote."""

    code: int = Field(503, ge=400, le=599)
    retry_after_s: int | None = Field(None, ge=0)
    when: When = "before"


class Reset(_Model):
    """The connection is cut (TCP RST)."""

    when: When = "before"


class Truncate(_Model):
    """The request is carried out, half of the answer arrives, the connection ends."""


class Html(_Model):
    """A proxy's error page instead of JSON."""

    code: int = Field(502, ge=200, le=599)
    when: When = "before"

    @field_validator("code")
    @classmethod
    def _has_a_body(cls, code: int) -> int:
        if code in _WITHOUT_BODY:
            raise ValueError(f"an answer with status {code} has no page")
        return code


class Altered(_Model):
    """The request is carried out; a gateway changes the answer's body and its length. What has nothing to change
    stays."""

    how: How


class Swapped(_Model):
    """The request is carried out and its answer waits for that of the next request that the rule hits; each gets the
    other's. Alone for `within_ms`, it gets its own."""

    within_ms: float = Field(1000, gt=0)


class Held(_Model):
    """Something on the way holds the request and lets it go `for_s` later: then it is carried out, and nobody gets the
    answer. The client's connection is cut at once, or never answered (`none`), or gets a gateway's 504."""

    for_s: float = Field(25, gt=0)
    answer: Literal["cut", "none", "gateway"] = "cut"


class Duplicated(_Model):
    """The request is carried out a second time, `after_ms` after the first, as a proxy that retries does. The client
    gets the `first` answer as soon as it is there, or the `second`."""

    after_ms: float = Field(0, ge=0)
    answer: Literal["first", "second"] = "first"


class StaleLists(_Model):
    """A GET of entities or transactions, of a list or of one, does not know what is younger than `ms`, as a replica
    that lags. Counts, and what was changed or deleted since, are as they are."""

    ms: float = Field(3000, gt=0)


class LateBalances(_Model):
    """The default balances of accounts and assets made by the request appear `ms` later; until then legs get 0019."""

    ms: int = Field(gt=0)


class ForeignReplay(_Model):
    """The request is not carried out; it gets a 201 marked as replayed with another transaction of the ledger. That
    one's answer stands under its key from now on: sent again, it gets the same until the key's time is over. With
    `owner_loses` the other one's own key has no answer any more (0084). Measured on real v3.3.15 and v4 servers.
    Without another transaction nothing happens."""

    owner_loses: bool = False


class Stuck(_Model):
    """What a server leaves behind that is killed in the middle of a new transaction: the connection is cut, the key
    stays claimed (0084) until its time is over, and then the same request is carried out again. The balances have
    moved in the part `applied` of the cases; such a transaction is seen as one only after `visible_after_s`. Seen on
    a real v3.8, whose recovery takes what is older than half an hour. What would be refused or replayed is answered
    as ever."""

    applied: float = Field(0.7, ge=0, le=1)
    visible_after_s: float = Field(1800, ge=0)


class StaleBalances(_Model):
    """Balances are shown as they were `ms` ago, as a replica that lags shows them."""

    ms: float = Field(gt=0)


class Refuse(_Model):
    """Nobody listens for `for_s` seconds and every open connection is cut; then the same port answers again."""

    for_s: float = Field(gt=0)


class Exhausted(_Model):
    """The server's database has no connection left. Half of the hits: 500 0127, the account was not made (for other
    requests a plain 500, not carried out). The others: 500 with the framework's own code, and half of those were
    carried out all the same."""


class RateCrash(_Model):
    """Changing an asset rate without `ttl` ends the server, as a nil pointer does in v3.3 and v3.8: nobody listens any
    more. Other requests are not touched, and v4 lives on."""


class Unauthorized(_Model):
    """401 with a plain text, as when a token has expired."""


Effect = (
    Latency
    | Capacity
    | Status
    | Reset
    | Truncate
    | Html
    | Altered
    | Swapped
    | Held
    | Duplicated
    | StaleLists
    | LateBalances
    | ForeignReplay
    | Stuck
    | StaleBalances
    | Refuse
    | Exhausted
    | RateCrash
    | Unauthorized
)


class Rule(_Model):
    """Some requests, some of the time, meet one effect. What is left out of the first three matches every request;
    requests to /sandbox itself are never looked at."""

    name: str = ""
    """How it is counted; the effect's name when left out."""
    on: str | None = None
    """The endpoints of one kind, such as `transactions`, `accounts` or `balances`."""
    methods: tuple[str, ...] | None = None
    path: str | None = None
    """A regular expression that is found anywhere in the path."""
    from_request: int = Field(1, ge=1)
    """The first of the matching requests that it is awake for; they count from 1."""
    to_request: int | None = Field(None, ge=1)
    """The last one; None: no end."""
    from_s: float = Field(0, ge=0)
    """Seconds since the sandbox started."""
    to_s: float | None = Field(None, ge=0)
    rate: float | None = Field(None, ge=0, le=1)
    """The part of the requests that it hits; all when neither this nor `every` is given."""
    every: int | None = Field(None, ge=1)
    """It hits each n-th request."""

    latency: Latency | None = None
    capacity: Capacity | None = None
    status: Status | None = None
    reset: Reset | None = None
    truncate: Truncate | None = None
    html: Html | None = None
    altered: Altered | None = None
    swapped: Swapped | None = None
    held: Held | None = None
    duplicated: Duplicated | None = None
    stale_lists: StaleLists | None = None
    late_balances: LateBalances | None = None
    foreign_replay: ForeignReplay | None = None
    stuck: Stuck | None = None
    stale_balances: StaleBalances | None = None
    refuse: Refuse | None = None
    exhausted: Exhausted | None = None
    rate_crash: RateCrash | None = None
    unauthorized: Unauthorized | None = None

    @field_validator("methods")
    @classmethod
    def _upper(cls, methods: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if methods is None else tuple(method.upper() for method in methods)

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        try:
            re.compile(path or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return path

    @field_validator("on")
    @classmethod
    def _known(cls, group: str | None) -> str | None:
        if group is not None and group not in GROUPS:
            raise ValueError(f"no such endpoints; there are {', '.join(sorted(GROUPS))}")
        return group

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.rate is not None and self.every is not None:
            raise ValueError("give `rate` or `every`, not both")
        if len(self._effects()) != 1:
            raise ValueError(f"give exactly one effect of {', '.join(_EFFECTS)}")
        return self

    def _effects(self) -> list[tuple[str, Effect]]:
        return [(name, effect) for name in _EFFECTS if (effect := getattr(self, name)) is not None]

    @property
    def effect(self) -> Effect:
        """What it does."""
        return self._effects()[0][1]

    @property
    def label(self) -> str:
        """How it is counted."""
        return self.name or self._effects()[0][0]

    def fits(self, method: str, path: str, group: str) -> bool:
        """Whether it looks at such a request."""
        if self.methods is not None and method not in self.methods:
            return False
        if self.on is not None and group != self.on:
            return False
        return self.path is None or re.search(self.path, path) is not None

    def hits(self, seed: int, index: int, number: int, elapsed_s: float) -> float | None:
        """For the n-th request that fits: a number from 0 to 1 for the effect's own use when it is hit, else None."""
        if number < self.from_request or (self.to_request is not None and number > self.to_request):
            return None
        if elapsed_s < self.from_s or (self.to_s is not None and elapsed_s > self.to_s):
            return None
        first, second = draws(seed, index, number)
        chosen = (
            number % self.every == 0 if self.every is not None else first < (1.0 if self.rate is None else self.rate)
        )
        return second if chosen else None


_EFFECTS = (
    "latency", "capacity", "status", "reset", "truncate", "html", "altered", "swapped", "held", "duplicated",
    "stale_lists", "late_balances", "foreign_replay", "stuck", "stale_balances", "refuse", "exhausted", "rate_crash",
    "unauthorized",
)  # fmt: skip


class _Yaml(yaml.SafeLoader):
    """YAML in which `on` is a word, not true."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class FaultPlan(_Model):
    """Rules in the order in which they are asked. `seed` None: the sandbox's own."""

    seed: int | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def stale_s_max(self) -> float:
        """How far back a read of a balance may look."""
        return max((rule.stale_balances.ms / 1000 for rule in self.rules if rule.stale_balances), default=0.0)

    @classmethod
    def parse(cls, data: Any, where: str = "fault plan") -> Self:
        """A plan from plain data. Raises ConfigurationError that names the wrong part."""
        try:
            return cls.model_validate({} if data is None else data)
        except ValidationError as error:
            first = error.errors()[0]
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
            raise ConfigurationError(
                f"{path or 'the plan'}: {first['msg']}", hint="docs/sandbox.md describes fault plans", where=where
            ) from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """A plan from a YAML file. Raises ConfigurationError."""
        try:
            data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)  # noqa: S506 - a SafeLoader
        except OSError as error:
            raise ConfigurationError(f"the fault plan cannot be read: {error.strerror}", where=str(path)) from None
        except yaml.YAMLError as error:
            raise ConfigurationError(f"not YAML: {error}", where=str(path)) from None
        return cls.parse(data, where=str(path))


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's effect on one request; `chance` is a number from 0 to 1 for the effect's own use."""

    rule: Rule
    effect: Effect
    chance: float


class Faults:
    """Asks a plan about each request and counts what was injected."""

    def __init__(self, plan: FaultPlan, seed: int, clock: Clock) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self._seed = plan.seed if plan.seed is not None else seed
        self._clock = clock
        self._start_s = clock.monotonic()
        self._matched = [0] * len(plan.rules)

    def decide(self, method: str, path: str, group: str) -> list[Hit]:
        """The rules that hit this request."""
        elapsed_s = self._clock.monotonic() - self._start_s
        hits = []
        for index, rule in enumerate(self.plan.rules):
            if rule.fits(method, path, group):
                self._matched[index] += 1
                chance = rule.hits(self._seed, index, self._matched[index], elapsed_s)
                if chance is not None:
                    hits.append(Hit(rule, rule.effect, chance))
        return hits

    def count(self, hit: Hit) -> None:
        """Note that an effect really happened."""
        self.injected[hit.rule.label] += 1

    def report(self) -> Mapping[str, Any]:
        """As `GET /sandbox/faults` shows it."""
        matched = zip(self.plan.rules, self._matched, strict=True)
        rules = [{"name": rule.label, "matched": number} for rule, number in matched]
        return {"seed": self._seed, "injected": dict(self.injected), "rules": rules}


def draws(seed: int, rule: int, number: int) -> tuple[float, float]:
    """Two numbers from 0 up to 1, the same for the same arguments on every machine."""
    digest = hashlib.blake2b(f"{seed}:{rule}:{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") / 2**64, int.from_bytes(digest[8:], "big") / 2**64
