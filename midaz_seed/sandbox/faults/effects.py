"""What a fault does to a request: one model for each effect of a fault plan."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

When = Literal["before", "after"]
"""Whether the request is carried out: `after` means it was, and its answer is lost or replaced."""
How = Literal["emptied", "stripped", "reformatted", "numbers", "shortened", "doubled"]
"""What becomes of a body: nothing is left; JSON without its top-level `metadata`; the same JSON in another order and
with other blanks; amounts as JSON numbers with all their digits; its first half; twice the same."""

_WITHOUT_BODY = (204, 205, 304)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Latency(Model):
    """The answer takes `ms` longer, give or take up to `spread_ms`."""

    ms: float = Field(ge=0)
    spread_ms: float = Field(0, ge=0)


class Capacity(Model):
    """At most `at_once` requests are worked on, each for `ms`, give or take up to `spread_ms`; the others wait in
    line. Where `waiting_max` is given and that many wait already, one more gets 503, and is not carried out. That is
    a server with a knee: more than `at_once` in flight only take longer."""

    at_once: int = Field(ge=1)
    ms: float = Field(gt=0)
    spread_ms: float = Field(0, ge=0)
    waiting_max: int | None = Field(None, ge=0)


class Status(Model):
    """A bare HTTP error with a plain text, which no Midaz wrote."""

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
            raise ValueError(f"an answer with status {code} has no page")
        return code


class Altered(Model):
    """The request is carried out; a gateway changes the answer's body and its length. What has nothing to change
    stays."""

    how: How


class Swapped(Model):
    """The request is carried out and its answer waits for that of the next request that the rule hits; each gets the
    other's. Alone for `within_ms`, it gets its own."""

    within_ms: float = Field(1000, gt=0)


class Held(Model):
    """Something on the way holds the request and lets it go `for_s` later: then it is carried out, and nobody gets the
    answer. The client's connection is cut at once, or never answered (`none`), or gets a gateway's 504."""

    for_s: float = Field(25, gt=0)
    answer: Literal["cut", "none", "gateway"] = "cut"


class Duplicated(Model):
    """The request is carried out a second time, `after_ms` after the first, as a proxy that retries does. The client
    gets the `first` answer as soon as it is there, or the `second`."""

    after_ms: float = Field(0, ge=0)
    answer: Literal["first", "second"] = "first"


class StaleLists(Model):
    """A GET of entities or transactions, of a list or of one, does not know what is younger than `ms`, as a replica
    that lags. Counts, and what was changed or deleted since, are as they are."""

    ms: float = Field(3000, gt=0)


class LateBalances(Model):
    """The default balances of accounts and assets made by the request appear `ms` later; until then legs get 0019."""

    ms: int = Field(gt=0)


class ForeignReplay(Model):
    """The request is not carried out; it gets a 201 marked as replayed with another transaction of the ledger. That
    one's answer stands under its key from now on: sent again, it gets the same until the key's time is over. With
    `owner_loses` the other one's own key has no answer any more (0084). Measured on real v3.3.15 and v4 servers.
    Without another transaction nothing happens."""

    owner_loses: bool = False


class Stuck(Model):
    """What a server leaves behind that is killed in the middle of a new transaction: the connection is cut, the key
    stays claimed (0084) until its time is over, and then the same request is carried out again. The balances have
    moved in the part `applied` of the cases; such a transaction is seen as one only after `visible_after_s`. Seen on
    a real v3.8, whose recovery takes what is older than half an hour. What would be refused or replayed is answered
    as ever."""

    applied: float = Field(0.7, ge=0, le=1)
    visible_after_s: float = Field(1800, ge=0)


class StaleBalances(Model):
    """Balances are shown as they were `ms` ago, as a replica that lags shows them."""

    ms: float = Field(gt=0)


class Refuse(Model):
    """Nobody listens for `for_s` seconds and every open connection is cut; then the same port answers again."""

    for_s: float = Field(gt=0)


class Exhausted(Model):
    """The server's database has no connection left. Half of the hits: 500 0127, the account was not made (for other
    requests a plain 500, not carried out). The others: 500 with the framework's own code, and half of those were
    carried out all the same."""


class RateCrash(Model):
    """Changing an asset rate without `ttl` ends the server, as a nil pointer does in v3.3 and v3.8: nobody listens any
    more. Other requests are not touched, and v4 lives on."""


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
