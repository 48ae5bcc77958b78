"""The effects that a fault plan can have on a request, one model for each."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

When = Literal["before", "after"]
"""Whether the request is carried out; `after`: it is, and its answer is lost or replaced."""
How = Literal["emptied", "stripped", "reformatted", "numbers", "shortened", "doubled"]
"""The change of a body: removed; JSON without its top-level `metadata`; the same JSON in another order with other
white space; amounts as JSON numbers with all their digits; its first half; the body twice."""

_WITHOUT_BODY = (204, 205, 304)


class Model(BaseModel):
    """A part of a fault plan: frozen, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # most sandboxes have no fault plan


class Latency(Model):
    """The answer takes `ms` longer, plus or minus up to `spread_ms`."""

    ms: float = Field(ge=0)
    spread_ms: float = Field(0, ge=0)


class Wander(Model):
    """The speed changes every `every_s` by up to `percent`, and stays within `percent` of the usual one; faster and
    smaller changes are added."""

    percent: float = Field(30, gt=0, le=90)
    every_s: float = Field(6, ge=0.1)


class Stalls(Model):
    """Nothing is worked on for `ms`, plus or minus up to `spread_ms`, as during a checkpoint or a garbage collection;
    again `every_s` later, plus or minus up to `every_spread_s`."""

    ms: float = Field(500, gt=0)
    spread_ms: float = Field(300, ge=0)
    every_s: float = Field(20, ge=0.1)
    every_spread_s: float = Field(10, ge=0)


class Capacity(Model):
    """Limits concurrent requests to `at_once`, each for `ms`, plus or minus up to `spread_ms`; the rest queue. With
    `waiting_max`, a request that finds a full queue gets 503 and is not carried out. It imitates the saturation point
    of a server. Each `at_once` requests in the queue slow all down by `slower_percent`. The speed may wander and the
    work may stall; both depend on the seed and the time alone."""

    at_once: int = Field(ge=1)
    ms: float = Field(gt=0)
    spread_ms: float = Field(0, ge=0)
    waiting_max: int | None = Field(None, ge=0)
    slower_percent: float = Field(0, ge=0)
    wander: Wander | None = None
    stalls: Stalls | None = None


class Status(Model):
    """An HTTP error with a plain text instead of an error of Midaz."""

    code: int = Field(503, ge=400, le=599)
    retry_after_s: int | None = Field(None, ge=0)
    when: When = "before"


class Reset(Model):
    """The connection is cut (TCP RST)."""

    when: When = "before"


class Truncate(Model):
    """The request is carried out, half of the answer arrives, the connection ends."""


class Html(Model):
    """A proxy's error page instead of JSON."""

    code: int = Field(502, ge=200, le=599)
    when: When = "before"

    @field_validator("code")
    @classmethod
    def _has_a_body(cls, code: int) -> int:
        if code in _WITHOUT_BODY:
            raise ValueError(f"must be a status whose answer has a body, not {code}")
        return code


class Altered(Model):
    """The request is carried out; a gateway changes the body of the answer, and its length. A body without anything to
    change stays as it is."""

    how: How


class Swapped(Model):
    """The request is carried out, and its answer swapped with that of the next request that the rule hits. Without one
    within `within_ms` it gets its own."""

    within_ms: float = Field(1000, gt=0)


class Held(Model):
    """The network holds the request: it is carried out `for_s` later, and its answer is lost. The client's connection
    is cut at once, or never answered (`none`), or gets a gateway's 504."""

    for_s: float = Field(25, gt=0)
    answer: Literal["cut", "none", "gateway"] = "cut"


class Duplicated(Model):
    """The request is carried out a second time, `after_ms` after the first, as a proxy that retries does. The client
    gets the `first` answer as soon as it is there, or the `second`."""

    after_ms: float = Field(0, ge=0)
    answer: Literal["first", "second"] = "first"


class StaleLists(Model):
    """A GET of entities or transactions, of a list or of one, omits what is younger than `ms`, as a replica that lags.
    Counts, changes and deletions are up to date."""

    ms: float = Field(3000, gt=0)


class LateBalances(Model):
    """The default balances of accounts and assets made by the request appear `ms` later; until then legs get 0019."""

    ms: int = Field(gt=0)


class ForeignReplay(Model):
    """The request is not carried out: it gets a 201, marked as replayed, with another transaction of the ledger. Sent
    again, it gets the same answer until its key expires. With `owner_loses` the other transaction's own key has no
    answer any more (0084). Measured on real v3.3.15 and v4 servers. Without another transaction nothing happens."""

    owner_loses: bool = False


class Stuck(Model):
    """The state that a server leaves when it is killed during a new transaction: the connection is cut, and the key
    stays claimed (0084) until it expires; then the same request is carried out again. In the share `applied` of the
    cases the balances have moved, but reads show the transaction only after `visible_after_s`. Measured on a real
    v3.8, whose recovery takes transactions older than half an hour. A request that is refused or replayed is answered
    as usual."""

    applied: float = Field(0.7, ge=0, le=1)
    visible_after_s: float = Field(1800, ge=0)


class StaleBalances(Model):
    """Balances are shown as they were `ms` ago, as by a replica that lags."""

    ms: float = Field(gt=0)


class Refuse(Model):
    """The port is closed for `for_s` seconds and every open connection is cut; then the same port is open again."""

    for_s: float = Field(gt=0)


class Exhausted(Model):
    """The server's database has no connection left. Half of the hits get 500 0127, the account was not made (other
    requests get a plain 500 and are not carried out). The others get a 500 with the framework's code, and half of
    those are carried out nevertheless."""


class RateCrash(Model):
    """A change of an asset rate without `ttl` ends the server, as a nil pointer does in v3.3 and v3.8. It has no effect
    on other requests, nor with v4."""


class Unauthorized(Model):
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
