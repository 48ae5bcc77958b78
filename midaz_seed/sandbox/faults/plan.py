"""Fault plans: rules that decide which requests meet an effect.

    seed: 7
    rules:
      - {name: slow transfers, on: transactions, methods: [POST], rate: 0.05, latency: {ms: 80, spread_ms: 40}}
      - {path: "/accounts$", every: 100, from_s: 0, to_s: 30, status: {code: 503, retry_after_s: 1, when: before}}
      - {from_request: 500, to_request: 500, refuse: {for_s: 2}}

A rule counts the requests that match it, from 1. Whether it hits request n depends only on (seed, rule, n), so the same
requests in the same order meet the same faults. Latencies and capacities of several rules add up; of the other effects
only the first rule's happens.
"""

import hashlib
import re
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from midaz_seed.bounded_yaml import BoundedLoader, YamlError, compose, load, read_limited
from midaz_seed.errors import ConfigurationError
from midaz_seed.sandbox.core.dialect import GROUPS
from midaz_seed.sandbox.faults.effects import (
    Altered,
    Capacity,
    Duplicated,
    Effect,
    Exhausted,
    ForeignReplay,
    Held,
    Html,
    LateBalances,
    Latency,
    Model,
    RateCrash,
    Refuse,
    Reset,
    StaleBalances,
    StaleLists,
    Status,
    Stuck,
    Swapped,
    Truncate,
    Unauthorized,
)
from midaz_seed.sandbox.faults.plan_problems import problems_of
from midaz_seed.wording import nearest


class Rule(Model):
    """Selects requests, and lets them meet one effect.

    `on`, `methods` and `path` match every request when they are left out; requests to /sandbox never match.
    """

    name: str = ""
    """Its name in counts; by default that of the effect."""
    on: str | None = None
    """A group of endpoints, such as `transactions`, `accounts` or `balances`."""
    methods: tuple[str, ...] | None = None
    path: str | None = None
    """A regular expression, searched in the path."""
    from_request: int = Field(1, ge=1)
    """The first of the matching requests that it may hit, counted from 1."""
    to_request: int | None = Field(None, ge=1)
    """The last of them; None: no end."""
    from_s: float = Field(0, ge=0)
    """Seconds since the sandbox started."""
    to_s: float | None = Field(None, ge=0)
    rate: float | None = Field(None, ge=0, le=1)
    """The share of the requests that it hits; all when neither this nor `every` is given."""
    every: int | None = Field(None, ge=1)
    """It hits every n-th request."""

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
        except (re.error, OverflowError, RecursionError) as error:  # such as a{99999999999}
            raise ValueError(f"must be a regular expression: {error}") from None
        return path

    @field_validator("on")
    @classmethod
    def _known(cls, group: str | None) -> str | None:
        if group is not None and group not in GROUPS:
            suggestion = nearest(group, GROUPS)
            also = f"; did you mean {suggestion}?" if suggestion else ""
            raise ValueError(f"must be one of {', '.join(sorted(GROUPS))}, not {group}{also}")
        return group

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.rate is not None and self.every is not None:
            raise ValueError("must have `rate` or `every`, not both")
        if len(self._effects()) != 1:
            raise ValueError(f"must have exactly one effect of {', '.join(_EFFECTS)}")
        return self

    def _effects(self) -> list[tuple[str, Effect]]:
        return [(name, effect) for name in _EFFECTS if (effect := getattr(self, name)) is not None]

    @property
    def effect(self) -> Effect:
        """Its effect."""
        return self._effects()[0][1]

    @property
    def label(self) -> str:
        """Its name in counts."""
        return self.name or self._effects()[0][0]

    def fits(self, method: str, path: str, group: str) -> bool:
        """Return whether the rule matches a request."""
        if self.methods is not None and method not in self.methods:
            return False
        if self.on is not None and group != self.on:
            return False
        return self.path is None or re.search(self.path, path) is not None

    def hits(self, seed: int, index: int, number: int, elapsed_s: float) -> float | None:
        """Decide whether the rule hits a matching request.

        Args:
            index: of the rule in its plan.
            number: of the request among those that match, from 1.
            elapsed_s: since the sandbox started.

        Returns:
            A number from 0 to 1 for the effect's own use; None when the request is not hit.
        """
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


class _Yaml(BoundedLoader):
    """YAML in which `on` is a text, not true."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class FaultPlan(Model):
    """Rules in the order in which they are tried. `seed` None: that of the sandbox."""

    seed: int | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def stale_s_max(self) -> float:
        """How far back a read of a balance may look, in seconds."""
        return max((rule.stale_balances.ms / 1000 for rule in self.rules if rule.stale_balances), default=0.0)

    @classmethod
    def parse(cls, data: Any, where: str = "fault plan", root: yaml.Node | None = None) -> Self:
        """Return the plan of plain data.

        Args:
            data: what the YAML contains.
            where: the name of the plan, for messages.
            root: the YAML, for the lines in messages.

        Raises:
            ConfigurationError: names everything that is invalid.
        """
        try:
            return cls.model_validate({} if data is None else data)
        except ValidationError as error:
            problems = problems_of(error, cls, where, root)
            hint = "docs/sandbox.md describes fault plans"
            if len(problems) == 1:
                raise ConfigurationError(problems[0][1], where=problems[0][0], hint=hint) from None
            lines = "".join(f"\n  {place}: {text}" for place, text in problems)
            raise ConfigurationError(
                f"{len(problems)} problems in the fault plan:{lines}", where=where, hint=hint
            ) from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a plan from a YAML file.

        Raises:
            ConfigurationError: the file cannot be read, or is no valid plan.
        """
        try:
            text = read_limited(path)
            data, root = load(text, _Yaml), compose(text, _Yaml)
        except OSError as error:
            raise ConfigurationError(f"the fault plan cannot be read: {error.strerror}", where=str(path)) from None
        except YamlError as error:
            where = str(path) if error.line is None else f"{path}:{error.line}"
            raise ConfigurationError(f"the fault plan {error.text}", where=where) from None
        return cls.parse(data, where=str(path), root=root)


def draws(seed: int, rule: int, number: int) -> tuple[float, float]:
    """Return two numbers from 0 to below 1, the same for the same arguments on every machine."""
    digest = hashlib.blake2b(f"{seed}:{rule}:{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") / 2**64, int.from_bytes(digest[8:], "big") / 2**64
