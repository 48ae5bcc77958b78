"""What a scenario needs from the server's version, feature by feature: nothing is left out silently.

The versions are those of docs/midaz-behaviour.md and of the changelog of Midaz.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from midaz_seed.errors import UnsupportedScenarioError
from midaz_seed.scenarios.model import Scenario, Then

Version = tuple[int, ...]

LATEST_PATCH = 999
"""The patch of a version that is given without one: `v3.3` is the newest of its line."""
HISTORY: tuple[Version, ...] = ((3, 3),)
"""`transactionDate` of a transaction."""
BALANCE_AT_A_DATE: tuple[Version, ...] = ((3, 6),)
"""`GET .../balances/{id}/history`."""
PENDING: tuple[Version, ...] = ((3, 0),)
COMMIT: tuple[Version, ...] = ((3, 3, 10), (3, 4, 2), (3, 5))
"""Commit and cancel with the lock that makes a second one of the same transaction fail."""
ANNOTATION: tuple[Version, ...] = ((3, 3),)
BLOCK: tuple[Version, ...] = ((3, 8),)
SEVERAL_LEGS: tuple[Version, ...] = ((3, 3),)
"""A transaction with several legs is applied as a whole or not at all."""
ROUTES: tuple[Version, ...] = ((3, 0),)
VALIDATED_ROUTES: tuple[Version, ...] = ((3, 6),)
"""The ledger setting that switches the checks on, and operation routes for both sides, which reverts need."""
PARTIES: tuple[Version, ...] = ((4, 0),)
"""Holders and instruments below an organization."""
REFUSALS: tuple[Version, ...] = ((3, 3, 15), (3, 4, 9), (3, 5, 2), (3, 6))
"""A refused transaction releases its idempotency key; earlier patches keep it until it expires."""


@dataclass(frozen=True, slots=True)
class Need:
    """A feature that a scenario uses.

    Attributes:
        feature: what it is, in a few words.
        path: where the scenario uses it.
        since: the versions that have it from on, one per line of releases; the last is for all later lines.
    """

    feature: str
    path: str
    since: tuple[Version, ...]

    @property
    def versions(self) -> str:
        """The versions that have it: "v3.3.15, v3.4.9, v3.5.2 or v3.6 and later"."""
        *earlier, last = [f"v{'.'.join(map(str, version))}" for version in self.since]
        return (f"{', '.join(earlier)} or {last}" if earlier else last) + " and later"

    def is_met_by(self, version: Version) -> bool:
        """Return whether a version has the feature."""
        line = next((since for since in self.since if since[:2] == version[:2]), self.since[-1])
        return version >= line


def needs_of(scenario: Scenario) -> list[Need]:
    """Return every feature of the server that a scenario uses, each with the versions that have it."""
    return list(_needs(scenario))


def missing(scenario: Scenario, version: str) -> list[Need]:
    """Return what a scenario uses and a server of this version has not.

    Args:
        scenario: the resolved scenario.
        version: such as `v3.8.0`, `4.0.0-beta.11`, or `v3.3` for the newest patch of that line.

    Raises:
        ValueError: the text is no version.
    """
    number = parse_version(version)
    return [need for need in _needs(scenario) if not need.is_met_by(number)]


def check_supported(scenario: Scenario, version: str) -> None:
    """Raise UnsupportedScenarioError, with all that is missing, unless a server of this version can hold a scenario."""
    lacking = missing(scenario, version)
    if not lacking:
        return
    what = "; ".join(f"{need.feature} ({need.path}) needs {need.versions}" for need in lacking)
    shown = version if version.startswith("v") else f"v{version}"
    raise UnsupportedScenarioError(
        f"Midaz {shown} lacks what the scenario {scenario.scenario} uses: {what}",
        hint=f"use a newer server, or a scenario file that extends {scenario.scenario} and leaves these parts out, or "
        "another scenario (`midaz-seed scenario list`)",
    )


def parse_version(text: str) -> Version:
    """Return a version as numbers. Raises ValueError."""
    match = re.match(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,6}))?(?![0-9])", text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not a version, such as v3.8.0")
    return int(match[1]), int(match[2]), int(match[3]) if match[3] else LATEST_PATCH


def _needs(scenario: Scenario) -> Iterator[Need]:
    if scenario.needs.midaz is not None:
        yield Need("the scenario", "needs.midaz", (_at_least(scenario.needs.midaz),))
    if scenario.time is not None:
        yield Need("a history with dates", "time", HISTORY)
    if scenario.proof.as_of:
        yield Need("balances at a date", "proof.as_of", BALANCE_AT_A_DATE)
    for name, entry in scenario.mix.items():
        several = {"legs": entry.legs > 1, "sources": entry.sources > 1}
        parts = {"fee": entry.fee, "split": entry.split, **several, "exchange": entry.exchange}
        for part, given in parts.items():
            if given:
                yield Need("a transaction with several legs", f"mix.{name}.{part}", SEVERAL_LEGS)
        if entry.then is not None:
            yield from _needs_of_holds(f"mix.{name}.then", [entry.then])
    for name in scenario.payouts:
        yield Need("a transaction with several legs", f"payouts.{name}", SEVERAL_LEGS)
    yield from _needs_of_lifecycle(scenario)
    if scenario.refusals is not None:
        yield Need("a refused transaction that can be repeated", "refusals", REFUSALS)
    if scenario.parties:
        yield Need("holders and instruments", "parties", PARTIES)
    if scenario.routes is not None:
        yield Need("operation and transaction routes", "routes", ROUTES)
        if scenario.routes.validate_:
            yield Need("the validation of routes", "routes.validate", VALIDATED_ROUTES)
        if scenario.lifecycle is not None and scenario.lifecycle.revert:
            yield Need("operation routes for both sides", "lifecycle.revert", VALIDATED_ROUTES)


def _needs_of_holds(path: str, holds: Sequence[Then]) -> Iterator[Need]:
    if holds:
        yield Need("pending transactions", path, PENDING)
    if any(then.commit or then.cancel for then in holds):
        yield Need("commit and cancel that cannot happen twice", path, COMMIT)


def _needs_of_lifecycle(scenario: Scenario) -> Iterator[Need]:
    life = scenario.lifecycle
    if life is None:
        return
    yield from _needs_of_holds("lifecycle.pending", [each.then for each in life.pending])
    if life.revert:
        yield Need("reverts", "lifecycle.revert", PENDING)
    if life.annotate:
        yield Need("annotations", "lifecycle.annotate", ANNOTATION)
    if life.block:
        yield Need("block transactions", "lifecycle.block", BLOCK)


def _at_least(text: str) -> Version:
    return tuple(int(part) for part in text.removeprefix(">=").split("."))
